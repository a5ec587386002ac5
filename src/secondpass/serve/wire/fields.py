"""The fields that every format has: how much may be spent; and fields that are not followed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Annotated, Any, NamedTuple, get_args

import msgspec
from msgspec import Meta

from secondpass.checks import described_json, did_you_mean, finite_number, one_of, shortened
from secondpass.errors import InputError
from secondpass.options.effort import EFFORTS, Effort
from secondpass.serve.contract import WhenLate
from secondpass.serve.problems import Refused
from secondpass.serve.wire.format import Context, Format

WHEN_LATE: tuple[WhenLate, ...] = get_args(WhenLate)

Positive = Annotated[int, Meta(ge=1)]
NotNegative = Annotated[int, Meta(ge=0)]

# A warning names no more fields than these.
_MOST_NAMED = 10


class Options(msgspec.Struct, kw_only=True):
    """What every format takes; what may be spent is a header too, such as `x-budget-ms`."""

    instruction: Annotated[
        str | None, Meta(description="What a text is judged by, of models that take one.")
    ] = None

    effort: Annotated[
        Effort | None, Meta(description="How much of the model irrelevant texts get.")
    ] = None
    budget_ms: Annotated[
        float | None,
        Meta(description="Milliseconds the request may take; what is not scored in them is last."),
    ] = None
    when_late: Annotated[
        WhenLate | None,
        Meta(description="What to do where the budget is too short: score a part, or refuse."),
    ] = None


class Spent(NamedTuple):
    """What a request may spend, from its body or else its headers, checked."""

    effort: Effort | None
    budget_ms: float | None
    when_late: WhenLate


def spending(body: Options, context: Context) -> Spent:
    """Return what may be spent; a field of the body stands over its header.

    Raises:
        Refused: a value is not usable; the message names the field or the header.
    """

    def given(field: str, header: str) -> tuple[str, Any]:
        value = getattr(body, field)
        if value is not None:
            return field, value
        return f"the header {header}", context.headers.get(header)

    effort, effort_given = given("effort", "x-effort")
    late, late_given = given("when_late", "x-when-late")
    try:
        return Spent(
            None if effort_given is None else one_of(effort, effort_given, EFFORTS),
            _budget(*given("budget_ms", "x-budget-ms")),
            "partial" if late_given is None else one_of(late, late_given, WHEN_LATE),
        )
    except InputError as error:
        raise Refused("invalid", str(error)) from None


def _budget(name: str, value: float | str | None) -> float | None:
    if value is None:
        return None
    try:
        number = finite_number(float(value))
    except ValueError:
        number = None
    if number is None or number <= 0:
        raise InputError(f"{name} is {shortened(value)}, expected milliseconds, a number above 0")
    return number


def check_fields(given: Mapping[str, msgspec.Raw], form: Format, context: Context) -> None:
    """Warn of the fields of a body that are not followed.

    Raises:
        Refused: one would change the answer.
    """
    known = form.request.__struct_fields__
    others = [name for name in given if name not in known and name not in form.unused]
    for name in form.refused.keys() & others:
        only = form.refused[name]
        try:
            value = msgspec.json.decode(given[name])
        except RecursionError:
            raise Refused("invalid", f"{name} is nested too deep, {only.advice}") from None
        if value is not None and value not in only.values:
            raise Refused("invalid", f"{name} is {described_json(value)}, {only.advice}")
    warn_unused((name for name in others if name not in form.refused), known, context)


def warn_unused(names: Iterable[str], known: Iterable[str], context: Context) -> None:
    """Add a warning for each field that is not followed, up to `_MOST_NAMED`."""
    given = list(names)
    for name in given[:_MOST_NAMED]:
        context.warnings.append(f"{shortened(name)} is not used{did_you_mean(name, known)}")
    if len(given) > _MOST_NAMED:
        context.warnings.append(f"{len(given) - _MOST_NAMED} further fields are not used")


def require(condition: bool, message: str) -> None:
    """Raise unless a value is usable.

    Raises:
        Refused: with the message.
    """
    if not condition:
        raise Refused("invalid", message)


def default_model(model: str | None) -> str | None:
    """Return the name of a model, None where a client names none or says "default" for it."""
    return None if model is None or model in _NO_MODEL else model


# What clients send that have to name a model and were given none.
_NO_MODEL = ("", "default", "default/not-specified", "None")


def any_of(*values: Any) -> Any:
    """Return the first value that is not None."""
    return next((value for value in values if value is not None), None)
