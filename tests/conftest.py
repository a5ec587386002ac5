"""What the tests share: the tiny models of tests/parity and rerankers made of them."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from late_join_model import make_late_join

from scripts.pg_server import NoServerError, Server
from secondpass import CrossEncoderReranker

PARITY = Path(__file__).parent / "parity"
SHARED = Path(__file__).parent.parent.parent / "shared"

_INDEX_NUMBERS = count()

# A background job of a shell ignores Ctrl-C, and so would the processes that tests interrupt.
signal.signal(signal.SIGINT, signal.default_int_handler)

# huggingface_hub reads it when it is first imported, whichever test does that.
os.environ["HF_HUB_OFFLINE"] = "1"
# Torch reads it then: on models as tiny as these its threads wait for each other, four times as
# long as one thread computes. An engine of ours sets its own number.
os.environ.setdefault("OMP_NUM_THREADS", "1")


@pytest.fixture(autouse=True)
def _own_caches(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep every test away from the user's caches and from the network."""
    cache = tmp_path_factory.getbasetemp() / "cache"
    monkeypatch.setenv("SECONDPASS_CACHE_DIR", str(cache))


@pytest.fixture(scope="session")
def parity() -> Path:
    return PARITY


@pytest.fixture(scope="session")
def shared() -> Path:
    """The development data beside the checkout; a test that needs it is skipped without it."""
    if not (SHARED / "data").is_dir():
        pytest.skip(f"{SHARED} is not here: this test needs the development collections")
    return SHARED


@pytest.fixture(scope="session")
def postgres() -> Iterator[Server]:
    """A PostgreSQL server with pgvector; where there is none, a test that needs it is skipped."""
    pytest.importorskip("psycopg")
    try:
        server = Server(settings=("max_connections=60", "shared_buffers=64MB"))
    except NoServerError as error:
        pytest.skip(str(error))
    with server:
        yield server


@pytest.fixture
def postgres_address(postgres: Server) -> str:
    """The address of an index that is not there yet."""
    return postgres.address(f"test_{next(_INDEX_NUMBERS)}")


@pytest.fixture(scope="session")
def tiny_options(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The options of a tiny BERT at fp32, of values that JSON has."""
    return {
        "model_name": str(PARITY / "bert"),
        "max_length": 64,
        "precision": "fp32",
        "cache_dir": str(tmp_path_factory.mktemp("graphs")),
    }


@pytest.fixture(scope="session")
def tiny(tiny_options: dict[str, Any]) -> CrossEncoderReranker:
    """A loaded tiny BERT at fp32: fast, and its scores are well spread."""
    return CrossEncoderReranker(**tiny_options)


@pytest.fixture(scope="session")
def late_join(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a tiny late-join model."""
    return make_late_join(PARITY / "bert", tmp_path_factory.mktemp("late-join"))


@pytest.fixture(scope="session")
def documents() -> list[str]:
    """A hundred texts of mixed length, an empty one among them."""
    words = [
        "csv",
        "file",
        "reader",
        "row",
        "column",
        "names",
        "path",
        "open",
        "close",
        "list",
        "sort",
        "key",
        "error",
        "string",
        "bytes",
        "thread",
        "lock",
        "queue",
        "wait",
        "event",
        "loop",
        "task",
        "time",
        "date",
        "zone",
        "parse",
        "format",
        "number",
    ]
    return [
        " ".join(words[(at * 7 + step) % len(words)] for step in range(at % 60))
        for at in range(100)
    ]


@pytest.fixture
def model_copy(tmp_path: Path) -> Callable[..., Path]:
    """Copy a tiny model's folder, changing its config or leaving files out."""

    def copy(family: str = "bert", *, without: tuple[str, ...] = (), **config: Any) -> Path:
        import shutil

        folder = tmp_path / "model"
        shutil.copytree(PARITY / family, folder)
        for name in without:
            (folder / name).unlink()
        if config:
            file = folder / "config.json"
            file.write_text(json.dumps(json.loads(file.read_text()) | config))
        return folder

    return copy


@pytest.fixture
def unwritable() -> Path:
    """A folder path under a plain file: nobody can make it, not even root."""
    return Path(os.devnull) / "cache"
