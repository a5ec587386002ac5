"""Runs sentence-transformers' own tests of CrossEncoder on secondpass's class.

    python -m scripts.st_suite [--source CLONE] [--write]

The tests are fetched from its repository, or taken from a clone, and not kept. Hub models are tiny
stand-ins. The tests run twice: on sentence-transformers' class, which says what a stand-in can
show, and on ours. `--write` puts the list into docs/reference/drop-in.md.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tarfile
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from io import BytesIO
from pathlib import Path
from xml.etree import ElementTree

from benchmarks.pages import place
from scripts.st_suite_models import make_cache

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs" / "reference" / "drop-in.md"
MARKER = "sentence-transformers' tests"
REPOSITORY = "https://github.com/huggingface/sentence-transformers"
COMMIT = "cad211983f36ce458e9b3360f3e11b29fc54cbd8"
TESTS = (
    "tests/cross_encoder/test_model.py",
    "tests/cross_encoder/evaluation/test_reranking.py",
    "tests/cross_encoder/test_multi_process.py",
)
# The order of the tests' nine texts by the trained model, which no stand-in gives.
_ORDER = "[0, 1, 3, 6, 2, 5, 7, 4, 8]"
# Where the error alone does not say why.
_BARE = "a bare encoder has no head: sentence-transformers draws one at random, here it is refused"
_REASONS = {
    "test_load_with_revision": _BARE,
    "test_num_labels_fresh_model": _BARE,
    "test_load_activation_fn_from_kwargs": _BARE,
    "test_conversion_ignores": _BARE,
    "test_predict_low_precision": "weights are cast inside torch; here the precision is chosen at "
    "load",
    "test_load_activation_fn_from_config_custom": "the warning is the same; with "
    "trust_remote_code=True a class of the caller's is not imported, since no code that a folder "
    "names runs",
}


@dataclass(frozen=True)
class Outcome:
    """How a test ended: "passed", "skipped" or "failed", and the first line of why."""

    state: str
    why: str = ""


def main() -> None:
    """Run both and print or write the list."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--source", help="a clone of sentence-transformers, bare or not")
    parser.add_argument("--write", action="store_true", help=f"write {PAGE.relative_to(ROOT)}")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        work = Path(name)
        fetch(given.source, work)
        # Before the hub library is imported, which would ask for each name and wait.
        os.environ["HF_HUB_OFFLINE"] = "1"
        make_cache(work / "home" / "hub")
        set_order(work)
        with ThreadPoolExecutor(2) as both:
            theirs, ours = both.map(partial(run, work), ("theirs", "ours"))
    text = listed(theirs, ours)
    if given.write:
        place(PAGE, {MARKER: text})
    print(text)


def fetch(source: str | None, work: Path) -> None:
    """Put the tests of the pinned commit into `work`."""
    clone = source or str(work / "clone")
    if source is None:
        subprocess.run(["git", "init", "-q", "--bare", clone], check=True)
        fetching = ["git", "-C", clone, "fetch", "-q", "--depth=1", REPOSITORY, COMMIT]
        subprocess.run(fetching, check=True)
    archive = subprocess.run(
        ["git", "-C", clone, "archive", COMMIT, "tests"], check=True, capture_output=True
    ).stdout
    with tarfile.open(fileobj=BytesIO(archive)) as tar:
        tar.extractall(work, filter="data")
    (work / "pytest.ini").write_text("[pytest]\nmarkers =\n    slow\n    custom\n")


def set_order(work: Path) -> None:
    """Put the order that sentence-transformers gives the stand-in into the test that has one."""
    code = (
        "import ast, sys\nfrom sentence_transformers import CrossEncoder\n"
        "tree = ast.parse(open(sys.argv[1]).read())\n"
        "(test,) = [n for n in tree.body if getattr(n, 'name', '') == 'test_rank']\n"
        "(corpus,) = [n.value for n in test.body if getattr(n, 'targets', None)"
        " and n.targets[0].id == 'corpus']\n"
        "model = CrossEncoder('cross-encoder/stsb-distilroberta-base', device='cpu')\n"
        "ranked = model.rank('A man is eating pasta.', ast.literal_eval(corpus))\n"
        "print([one['corpus_id'] for one in ranked])"
    )
    file = work / TESTS[0]
    printed = subprocess.run(
        [sys.executable, "-c", code, str(file)],
        env=_environment(work),
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    text = file.read_text(encoding="utf-8")
    if text.count(_ORDER) != 1:
        raise SystemExit(f"{file.name} has not the order {_ORDER} once: the pinned commit does")
    file.write_text(text.replace(_ORDER, printed.strip().splitlines()[-1]), encoding="utf-8")


def run(work: Path, whose: str) -> dict[str, Outcome]:
    """Return how each test ended, by file and name."""
    report = work / f"{whose}.xml"
    plugin = ["-p", "scripts.st_suite_plugin"] if whose == "ours" else []
    subprocess.run(
        [sys.executable, "-m", "pytest", "-q", *plugin, f"--junitxml={report}", *TESTS],
        cwd=work,
        env=_environment(work),
        stdout=subprocess.DEVNULL,
    )
    outcomes = {}
    for case in ElementTree.parse(report).iter("testcase"):
        module = str(case.get("classname")).rpartition(".")[2]
        outcomes[f"{module}.py::{case.get('name')}"] = _outcome(case)
    return outcomes


def _environment(work: Path) -> dict[str, str]:
    return os.environ | {
        "HF_HOME": str(work / "home"),
        "HF_HUB_OFFLINE": "1",
        "SECONDPASS_CACHE_DIR": str(work / "graphs"),
        "PYTHONPATH": str(ROOT),
        "CUDA_VISIBLE_DEVICES": "",
    }


def _outcome(case: ElementTree.Element) -> Outcome:
    for kind in ("failure", "error", "skipped"):
        found = case.find(kind)
        if found is not None:
            state = "skipped" if kind == "skipped" else "failed"
            return Outcome(state, str(found.get("message", "")).strip().splitlines()[0])
    return Outcome("passed")


def listed(theirs: dict[str, Outcome], ours: dict[str, Outcome]) -> str:
    """Return the counts, and a row for each test that does not pass on ours."""
    names = sorted(theirs.keys() | ours.keys())
    counts = [
        f"| {whose} | {len(of)} | "
        + " | ".join(str(_count(of, state)) for state in ("passed", "failed", "skipped"))
        + " |"
        for whose, of in (("sentence-transformers", theirs), ("secondpass", ours))
    ]
    rows = [
        f"| `{name}` | {theirs.get(name, Outcome('not there')).state} | {_reason(name, ours)} |"
        for name in names
        if ours.get(name, Outcome("not there")).state == "failed"
    ]
    return "\n".join(
        [
            "| class | tests | passed | failed | skipped |",
            "|---|---|---|---|---|",
            *counts,
            "",
            "| fails on secondpass | on theirs | why |",
            "|---|---|---|",
            *rows,
        ]
    )


def _count(outcomes: dict[str, Outcome], state: str) -> int:
    return sum(one.state == state for one in outcomes.values())


def _reason(name: str, ours: dict[str, Outcome]) -> str:
    test = name.partition("::")[2]
    known = next((why for start, why in _REASONS.items() if test.startswith(start)), None)
    why = known or ours[name].why.partition(": ")[2] or ours[name].why
    return why.replace("|", "\\|").replace("\n", " ")[:200]


if __name__ == "__main__":
    main()
