"""Make a kept record again, and put what was printed into the page that shows it.

    python -m scripts.kept_records example     the embedded models' smallest example, seconds
    python -m scripts.kept_records eval-dl19   a minute or two; needs ../shared/data/eval/dl19
    python -m scripts.kept_records bench       minutes in which nothing else should run

records/README.md has the commands. After a change of the embedded models each is made again: a
record is of its weights. The sentences round an output are not written: read them.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import shlex
import sys
from pathlib import Path

from scripts.page_blocks import ROOT, blocks
from scripts.page_outputs import in_place
from secondpass.atomic import write_text
from secondpass.cli import output
from secondpass.cli.main import main as secondpass

RECORDED = {
    "example": "",
    "bench": "bench",
    "eval-dl19": "eval ../shared/data/eval/dl19 --first-stage run:run.bm25.trec",
}
GUIDE, MEASUREMENTS = ROOT / "docs/guide/verify.md", ROOT / "docs/results/measurements.md"
CHECK = "$ secondpass verify check records/example.json\n"
# The first line and the last of what the page shows of the command's output.
SHOWN = {"bench": ("processor: ", "note: "), "eval-dl19": ("measure ", "reranking one query")}
_PROGRESS = "━"


def main(arguments: list[str] | None = None) -> None:
    """Make a record and show it."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("name", choices=RECORDED)
    name = parser.parse_args(arguments).name
    file = f"records/{name}.json"
    with contextlib.chdir(ROOT):
        printed = run(f"verify record --out {file} {RECORDED[name]}")
        if name == "example":
            show(GUIDE, CHECK, CHECK + run(f"verify check {file}"))
        else:
            show(MEASUREMENTS, SHOWN[name][0], part(printed, *SHOWN[name]))


def run(command: str) -> str:
    """Run a command as in a terminal, and return what it prints without its progress."""
    sys.argv = ["secondpass", *shlex.split(command)]
    for_a_person, out = output.for_a_person, io.StringIO()
    output.for_a_person = lambda as_json: not as_json
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(out):
            secondpass(sys.argv[1:])
    except SystemExit as end:
        raise SystemExit(f"{out.getvalue()}\n{command}: status {end.code}") from end
    finally:
        output.for_a_person = for_a_person
    return "".join(line for line in out.getvalue().splitlines(True) if _PROGRESS not in line)


def part(printed: str, first: str, last: str) -> str:
    """Return the lines from the one that begins so to the last that begins so."""
    lines = printed.splitlines(keepends=True)
    begin = next(at for at, line in enumerate(lines) if line.startswith(first))
    end = max(at for at, line in enumerate(lines) if line.startswith(last))
    return "".join(lines[begin : end + 1])


def show(page: Path, begin: str, text: str) -> None:
    """Replace what stands in the page's block from `begin` on."""
    fence = next(one.code for one in blocks(page) if begin in one.code.text)
    kept = fence.text[: fence.text.index(begin)]
    write_text(page, in_place(page.read_text(encoding="utf-8"), fence, kept + text))


if __name__ == "__main__":
    main()
