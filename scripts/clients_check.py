"""Asks a started server with the real clients: python -m scripts.clients_check [--install].

Each client has a virtual environment of its own in a folder, by default .venv-clients; --install
makes those that are missing. Prints a line for each way of asking, and ends with 1 if one failed.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

HERE = Path(__file__).parent
FOLDER = Path(os.environ.get("SECONDPASS_CLIENTS", HERE.parent / ".venv-clients"))
MODEL = "rerank-v3.5"
KEY = "key-of-the-check"
QUERY = "how do I read a csv file?"
DOCUMENTS = [
    "Cows give milk.",
    "The csv module reads and writes tabular data: csv.reader returns the rows of a file.",
    "A file is closed when its with block ends.",
    "pathlib has objects for the paths of file systems.",
    "Ein Schaf gibt Wolle \U0001f411.",
]
# Client -> its environment, what is installed there.
CLIENTS = {
    "cohere_sdk": ("cohere", ["cohere>=7.3"]),
    "langchain_cohere_rerank": ("langchain", ["langchain-cohere", "langchain-community"]),
    "langchain_jina_rerank": ("langchain", ["langchain-cohere", "langchain-community"]),
    "llama_index_rerank": (
        "llamaindex",
        [
            "llama-index-postprocessor-tei-rerank",
            "llama-index-postprocessor-jinaai-rerank",
            "llama-index-postprocessor-cohere-rerank",
        ],
    ),
    "haystack_rerank": ("haystack", ["haystack-ai", "huggingface-api-haystack"]),
    "litellm_rerank": ("litellm", ["litellm"]),
}


def python_of(client: str) -> Path:
    """Return the Python of a client's environment, which may not be there."""
    return FOLDER / f"client-{CLIENTS[client][0]}" / "bin" / "python"


def install() -> None:
    """Make the environments that are missing."""
    for client, (_, packages) in CLIENTS.items():
        if not python_of(client).exists():
            venv = python_of(client).parent.parent
            subprocess.run([sys.executable, "-m", "venv", venv], check=True)
            pip = [python_of(client), "-m", "pip", "install", "--quiet"]
            subprocess.run([*pip, "--disable-pip-version-check", *packages], check=True)


@contextmanager
def started(*more: str) -> Iterator[str]:
    """Yield the address of a server with the embedded model and a key."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "secondpass", "serve", "--port", str(port), "--name", MODEL]
    process = subprocess.Popen([*command, *more], env=os.environ | {"SECONDPASS_API_KEY": KEY})
    try:
        url = f"http://127.0.0.1:{port}"
        wait_for(url, process)
        yield url
    finally:
        process.terminate()
        process.wait(30)


def wait_for(url: str, process: subprocess.Popen[bytes], seconds: float = 60) -> None:
    """Return when the server answers; raise if it has ended or takes too long."""
    until = time.monotonic() + seconds
    while time.monotonic() < until and process.poll() is None:
        try:
            urllib.request.urlopen(f"{url}/health", timeout=5).close()
            return
        except OSError:
            time.sleep(0.05)
    raise RuntimeError("the server did not start")


def expected(url: str) -> list[list[Any]]:
    """Return the order of the documents by the scores that `/score` gives in their order."""
    body = {"queries": QUERY, "documents": DOCUMENTS, "use_activation": True}
    request = urllib.request.Request(
        f"{url}/score",
        json.dumps(body).encode(),
        {"content-type": "application/json", "authorization": f"Bearer {KEY}"},
    )
    with urllib.request.urlopen(request, timeout=60) as response:
        scores = [one["score"] for one in json.load(response)["data"]]
    return sorted(([at, score] for at, score in enumerate(scores)), key=lambda one: -one[1])


def with_curl(url: str) -> list[dict[str, Any]]:
    """Return what curl gets of two formats."""
    orders = []
    for path, field, score in (
        ("/v1/rerank", "documents", "relevance_score"),
        ("/rerank", "texts", "score"),
    ):
        body = json.dumps({"query": QUERY, field: DOCUMENTS})
        command = ["curl", "--silent", "--fail", f"{url}{path}", "-d", body]
        command += ["-H", "content-type: application/json", "-H", f"authorization: Bearer {KEY}"]
        got = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
        results = got["results"] if isinstance(got, dict) else got
        order = [[one["index"], one[score]] for one in results]
        orders.append({"client": f"curl {path}", "order": order})
    return orders


def asked(client: str, url: str) -> list[dict[str, Any]]:
    """Return the orders that a client got.

    Raises:
        RuntimeError: it failed; the message has the end of what it said.
    """
    given = {"url": url, "key": KEY, "model": MODEL, "query": QUERY, "documents": DOCUMENTS}
    script = (HERE / "clients" / f"{client}.py").resolve()
    with TemporaryDirectory() as home:  # where a client may write what it likes
        run = subprocess.run(
            [python_of(client), "-I", script, json.dumps(given)],
            capture_output=True,
            text=True,
            timeout=300,
            cwd=home,
            env={"HOME": home, "PATH": os.environ["PATH"]},
        )
    if run.returncode:
        raise RuntimeError(f"{client}: {run.stderr[-2000:]}")
    return [json.loads(line) for line in run.stdout.splitlines() if line.startswith("{")]


def wrong(order: list[list[Any]], right: list[list[Any]]) -> str | None:
    """Return how an order differs from the right one, or None."""
    if [at for at, _ in order] != [at for at, _ in right]:
        return f"order {[at for at, _ in order]}, expected {[at for at, _ in right]}"
    if any(abs(one[1] - other[1]) > 1e-4 for one, other in zip(order, right, strict=True)):
        return f"scores {order}, expected {right}"
    return None


def check(url: str) -> bool:
    """Ask with every client that is installed, and print how it went."""
    right, good = expected(url), True
    for client in [*CLIENTS, "curl"]:
        try:
            if client == "curl":
                orders = with_curl(url) if shutil.which("curl") else []
            else:
                orders = asked(client, url) if python_of(client).exists() else []
        except (RuntimeError, subprocess.SubprocessError) as error:
            print(f"FAILED  {client}: {error}")
            good = False
            continue
        if not orders:
            print(f"skipped {client}: not installed in {FOLDER}")
        for one in orders:
            fault = wrong(one["order"], right)
            print(f"{'ok     ' if fault is None else 'FAILED '} {one['client']}: {fault or ''}")
            good = good and fault is None
    return good


def main() -> int:
    """Run the check."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--install", action="store_true", help="make what is missing")
    if parser.parse_args().install:
        install()
    with started() as url:
        return 0 if check(url) else 1


if __name__ == "__main__":
    sys.exit(main())
