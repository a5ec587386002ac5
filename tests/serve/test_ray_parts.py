"""The server on Ray Serve, part by part: without a cluster, and most of it without Ray."""

from __future__ import annotations

import asyncio
import pickle
import time
import warnings
from types import SimpleNamespace

import numpy as np
import pytest
from fake_service import FakeService
from missing_ray import require_ray_serve
from serve_client import fake_client
from serve_fakes import COST

from secondpass import CrossEncoderReranker, InputError
from secondpass.options.model import RerankerOptions
from secondpass.serve.contract import (
    Busy,
    Closed,
    DeadlineTooShort,
    Failed,
    Job,
    TookTooLong,
    UnknownModel,
)
from secondpass.serve.models import ModelEntry
from secondpass.serve.ray import application
from secondpass.serve.ray_replica import Replica
from secondpass.serve.ray_scaling import WAIT_MS, ByQueueTime
from secondpass.serve.ray_service import TRIES, RayService

ERRORS = [
    Busy(2.5),
    Busy(1.0, "every replica has all the work it takes"),
    UnknownModel("gpt", ["tiny", "alias"], "tiny"),
    DeadlineTooShort(20.0, 31.0),
    DeadlineTooShort(20.0),
    TookTooLong(60.0),
    Failed("ScoreError", "the model gave nan for text 0"),
    Closed(),
]


@pytest.mark.parametrize("error", ERRORS, ids=lambda one: type(one).__name__)
def test_an_error_comes_whole_to_another_process(error):
    again = pickle.loads(pickle.dumps(error))
    assert (type(again), str(again), vars(again)) == (type(error), str(error), vars(error))


def context(waits, queued=0.0, target=None, running=None):
    return SimpleNamespace(
        current_num_replicas=len(waits or ()) if running is None else running,
        aggregated_metrics={WAIT_MS: dict(enumerate(waits))} if waits is not None else {},
        total_queued_requests=queued,
        target_num_replicas=len(waits or ()) if target is None else target,
    )


@pytest.mark.parametrize(
    ("waits", "queued", "wanted"),
    [
        ([100.0], 0, 1),
        ([101.0], 0, 2),
        ([120.0, 120.0, 120.0, 120.0], 0, 5),
        ([0.0, 400.0], 0, 4),
        ([10_000.0, 10_000.0], 0, 4),
        ([30.0, 30.0], 0, 2),
        ([10.0, 10.0], 0, 1),
        ([10.0], 0, 1),
        ([10.0, 10.0], 3, 3),
        ([0.0, 0.0, 0.0], 0, 2),
    ],
)
def test_replicas_follow_the_time_in_the_queue(waits, queued, wanted):
    assert ByQueueTime(100.0)(context(waits, queued)) == (wanted, {})


def test_a_replica_that_has_not_reported_yet_counts():
    assert ByQueueTime(100.0)(context([50.0, 60.0], running=3)) == (3, {})


@pytest.mark.parametrize("waits", [None, []])
def test_without_a_measurement_their_number_stays(waits):
    assert ByQueueTime(100.0)(context(waits, target=3)) == (3, {})


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"port": 80}, "port has no use on Ray: it is in http_options"),
        ({"threads": 2}, "threads has no use on Ray: cpus"),
        ({"unload_after_s": 5.0}, "unload_after_s has no use on Ray"),
        ({"min_replicas": 3, "max_replicas": 2}, "max_replicas=2 is less than min_replicas=3"),
        ({"target_wait_ms": 0}, "target_wait_ms is int 0, expected milliseconds"),
        ({"cpu": 2}, "there is no option 'cpu'"),
        ({"max_wait_ms": "soon"}, "max_wait_ms is str 'soon'"),
        ({"effort": "slow"}, "effort is 'slow'"),
    ],
)
def test_a_wrong_option_is_refused_before_anything_starts(given, said):
    with pytest.raises(InputError, match=said):
        application(given)


@pytest.fixture(scope="module")
def model(tiny_options):
    return {**tiny_options, "threads": 1}


@pytest.fixture
def replica(model, monkeypatch):
    """Return what runs a scenario with a replica that has begun."""
    monkeypatch.setattr(CrossEncoderReranker, "text_cost", lambda self: COST)

    def run(scenario):
        async def whole():
            one = Replica(model, ("tiny", "alias"), {"timeout_s": 30.0})
            await one.begin()
            try:
                return await asyncio.wait_for(scenario(one), 60)
            finally:
                await one.end()

        return asyncio.run(whole())

    return run


TEXTS = ["a csv file", "sheep give wool", "read rows of a csv file"] * 5


def test_a_replica_scores_as_the_library(replica, model):
    async def scenario(one):
        await one.check_health()
        info = await one.describe()
        answers = await one.rank_together([Job(query="csv", texts=TEXTS)], "me", time.time())
        return info, answers, await one.record_autoscaling_stats()

    info, (answer,), stats = replica(scenario)
    with CrossEncoderReranker.from_dict(model) as library:
        expected = library.score("csv", TEXTS).scores
    np.testing.assert_allclose(answer.scores.scores, expected, atol=1e-5)
    assert info.precision == "fp32"
    assert set(stats) == {WAIT_MS}


def test_what_a_request_waited_before_is_taken_from_its_budget(replica):
    asked = {
        "enough": Job(query="csv", texts=TEXTS, budget_ms=1e9),
        "spent": Job(query="csv", texts=TEXTS, budget_ms=5_000.0),
        "refused": Job(query="csv", texts=TEXTS, budget_ms=5_000.0, when_late="refuse"),
    }

    async def scenario(one):
        # A pace that is not known yet is a guess, and a guess is tried.
        await one.rank_together([Job(query="csv", texts=TEXTS)], "me", time.time())
        sent = time.time() - 10
        return {name: await one.rank_together([job], "me", sent) for name, job in asked.items()}

    answers = replica(scenario)
    assert answers["enough"][0].scores.scored.all()
    assert answers["enough"][0].queue_ms >= 10_000
    assert not answers["spent"][0].scores.scored.all()
    refused = answers["refused"]
    assert isinstance(refused, DeadlineTooShort)
    assert refused.budget_ms == 5_000.0


def test_what_a_replica_refuses_comes_back_as_a_value(replica):
    async def scenario(one):
        return [
            await one.rank_together([job], "me", time.time())
            for job in (Job(query=" ", texts=["a"]), Job(query="q", texts=["a"], model="other"))
        ]

    empty, unknown = replica(scenario)
    assert (type(empty), type(unknown)) == (InputError, UnknownModel)


class Handle:
    """A deployment handle whose replicas are the fake service, behind what is to go wrong first."""

    def __init__(self, *wrong):
        self.wrong, self.calls, self.cancelled = list(wrong), [], 0
        self.service = FakeService()
        self.rank_together = SimpleNamespace(remote=self._rank)
        self.describe = SimpleNamespace(remote=lambda: Response(self, self.service.describe()))

    def _rank(self, jobs, who, sent):
        self.calls.append((jobs, who, sent))
        return Response(self, self._answers(jobs))

    async def _answers(self, jobs):
        wrong = self.wrong.pop(0) if self.wrong else None
        if callable(wrong):
            await wrong()
        elif wrong is not None:
            raise wrong
        try:
            return await self.service.rank_together(jobs)
        except Exception as error:
            return error


class Response:
    def __init__(self, handle, work):
        self._handle, self._work = handle, work

    def __await__(self):
        return self._work.__await__()

    def cancel(self):
        self._handle.cancelled += 1


@pytest.fixture
def ray_errors():
    """What Ray raises where a replica cannot be called."""
    require_ray_serve()
    with warnings.catch_warnings():
        # What Ray Serve says is to change in pydantic is not what is tested.
        warnings.simplefilter("ignore")
        from ray.exceptions import ActorDiedError, ActorUnavailableError, RayTaskError
        from ray.serve.exceptions import BackPressureError

    return SimpleNamespace(
        died=ActorDiedError,
        gone=lambda: ActorUnavailableError("gone", None),
        task=lambda: RayTaskError("rank", "a traceback with the text", ValueError("secret")),
        full=lambda: BackPressureError(5, 5),
    )


def ray_service(handle, timeout_s=30.0):
    entry = ModelEntry("fake", RerankerOptions(), ("rerank-v3.5", "other"))
    return RayService(handle, entry, timeout_s=timeout_s)


def post(client, path, body):
    return client.post(path, json=body)


COHERE = {"model": "fake", "query": "csv file", "documents": ["a csv file", "wool"]}
TEI = {"query": "csv file", "texts": ["a csv file", "wool"]}


def test_the_same_requests_have_the_same_answers(ray_errors):
    with fake_client(ray_service(Handle())) as on_ray, fake_client() as plain:
        for path, body in (("/v2/rerank", COHERE), ("/rerank", TEI)):
            found, expected = post(on_ray, path, body), post(plain, path, body)
            assert found.status_code == expected.status_code == 200
            one, other = found.json(), expected.json()
            for value in (one, other):
                if isinstance(value, dict):
                    value.pop("id", None)
            assert one == other
        assert on_ray.get("/health/ready").status_code == 200


@pytest.mark.parametrize("query", ["busy", "failed", "slow", "input", "closed"])
@pytest.mark.parametrize(("path", "body"), [("/v2/rerank", COHERE), ("/rerank", TEI)])
def test_the_same_refusals_have_the_same_errors(ray_errors, query, path, body):
    asked = {**body, "query": query}
    with fake_client(ray_service(Handle())) as on_ray, fake_client() as plain:
        found, expected = post(on_ray, path, asked), post(plain, path, asked)
    assert found.status_code == expected.status_code
    assert found.headers.get("retry-after") == expected.headers.get("retry-after")
    one, other = found.json(), expected.json()
    for value in (one, other):
        value.pop("id", None)
    assert one == other


@pytest.mark.parametrize(
    ("path", "body", "key"), [("/v2/rerank", COHERE, "message"), ("/rerank", TEI, "error")]
)
def test_a_full_queue_is_the_formats_own_error(ray_errors, path, body, key):
    with fake_client(ray_service(Handle(ray_errors.full()))) as client:
        found = post(client, path, body)
        assert found.status_code == 429
        assert found.headers["retry-after"] == "1"
        assert "every replica has all the work it takes" in found.json()[key]
        assert post(client, path, body).status_code == 200


@pytest.mark.parametrize("deaths", range(TRIES + 1))
@pytest.mark.parametrize("kind", ["died", "gone"])
def test_a_request_of_a_dead_replica_goes_to_another_or_the_client_is_told(
    ray_errors, kind, deaths
):
    handle = Handle(*(getattr(ray_errors, kind)() for _ in range(deaths)))
    with fake_client(ray_service(handle)) as client:
        found = post(client, "/v2/rerank", COHERE)
    if deaths < TRIES:
        assert (found.status_code, len(handle.calls)) == (200, deaths + 1)
        assert len({sent for _, _, sent in handle.calls}) == 1, "a budget would begin anew"
    else:
        assert (found.status_code, len(handle.calls)) == (500, TRIES)
        assert "3 replicas died while they had the request" in found.json()["message"]


def test_what_ray_says_of_a_failure_is_not_shown(ray_errors):
    with fake_client(ray_service(Handle(ray_errors.task()))) as client:
        found = post(client, "/v2/rerank", COHERE)
    assert found.status_code == 500
    assert "text" not in found.text
    assert "secret" not in found.text


def test_a_request_that_takes_too_long_is_cancelled_and_told(ray_errors):
    async def for_ever():
        await asyncio.Event().wait()

    handle = Handle(for_ever)
    with fake_client(ray_service(handle, timeout_s=0.05)) as client:
        found = post(client, "/v2/rerank", COHERE)
    assert (found.status_code, handle.cancelled) == (408, 1)


def test_an_unknown_model_is_asked_of_no_replica(ray_errors):
    handle = Handle()
    with fake_client(ray_service(handle)) as client:
        found = post(client, "/v2/rerank", {**COHERE, "model": "gpt"})
    assert (found.status_code, handle.calls) == (404, [])


def test_the_client_is_passed_on_for_its_share(ray_errors):
    from secondpass.serve.client import client as name

    handle = Handle()

    async def ask():
        name.set("who")
        await ray_service(handle).rank(Job(query="csv", texts=["a"]))

    asyncio.run(ask())
    assert [who for _, who, _ in handle.calls] == ["who"]
