"""The servers: how each is started, asked and ended. All listen on the loopback address alone."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import httpx
import psutil

from benchmarks.serve.work import Ask

_START_S = 300.0
# No server of this comparison tells anybody of its use, or asks a hub.
_QUIET = {
    "DO_NOT_TRACK": "1",
    "HF_HUB_OFFLINE": "1",
    "INFINITY_ANONYMOUS_USAGE_STATS": "0",
    "TOKENIZERS_PARALLELISM": "true",
}


@dataclass(frozen=True)
class Contestant:
    """A server by its command, its route and the body of a request."""

    name: str
    command: Callable[[int], list[str]]
    route: str
    body: Callable[[Ask], Mapping[str, Any]]
    ready: str = "/health"


@dataclass
class Started:
    """A server that answers."""

    contestant: Contestant
    process: psutil.Process
    url: str

    def body(self, ask: Ask) -> Mapping[str, Any]:
        """Return the JSON of a request."""
        return self.contestant.body(ask)

    @property
    def route(self) -> str:
        return self.url + self.contestant.route

    def resident_bytes(self) -> int:
        """Return the memory of the server and of its processes."""
        family = [self.process, *self.process.children(recursive=True)]
        return sum(one.memory_info().rss for one in family)


def secondpass(model: Path | None, *options: str) -> Contestant:
    """Return our own server, of the embedded model or of a folder."""
    chosen = [] if model is None else ["--model", str(model)]
    return Contestant(
        "secondpass",
        lambda port: [
            sys.executable, "-m", "secondpass", "serve", "--port", str(port), "--name", "m",
            *chosen, *options,
        ],
        "/v2/rerank",
        lambda ask: {"model": "m", "query": ask.query, "documents": ask.texts},
        "/health/ready",
    )  # fmt: skip


def rivals(python: Path, model: Path) -> list[Contestant]:
    """Return the other servers that are installed beside a Python."""
    found = []
    infinity = python.parent / "infinity_emb"
    if infinity.exists():
        found.append(
            Contestant(
                "infinity",
                lambda port: [
                    str(infinity), "v2", "--model-id", str(model), "--served-model-name", "m",
                    "--host", "127.0.0.1", "--port", str(port), "--device", "cpu",
                    "--engine", "torch", "--no-bettertransformer", "--no-model-warmup",
                    "--log-level", "error",
                ],
                "/rerank",
                lambda ask: {"model": "m", "query": ask.query, "documents": ask.texts},
            )
        )  # fmt: skip
    script = Path(__file__).parent / "sentence_transformers_server.py"
    found.append(
        Contestant(
            "sentence-transformers behind FastAPI",
            lambda port: [str(python), str(script), str(model), str(port)],
            "/rerank",
            lambda ask: {"query": ask.query, "documents": ask.texts},
        )
    )
    return found


@contextmanager
def started(contestant: Contestant) -> Iterator[Started]:
    """Start a server, give it when it answers, and end it."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with subprocess.Popen(
        contestant.command(port),
        env=os.environ | _QUIET,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as process:
        try:
            url = f"http://127.0.0.1:{port}"
            _await(process, url + contestant.ready)
            yield Started(contestant, psutil.Process(process.pid), url)
        finally:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()


def _await(process: subprocess.Popen[bytes], url: str) -> None:
    until = monotonic() + _START_S
    while monotonic() < until and process.poll() is None:
        try:
            if httpx.get(url, timeout=_START_S).status_code == 200:
                return
        except httpx.TransportError:
            sleep(0.1)
    raise RuntimeError(f"{process.args!r} did not answer within {_START_S:.0f} seconds")
