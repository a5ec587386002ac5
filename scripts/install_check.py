"""Installs a built wheel by pip, pipx and uv, and runs the command that each gives.

    python -m scripts.install_check dist/*.whl [--ways pip pipx uv] [--pythons python3.12 ...]

Each installation has an empty home folder. `pipx` and `uv` have to be modules of this Python.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

WAYS = ("pip", "pipx", "uv")
CANDIDATES = ["Sheep give wool.", "The csv module reads rows of comma separated values."]
BIN = "Scripts" if os.name == "nt" else "bin"


def main(wheel: Path, ways: list[str], pythons: list[str]) -> None:
    """Install in every way with every Python, and say how long each took."""
    for python in pythons:
        for way in ways:
            with tempfile.TemporaryDirectory() as home:
                began = time.monotonic()
                command = _install(way, wheel, shutil.which(python) or python, Path(home))
                installed = time.monotonic() - began
                version = _try(command, Path(home))
                print(f"{way:5} {python:12} installed in {installed:.0f} s: {version}", flush=True)


def _install(way: str, wheel: Path, python: str, home: Path) -> Path:
    """Install the wheel and return the command."""
    binaries = home / "bin"
    more = {"UV_TOOL_BIN_DIR": str(binaries), "UV_TOOL_DIR": str(home / "tools")}
    more |= {"PIPX_HOME": str(home / "pipx"), "PIPX_BIN_DIR": str(binaries)}
    if way == "pip":
        _run(python, "-m", "venv", home / "venv")
        binaries = home / "venv" / BIN
        _run(binaries / "python", "-m", "pip", "install", "--quiet", wheel)
    elif way == "pipx":
        _run(sys.executable, "-m", "pipx", "install", "--quiet", "--python", python, wheel, **more)
    else:
        _run(
            *(sys.executable, "-m", "uv", "tool", "install", "--quiet", "--python", python),
            wheel,
            **more,
        )
    return binaries / ("secondpass.exe" if os.name == "nt" else "secondpass")


def _try(command: Path, home: Path) -> str:
    """Rerank with the command, in a folder without the source; return its version."""
    environment = {"HOME": str(home), "USERPROFILE": str(home), "NO_COLOR": "1"}
    asked = subprocess.run(
        [command, "rerank", "how do I read a csv file", "--top-k", "1"],
        input="\n".join(CANDIDATES),
        capture_output=True,
        text=True,
        check=False,
        cwd=home,
        env=os.environ | environment,
    )
    if asked.returncode or asked.stderr:
        raise SystemExit(f"{command} ended with {asked.returncode}: {asked.stderr}")
    best = json.loads(asked.stdout)["text"]
    if best != CANDIDATES[1]:
        raise SystemExit(f"{command} has found {best!r}")
    shown = subprocess.run([command, "--version"], capture_output=True, text=True, check=True)
    return shown.stdout.strip()


def _run(*arguments: str | Path, **environment: str) -> None:
    subprocess.run([*map(str, arguments)], check=True, env=os.environ | environment)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("wheel", type=Path)
    parser.add_argument("--ways", nargs="+", choices=WAYS, default=list(WAYS))
    parser.add_argument("--pythons", nargs="+", default=[sys.executable])
    given = parser.parse_args()
    main(given.wheel.resolve(), given.ways, given.pythons)
