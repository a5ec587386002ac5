"""The server on Ray Serve with two replicas; it shares the cluster of the tests of batches."""

import socket
from concurrent.futures import ThreadPoolExecutor
from threading import Event

import httpx
import psutil
import pytest
import ray_cluster
from missing_ray import require_ray_serve

pytestmark = [pytest.mark.filterwarnings("ignore"), pytest.mark.timeout(240)]
CLIENTS, ROUNDS = 6, 8
TEXTS = [f"{'csv file reader row column ' * (at % 9)}{at}" for at in range(80)]


@pytest.fixture(scope="module")
def client(tiny_options):
    require_ray_serve()
    cluster = ray_cluster.cluster()
    from ray import serve

    from secondpass.serve.ray import application

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with ray_cluster.one_more_node():
        assert cluster.worker_nodes
        serve.start(http_options={"host": "127.0.0.1", "port": port})
        asked = {
            **tiny_options,
            "min_replicas": 2,
            "max_replicas": 2,
            "max_ongoing_requests": CLIENTS,
            "max_queued_requests": 4,
            "names": ["rerank-v3.5"],
        }
        try:
            serve.run(application(asked), name="secondpass", route_prefix="/")
            with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=60) as client:
                yield client
        finally:
            serve.shutdown()


def ask(client, number):
    texts = TEXTS[number % 20 :]
    body = {"model": "rerank-v3.5", "query": f"read csv {number % 7}", "documents": texts}
    return number, client.post("/v2/rerank", json=body)


def expected(library, number):
    return library.rank(f"read csv {number % 7}", TEXTS[number % 20 :], None).hits


def assert_answer(library, number, answer):
    found = {one["index"]: one["relevance_score"] for one in answer.json()["results"]}
    for hit in expected(library, number):
        assert found[hit.index] == pytest.approx(hit.known_score, abs=1e-5)


def test_a_request_has_the_librarys_scores(client, library):
    number, answer = ask(client, 3)
    assert answer.status_code == 200
    assert_answer(library, number, answer)
    assert client.get("/v1/models").json()["data"][0]["id"].endswith("bert")
    assert client.post("/v2/rerank", json={"query": "q"}).status_code == 400


def test_more_than_the_queue_takes_is_refused_in_the_clients_format(client, library):
    with ThreadPoolExecutor(60) as pool:
        answers = dict(pool.map(lambda number: ask(client, number), range(60)))
    refused = [answer for answer in answers.values() if answer.status_code == 429]
    assert refused
    for answer in refused:
        assert "all the work it takes" in answer.json()["message"]
        assert int(answer.headers["retry-after"]) >= 1
    for number, answer in answers.items():
        if answer not in refused:
            assert answer.status_code == 200, answer.text
            assert_answer(library, number, answer)


def replicas():
    found = []
    for process in psutil.Process().children(recursive=True):
        try:
            if "ServeReplica:secondpass:replica" in " ".join(process.cmdline()):
                found.append(process)
        except psutil.Error:
            continue
    return found


def test_no_accepted_request_is_lost_where_a_replica_is_killed(client, library):
    begun = Event()

    def load(client_number):
        answers = []
        for at in range(ROUNDS):
            answers.append(ask(client, client_number * ROUNDS + at))
            if at == 1:
                begun.set()
        return answers

    with ThreadPoolExecutor(CLIENTS) as pool:
        running = [pool.submit(load, number) for number in range(CLIENTS)]
        assert begun.wait(60)
        before = replicas()
        assert len(before) == 2
        before[0].kill()
        answers = [one for future in running for one in future.result()]
    assert len(answers) == CLIENTS * ROUNDS
    told = [answer for _, answer in answers if answer.status_code != 200]
    # Who has no answer has an error that says why, in the client's own format.
    assert all(answer.status_code in (429, 500) and answer.json()["message"] for answer in told)
    assert len(told) < len(answers) / 4, [answer.text for answer in told]
    for number, answer in answers:
        if answer not in told:
            assert_answer(library, number, answer)
