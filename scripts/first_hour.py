"""Does what a newcomer does first, from a built wheel in an empty home folder, and times it.

    python -m scripts.first_hour dist/*.whl library command server

Each part has an environment and a folder of its own; it prints each line that a reader would type,
what it printed, and its minutes. `training` takes some minutes and a folder of weights.
"""

from __future__ import annotations

import argparse
import os
import re
import shlex
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).parent.parent
MOST_LINES = 12
# What another user would not have; how packages are fetched is the machine's.
_OURS = re.compile("HF_|HOME|OMP_|OPENBLAS|PYTHON|SECONDPASS|VIRTUAL_ENV|XDG_")


class Newcomer:
    """Types lines in an empty folder, with an empty home folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "work"
        self.folder.mkdir()
        home = folder / "home"
        home.mkdir()
        kept = {name: value for name, value in os.environ.items() if not _OURS.match(name)}
        path = f"{self.folder / 'env' / 'bin'}{os.pathsep}{os.environ['PATH']}"
        self.environment = kept | {"HOME": str(home), "PATH": path}

    def types(self, line: str) -> None:
        """Run a line and show it with what it printed; one that fails ends it all."""
        began = time.monotonic()
        done = subprocess.run(
            line,
            shell=True,
            cwd=self.folder,
            env=self.environment,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            check=False,
        )
        lines = done.stdout.splitlines()
        shown = lines if len(lines) <= MOST_LINES else [*lines[: MOST_LINES - 1], "..."]
        print(f"$ {line}   # {time.monotonic() - began:.0f} s", *shown, sep="\n", flush=True)
        if done.returncode:
            raise SystemExit(f"status {done.returncode}\n{done.stdout}")

    @contextmanager
    def keeps_running(self, line: str) -> Iterator[None]:
        """Run a line beside the others, until the block ends."""
        print(f"$ {line} &", flush=True)
        began = subprocess.Popen(shlex.split(line), cwd=self.folder, env=self.environment)
        try:
            yield
        finally:
            began.terminate()
            began.wait()


def library(newcomer: Newcomer, wheel: str) -> None:
    """Rank in Python."""
    newcomer.types(f"pip install --quiet {wheel}")
    (newcomer.folder / "first.py").write_text(
        "from secondpass import CrossEncoderReranker\n\n"
        'texts = ["Sheep give wool.", "The csv module reads rows of comma separated values."]\n'
        'for hit in CrossEncoderReranker().rank("how do I read a csv file", texts):\n'
        '    print(f"{hit.score:.2f}  {hit.text}")\n'
    )
    newcomer.types("python first.py")


def command(newcomer: Newcomer, wheel: str) -> None:
    """Index and search documents."""
    newcomer.types(f"pip install --quiet '{wheel}[measure]'")
    newcomer.types(f"cp -r {ROOT / 'docs' / 'examples'}/. .")
    newcomer.types("secondpass index manual faq.csv --into my-manual")
    newcomer.types("secondpass search 'how do I renew a certificate' --index my-manual --top-k 2")
    newcomer.types("secondpass eval collection --depths 2,5")


def server(newcomer: Newcomer, wheel: str) -> None:
    """Ask the server with Cohere's client."""
    newcomer.types(f"pip install --quiet '{wheel}[serve]' cohere")
    (newcomer.folder / "ask.py").write_text(
        "import cohere\n\n"
        'client = cohere.ClientV2(api_key="any", base_url="http://127.0.0.1:8765")\n'
        'documents = ["Sheep give wool.", "Cows give milk."]\n'
        'answer = client.rerank(model="default", query="wool", documents=documents, top_n=1)\n'
        "print(documents[answer.results[0].index])\n"
    )
    with newcomer.keeps_running("secondpass serve --port 8765"):
        newcomer.types(
            "curl --silent --retry 60 --retry-connrefused http://127.0.0.1:8765/health/ready"
        )
        newcomer.types("python ask.py")


def training(newcomer: Newcomer, wheel: str) -> None:
    """Fine-tune on pairs, with the weights of `make build/cross-encoder`."""
    newcomer.types(f"pip install --quiet '{wheel}[train]'")
    newcomer.types(f"cp -r {ROOT / 'docs' / 'examples'}/. .")
    newcomer.types(
        f"secondpass train --train pairs.jsonl --out my-reranker --minutes 1 "
        f"--model {ROOT / 'build' / 'cross-encoder'}"
    )
    newcomer.types("secondpass eval collection --model my-reranker --depths 5")


PARTS: dict[str, Callable[[Newcomer, str], None]] = {
    part.__name__: part for part in (library, command, server, training)
}


def main(wheel: Path, parts: list[str]) -> None:
    """Run the parts, each as a newcomer of its own."""
    for part in parts:
        print(f"\n# {part}", flush=True)
        began = time.monotonic()
        with tempfile.TemporaryDirectory() as folder:
            newcomer = Newcomer(Path(folder))
            newcomer.types(f"{sys.executable} -m venv env")
            PARTS[part](newcomer, str(wheel))
        print(f"# {part}: {(time.monotonic() - began) / 60:.1f} minutes", flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("wheel", type=Path)
    parser.add_argument("parts", nargs="+", choices=PARTS)
    given = parser.parse_args()
    main(given.wheel.resolve(), given.parts)
