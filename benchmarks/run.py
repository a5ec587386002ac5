"""How every benchmark runs: measured or shown, kept as JSON, put into pages and a picture."""

from __future__ import annotations

import argparse
import json
import re
import shlex
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Generic, TypeVar

from benchmarks.pages import place
from benchmarks.picture import save
from secondpass.atomic import write_text
from secondpass.errors import SecondpassError
from secondpass.result_file import read_result

Result = TypeVar("Result")


@dataclass(frozen=True)
class Benchmark(Generic[Result]):
    """What one benchmark is, called as `python -m benchmarks.NAME`.

    `measure` yields the result after each step that is worth keeping, the last one whole. `show`
    gives each marker of a page its content; the first is printed. `draw` gives --picture's figure.
    """

    name: str
    about: str
    kind: type[Result]
    add_options: Callable[[argparse.ArgumentParser], None]
    measure: Callable[[argparse.Namespace], Iterator[Result]]
    show: Callable[[Result], Mapping[str, str]]
    draw: Callable[[Result], Any] | None = None


def main(benchmark: Benchmark[Result]) -> None:
    """Measure, or show what was measured."""
    arguments = parse(benchmark, sys.argv[1:])
    try:
        if arguments.show:
            result: Result | None = read_result(arguments.show, benchmark.kind, "result")
        else:
            result = keep(benchmark.measure(arguments), arguments.out)
    except SecondpassError as error:
        sys.exit(f"error: {error}")
    if result is None:
        sys.exit("stopped before anything was measured")
    contents = benchmark.show(result)
    if benchmark.draw and arguments.picture:
        save(benchmark.draw(result), arguments.picture)
    for file in arguments.into:
        place(file, contents)
    print(next(iter(contents.values())))


def parse(benchmark: Benchmark[Any], given: list[str]) -> argparse.Namespace:
    """Parse the command line, which has to say where a result goes or lies."""
    parser = argparse.ArgumentParser(
        prog=f"python -m benchmarks.{benchmark.name}",
        description=benchmark.about.partition("\n")[0],
    )
    benchmark.add_options(parser)
    add = parser.add_argument
    add("--out", type=Path, help="the result as JSON, written after each step")
    add("--show", type=Path, metavar="FILE", help="show a result, measure nothing")
    add("--into", type=Path, nargs="+", default=[], help="put it between the markers of pages")
    if benchmark.draw:
        add("--picture", type=Path, help="draw it as .svg")
    arguments = parser.parse_args(given)
    if not arguments.show and not arguments.out:
        parser.error("name a file for the result with --out, or one to show with --show")
    return arguments


def keep(results: Iterator[Result], file: Path) -> Result | None:
    """Write each result as it comes and return the last, also after Ctrl-C; None without any."""
    last = None
    try:
        for result in results:
            last = result
            write(result, file)
    except KeyboardInterrupt:
        print("stopped; what was measured until then is kept", file=sys.stderr)
    return last


def command(name: str) -> str:
    """Return the command that runs, as it can be typed again."""
    return shlex.join(["python", "-m", f"benchmarks.{name}", *sys.argv[1:]])


def now() -> str:
    """Return the time in ISO 8601, UTC."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def write(result: Any, file: Path) -> None:
    """Write a result whole or not at all."""
    text = json.dumps(_rounded(asdict(result)), indent=1, ensure_ascii=False, allow_nan=False)
    write_text(file, _LIST.sub(_on_one_line, text) + "\n")


# A list of plain values; inside a JSON string there is no line break.
_LIST = re.compile(r"\[\n\s+([^\[\]{}]+?)\n\s+\]")


def _on_one_line(found: re.Match[str]) -> str:
    """A line for each of thousands of numbers would make every change unreadable."""
    values = re.sub(r",\n +", ", ", found[1])
    return f"[{values}]"


def _rounded(value: Any) -> Any:
    """Six decimals are beyond what any measure here tells, and a third of the file."""
    if isinstance(value, float):
        return round(value, 6)
    if isinstance(value, dict):
        return {key: _rounded(inner) for key, inner in value.items()}
    return [_rounded(inner) for inner in value] if isinstance(value, list | tuple) else value
