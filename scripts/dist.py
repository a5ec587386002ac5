"""Builds wheel and sdist twice, checks them, and lists what an installation has: make dist.

Both builds have to be equal byte for byte: their dates are SOURCE_DATE_EPOCH's. The software bill
of materials (CycloneDX) is of the wheel's base install, made in an environment of its own, and of
the models in the wheel.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import venv
from hashlib import sha256
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
DIST = ROOT / "dist"
MODELS = ROOT / "src" / "secondpass" / "models" / "embedded"
# Words of a licence that no other has.
_LICENCES = {"Apache License": "Apache-2.0", "MIT License": "MIT"}
# PyPI's limit of a file.
MOST_BYTES = 100 * 1024 * 1024


def main() -> None:
    """Build, compare, check and describe."""
    if "SOURCE_DATE_EPOCH" not in os.environ:
        raise SystemExit("set SOURCE_DATE_EPOCH to the seconds of the commit, as make dist does")
    shutil.rmtree(DIST, ignore_errors=True)
    _build(DIST)
    with tempfile.TemporaryDirectory() as folder:
        _build(Path(folder))
        _require_equal(digests(DIST), digests(Path(folder)))
    wheel, sdist = (next(DIST.glob(kind)) for kind in ("*.whl", "*.tar.gz"))
    for file in (wheel, sdist):
        _require_small(file)
    _run("twine", "check", "--strict", wheel, sdist)
    _run("check_wheel_contents", wheel)
    bill = DIST / f"{wheel.name.split('-py3')[0]}.cdx.json"
    with tempfile.TemporaryDirectory() as folder:
        _describe(wheel, bill, Path(folder))
    lines = [f"{digest}  {name}\n" for name, digest in digests(DIST).items()]
    (DIST / "SHA256SUMS").write_text("".join(lines), encoding="utf-8")
    print("".join(lines), end="")


def digests(folder: Path) -> dict[str, str]:
    """Return the SHA-256 of each file of a folder, by its name."""
    files = sorted(file for file in folder.iterdir() if file.is_file())
    return {file.name: sha256(file.read_bytes()).hexdigest() for file in files}


def _build(folder: Path) -> None:
    # What hatchling needs is in this environment, so that both builds have the same.
    _run("build", "--no-isolation", "--outdir", folder, ROOT)


def _require_equal(first: dict[str, str], second: dict[str, str]) -> None:
    if first != second:
        raise SystemExit(f"two builds differ:\n{first}\n{second}")


def _require_small(file: Path) -> None:
    size = file.stat().st_size
    print(f"{file.name}: {size / 1e6:.1f} MB")
    if size > MOST_BYTES:
        raise SystemExit(f"{file.name} has {size} bytes, PyPI takes at most {MOST_BYTES}")


def _describe(wheel: Path, bill: Path, folder: Path) -> None:
    """Write what the wheel installs, with versions and licences."""
    venv.create(folder, with_pip=True)
    python = folder / ("Scripts" if os.name == "nt" else "bin") / "python"
    pip = [python, "-m", "pip", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*pip, "install", wheel], check=True)
    subprocess.run([*pip, "uninstall", "--yes", "setuptools", "pip"], check=True)
    _run(
        *("cyclonedx_py", "environment", "--pyproject", ROOT / "pyproject.toml"),
        *("--mc-type", "library", "--output-reproducible", "--output-file", bill, python),
    )
    known = json.loads(bill.read_text(encoding="utf-8"))
    known["components"] += models()
    bill.write_text(json.dumps(known, indent=2) + "\n", encoding="utf-8")


def models() -> list[dict[str, Any]]:
    """Return the models that ship as components of CycloneDX, by the licence of each folder."""
    return [
        {
            "bom-ref": f"embedded/{folder.name}",
            "type": "machine-learning-model",
            "name": f"embedded/{folder.name}",
            "hashes": [
                {"alg": "SHA-256", "content": sha256(weights.read_bytes()).hexdigest()}
                for weights in [folder / "openvino_model.bin"]
            ],
            "licenses": [{"license": {"id": _licence_of(folder)}}],
        }
        for folder in sorted(MODELS.iterdir())
        if (folder / "config.json").exists()
    ]


def _licence_of(folder: Path) -> str:
    text = (folder / "LICENSE").read_text(encoding="utf-8")
    (found,) = [name for words, name in _LICENCES.items() if words in text]
    return found


def _run(module: str, *arguments: str | Path) -> None:
    subprocess.run([sys.executable, "-m", module, *map(str, arguments)], check=True)


if __name__ == "__main__":
    main()
