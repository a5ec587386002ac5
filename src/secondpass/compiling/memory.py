"""The peak memory of a process that loads one model and reranks once; it runs in one of its own.

python -m secondpass.compiling.memory FOLDER PRECISION MAX_LENGTH THREADS CACHE_DIR, texts as JSON
on standard input; prints bytes.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from secondpass.environment.peak_memory import peak_bytes
from secondpass.errors import ModelError
from secondpass.types import ModelInfo


def measure_memory(
    folder: Path, info: ModelInfo, cache_dir: Path, query: str, texts: Sequence[str]
) -> int:
    """Return the peak bytes of a new process that loads the model as `info` says and reranks.

    Raises:
        ModelError: the process did not come to its end; its last line is in the message.
    """
    arguments = (folder, info.precision, info.max_length, info.threads, cache_dir)
    done = subprocess.run(
        [sys.executable, "-m", __name__, *map(str, arguments)],
        input=json.dumps([query, *texts]),
        capture_output=True,
        encoding="utf-8",
        errors="replace",
        check=False,
    )
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["no word"])[-1]
        raise ModelError(f"{folder} could not be loaded in a process of its own: {last}")
    return int(done.stdout.split()[-1])


def _main(
    folder: str, precision: str, max_length: str, threads: str, cache_dir: str
) -> None:  # pragma: no cover - runs in another process
    from secondpass.reranker import CrossEncoderReranker

    query, *texts = json.load(sys.stdin)
    reranker = CrossEncoderReranker(
        folder,
        int(max_length),
        precision="int8" if precision == "int8" else "fp32",
        threads=int(threads),
        cache_dir=cache_dir,
    )
    reranker.rank(query, texts)
    sys.stdout.write(f"{peak_bytes()}\n")


if __name__ == "__main__":
    _main(*sys.argv[1:])
