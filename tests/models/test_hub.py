"""Hub names through huggingface_hub itself, against a hub of our own on the loopback address."""

import hashlib
import json
import os
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

COMMITS = {"main": "a" * 40, "v1": "b" * 40}
CODE = """
import json, sys
from secondpass import CrossEncoderReranker, SecondpassError
try:
    reranker = CrossEncoderReranker(sys.argv[1], 64, precision="fp32", **json.loads(sys.argv[2]))
    print(json.dumps({"revision": reranker.info.revision, "name": reranker.info.name,
                      "score": float(reranker.predict([("read a file", "csv")])[0])}))
except SecondpassError as error:
    print(json.dumps({"error": type(error).__name__, "message": str(error)}))
"""


class Hub:
    """Serves one repository, `tiny/bert`, and remembers what was asked for."""

    def __init__(self, folder):
        self.files = {
            file.name: file.read_bytes()
            for file in folder.iterdir()
            if file.name != "reference.json"
        }
        self.files["pytorch_model.bin"] = b"a pickle that must never be fetched"
        self.files["onnx/model.safetensors"] = b"not asked for"
        self.fetched = []
        hub = self

        class Handler(BaseHTTPRequestHandler):
            def do_HEAD(self):
                hub.answer(self, body=False)

            def do_GET(self):
                hub.answer(self, body=True)

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def answer(self, request, *, body):
        path = request.path.split("?")[0]
        if path.startswith("/api/models/tiny/bert/revision/"):
            self.send(request, *self.describe(path.rpartition("/")[2]), body=body)
        elif path.startswith("/api/models/tiny/bert/tree/"):
            self.send(request, *self.list_files(), body=body)
        elif path.startswith("/tiny/bert/resolve/"):
            revision, _, name = path.removeprefix("/tiny/bert/resolve/").partition("/")
            if body:
                self.fetched.append(name)
            data = self.files[name]
            commit = COMMITS.get(revision, revision)
            headers = {"X-Repo-Commit": commit, "ETag": f'"{hashlib.sha256(data).hexdigest()}"'}
            self.send(request, 200, data, headers, body=body)
        else:
            headers = {"X-Error-Code": "RepoNotFound"}
            self.send(request, 404, b"{}", headers, body=body)

    def describe(self, revision):
        commit = COMMITS.get(revision, revision)
        if commit not in COMMITS.values():
            return 404, b"{}", {"X-Error-Code": "RevisionNotFound"}
        siblings = [{"rfilename": name} for name in self.files]
        described = {"id": "tiny/bert", "sha": commit, "siblings": siblings}
        return 200, json.dumps(described).encode(), {}

    def list_files(self):
        listed = [
            {"type": "file", "path": name, "size": len(data), "oid": hashlib.sha1(data).hexdigest()}
            for name, data in self.files.items()
        ]
        return 200, json.dumps(listed).encode(), {}

    @staticmethod
    def send(request, status, data, headers, *, body):
        request.send_response(status)
        for name, value in headers.items():
            request.send_header(name, value)
        request.send_header("Content-Length", str(len(data)))
        request.end_headers()
        if body:
            request.wfile.write(data)


@pytest.fixture
def hub(parity):
    hub = Hub(parity / "bert")
    yield hub
    hub.server.shutdown()
    hub.server.server_close()


@pytest.fixture
def load(tmp_path):
    """Load a hub model in a fresh process (the hub library reads its settings at import)."""

    def run(name, hub=None, **options):
        environment = {
            **os.environ,
            "HF_HOME": str(tmp_path / "hf"),
            "HF_HUB_OFFLINE": "0" if hub else "1",
            "HF_ENDPOINT": hub.url if hub else "http://127.0.0.1:9",
            "HF_HUB_DISABLE_PROGRESS_BARS": "1",
            "HF_HUB_DISABLE_XET": "1",
            "HF_HUB_DISABLE_TELEMETRY": "1",
        }
        done = subprocess.run(
            [sys.executable, "-c", CODE, name, json.dumps(options)],
            env=environment,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout.splitlines()[-1])

    return run


def test_a_hub_model_is_fetched_once_without_pickles_and_its_commit_recorded(hub, load, tiny):
    first = load("tiny/bert", hub)
    assert first["revision"] == COMMITS["main"]
    assert first["name"] == "tiny/bert"
    assert first["score"] == pytest.approx(
        float(tiny.predict([("read a file", "csv")])[0]), abs=1e-5
    )
    assert {"config.json", "tokenizer.json", "model.safetensors"} <= set(hub.fetched)
    assert not {"pytorch_model.bin", "onnx/model.safetensors"} & set(hub.fetched)
    count = len(hub.fetched)
    assert load("tiny/bert", hub) == first
    assert load("tiny/bert", local_files_only=True) == first
    assert load("tiny/bert") == first
    assert len(hub.fetched) == count


def test_a_revision_is_honoured(hub, load):
    assert load("tiny/bert", hub, revision="v1")["revision"] == COMMITS["v1"]
    missing = load("tiny/bert", hub, revision="v9")
    assert missing["error"] == "ModelNotFoundError"
    assert "no revision 'v9'" in missing["message"]


def test_a_name_the_hub_does_not_know(hub, load):
    answer = load("tiny/other", hub)
    assert answer["error"] == "ModelNotFoundError"
    assert "tiny/other" in answer["message"]


@pytest.mark.parametrize("options", [{}, {"local_files_only": True}, {"revision": "v1"}])
def test_offline_names_the_file_and_both_ways_out(load, options):
    answer = load("cross-encoder/ms-marco-MiniLM-L-6-v2", **options)
    assert answer["error"] == "ModelNotFoundError"
    for part in ("config.json", "ms-marco-MiniLM-L-6-v2", "local folder", "CrossEncoderReranker()"):
        assert part in answer["message"]


@pytest.mark.parametrize(("name", "said"), [("my-int8", True), ("some/model", False)])
def test_a_name_that_may_be_a_folders_is_said_to_be_none(load, name, said):
    answer = load(name, local_files_only=True)
    assert ("there is no folder 'my-int8' here" in answer["message"]) == said


def test_an_impossible_name_is_refused_without_the_network(load):
    answer = load("not a name!")
    assert answer["error"] == "InputError"
    assert "'not a name!'" in answer["message"]


@pytest.mark.parametrize("index", [None, "{", "[]", '{"weight_map": 3}'])
def test_an_incomplete_snapshot_names_what_is_missing_and_both_ways_out(
    load, tmp_path, parity, index
):
    """As an interrupted download leaves it."""
    repository = tmp_path / "hf" / "hub" / "models--tiny--part"
    snapshot = repository / "snapshots" / COMMITS["main"]
    snapshot.mkdir(parents=True)
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text(COMMITS["main"])
    for name in ("config.json", "tokenizer.json"):
        (snapshot / name).write_bytes((parity / "bert" / name).read_bytes())
    if index is not None:
        (snapshot / "model.safetensors.index.json").write_text(index)
    answer = load("tiny/part")
    assert answer["error"] == "ModelNotFoundError"
    for part in ("model.safetensors of hub model 'tiny/part'", "local folder", "Reranker()"):
        assert part in answer["message"]


def test_of_a_model_without_tokenizer_json_the_vocabulary_is_fetched(hub, load, tiny):
    pytest.importorskip("transformers", reason="needs the extra: make test-extras")
    tokenizer = json.loads(hub.files.pop("tokenizer.json"))
    words = tokenizer["model"]["vocab"]
    hub.files["vocab.txt"] = "\n".join(sorted(words, key=words.get)).encode()
    hub.files["spm.json"] = b"not asked for"
    hub.files.pop("tokenizer_config.json")
    first = load("tiny/bert", hub)
    assert first["score"] == pytest.approx(
        float(tiny.predict([("read a file", "csv")])[0]), abs=1e-5
    )
    assert "vocab.txt" in hub.fetched
    assert "spm.json" not in hub.fetched
    count = len(hub.fetched)
    assert load("tiny/bert", local_files_only=True) == first
    assert load("tiny/bert") == first
    assert len(hub.fetched) == count


def test_of_a_model_with_tokenizer_json_no_vocabulary_is_fetched(hub, load):
    hub.files["vocab.txt"] = b"not asked for"
    load("tiny/bert", hub)
    assert "vocab.txt" not in hub.fetched


def test_a_model_without_tokenizer_json_and_vocabulary_names_what_is_missing(hub, load):
    del hub.files["tokenizer.json"]
    answer = load("tiny/bert", hub)
    assert answer["error"] == "ModelNotFoundError"
    assert "tokenizer.json" in answer["message"]
