"""Output for a terminal and for a pipe."""

from __future__ import annotations

import io
import json
import shlex
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from secondpass.checks import plain_number
from secondpass.cli import terminal
from secondpass.cli.table import table_lines, wrap
from secondpass.cli.terminal import harmless as harmless
from secondpass.cli.terminal import say as say
from secondpass.cli.terminal import show as show
from secondpass.errors import InputError
from secondpass.options.long_documents import SELECT_TOKENS
from secondpass.types import Hit, Timings

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

# What JSON may hold as it is; control codes below it are escaped by every writer of JSON.
_ESCAPED = {code: f"\\u{code:04x}" for code in terminal.HARMFUL if code >= 0x7F}


def for_a_person(as_json: bool) -> bool:
    """Tell whether to print a table: standard output is a terminal and JSON was not asked for."""
    return not as_json and terminal.is_terminal()


def print_json_lines(rows: Iterable[Mapping[str, Any]]) -> None:
    """Print one JSON object a line; text outside ASCII stays as it is.

    What steers a terminal is printed with escapes, and so is a whole row that standard output
    cannot encode: whoever parses it gets the same row back.
    """
    for row in rows:
        show(_json_line(row))


def print_report(result: DataclassInstance) -> None:
    """Print a result as one JSON object on one line."""
    from secondpass.result_file import as_values

    print_json_lines([as_values(result)])


def print_json_text(text: str) -> None:
    """Print JSON that is text already, with escapes for what steers a terminal."""
    show(text.rstrip("\n").translate(_ESCAPED))


def from_cache(cached: int) -> str:
    """Say how many candidates had a known score; nothing for none."""
    return f" ({cached} from the cache)" if cached else ""


def print_table(columns: Sequence[str], rows: Iterable[Sequence[Any]], caption: str = "") -> None:
    """Print a table as wide as the terminal; no number is cut, and text wraps."""
    cells = [[cell(value) for value in row] for row in rows]
    lines = table_lines(columns, cells, terminal.width())
    show("\n".join([*lines, *([caption] if caption else [])]))


def show_lines(lines: Sequence[str]) -> None:
    """Print lines, if there are some."""
    if lines:
        show("\n".join(lines))


def show_wrapped(text: str) -> None:
    """Print a text in lines as wide as the terminal."""
    show("\n".join(wrap(harmless(text), terminal.width())))


def command_line() -> str:
    """Return the command that runs, as it can be typed again; but for a password in it."""
    from secondpass.retrieval.stores.postgres_address import without_password

    return shlex.join(["secondpass", *map(without_password, sys.argv[1:])])


def warn_truncated(timings: Timings, options: Mapping[str, Any]) -> None:
    """Say once how many texts were cut, if any, and of how much."""
    if not timings.truncated:
        return
    longer = f"note: {timings.truncated} of {timings.candidates} texts are longer than"
    lost = f"{timings.dropped_tokens} tokens were not scored (--long-documents max scores them)"
    if options["long_documents"] == "select":
        most = options["select_tokens"] or SELECT_TOKENS
        limit = f"--select-tokens {most} and --max-length {options['max_length']} allow"
        say(f"{longer} {limit}; only their sentences nearest to the query were scored: {lost}")
    else:
        say(f"{longer} --max-length {options['max_length']} tokens and were cut: {lost}")


def say_waiting(place: object) -> None:
    """Say that another process has the turn to write."""
    say(f"another run writes to {place}: waiting for it")


def say_truncated_by_server(timings: Timings) -> None:
    """Say how many texts a server has cut, if any, and of how much."""
    if timings.truncated:
        say(
            f"note: {timings.truncated} of {timings.candidates} texts are longer than the server's "
            f"model reads and were cut: {timings.dropped_tokens} tokens were not scored"
        )


def say_dropped(dropped: int, candidates: int, min_score: float | None) -> None:
    """Say how many candidates scored too low to be printed, if any."""
    if dropped:
        limit = plain_number(min_score or 0.0, 15)
        say(f"note: {dropped} of {candidates} score below --min-score {limit}: dropped")


def say_skipped(skipped: int, candidates: int) -> None:
    """Say how many candidates could not be scored, if any."""
    if skipped:
        say(f"note: {skipped} of {candidates} could not be scored and come last, with their error")


def say_cut_query(dropped_tokens: int) -> None:
    """Say how many tokens of the query were cut, if any."""
    if dropped_tokens:
        say(f"note: the query was cut by --long-query truncate: {dropped_tokens} tokens of it")


def passage(hit: Hit, *, named: str = "") -> str:
    """Return one line of a hit's best window, or its chosen sentences, or else its beginning.

    A text that begins with its own name, `named`, is shown without.
    """
    spans = hit.spans or (hit.span or (0, len(hit.text)),)
    shown = " … ".join(hit.text[start:end] for start, end in spans)
    return one_line(shown.removeprefix(named)) if spans[0][0] == 0 else "… " + one_line(shown)


def say_unscored(reranked: int, candidates: int, budget_ms: float | None) -> None:
    """Say how many candidates there was no time to score, if any."""
    if reranked < candidates and budget_ms is not None:
        budget = plain_number(budget_ms, 15)
        say(
            f"note: {reranked} of {candidates} were scored within --budget-ms {budget}; the others "
            "follow in the order they had"
        )


def score(hit: Hit) -> float | str:
    """Return a hit's score, or a dash where it was not scored."""
    return "-" if hit.score is None else hit.score


def one_line(text: str, width: int = 200) -> str:
    """Return a text's beginning as one line."""
    flat = harmless(" ".join(text[: 4 * width].split()))
    return flat if len(flat) <= width else flat[: width - 1] + "…"


@contextmanager
def progress(
    description: str, total: int | None = None, *, unit: str = ""
) -> Iterator[Callable[[int], None]]:
    """Show a bar with the time left on standard error; call what this gives with each advance.

    With a `unit`, such as "pairs", it says how many are done in a second. Where there is nothing to
    do there is no bar.
    """
    if total == 0:
        yield lambda _: None
        return
    with _bar(counted=True, unit=unit) as bar:
        task = bar.add_task(harmless(description), total=total)
        yield lambda advance: bar.advance(task, advance)


@contextmanager
def training_bar() -> Iterator[Callable[[float, str], None]]:
    """Show a bar of a run; call what this gives with the share that is done, and a line on it."""
    with _bar(counted=False) as bar:
        task = bar.add_task("loading", total=1.0)
        yield lambda done, text: bar.update(task, completed=done, description=harmless(text))


def _bar(*, counted: bool, unit: str = "") -> Any:
    """Return rich's progress display on standard error, `counted` with "5/20"."""
    from rich import progress as rich
    from rich.console import Console
    from rich.text import Text

    class Speed(rich.ProgressColumn):
        def render(self, task: rich.Task) -> Text:
            return Text("" if task.speed is None else f"{task.speed:,.0f} {unit}/s")

    return rich.Progress(
        rich.TextColumn("{task.description}"),
        rich.BarColumn(),
        *([rich.MofNCompleteColumn()] if counted else []),
        *([Speed()] if unit else []),
        rich.TimeElapsedColumn(),
        rich.TimeRemainingColumn(),
        console=Console(file=sys.stderr or io.StringIO()),
    )


def cell(value: Any) -> str:
    """Return a value as a table shows it."""
    return f"{value:.3f}" if isinstance(value, float) else harmless(str(value))


def _json_line(row: Mapping[str, Any]) -> str:
    try:
        line = json.dumps(row, ensure_ascii=False, allow_nan=False)
    except (ValueError, RecursionError) as error:
        raise InputError(f"a result cannot be written as JSON: {error}") from None
    line = line.translate(_ESCAPED)
    try:
        line.encode(getattr(sys.stdout, "encoding", None) or "utf-8")
    except UnicodeEncodeError:
        return json.dumps(row, allow_nan=False)
    return line
