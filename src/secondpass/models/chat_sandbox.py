"""Renders a folder's chat template: in jinja2's sandbox, with bounds on its work and its output.

A template is a program. It may loop, but not for long, and may make text, but not much: whatever
grows a value is bounded, and what cannot be bounded is not there. Filters, globals and methods are
those that are listed here; everything else is refused by its name.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from secondpass.errors import MissingExtraError

# Of the template, of a value that it makes, and of what it renders, in characters.
MOST_CHARACTERS = 2**16
# A turn of a loop costs as many steps as its body has parts, an item of a filtered list one.
MOST_STEPS = 50_000

_METHODS = frozenset(
    {"strip", "lstrip", "rstrip", "split", "rsplit", "startswith", "endswith", "upper", "lower"}
    | {"title", "capitalize", "get", "items", "keys", "values"}
)
_FILTERS = (
    *("capitalize", "count", "d", "default", "first", "int", "last", "length", "lower", "title"),
    *("trim", "upper"),
)
_FILTERS_OF_LISTS = ("map", "reject", "rejectattr", "select", "selectattr")
# Statements that could make text or work behind the bounds.
_STATEMENTS = frozenset(
    {"AssignBlock", "Block", "CallBlock", "Extends", "FilterBlock", "FromImport", "Import"}
    | {"Include", "Macro", "With", "ScopedEvalContextModifier", "EvalContextModifier"}
)
_STEP = "_step"


def render(source: str, values: Mapping[str, Any]) -> str:
    """Render a template with the settings of transformers.

    Raises:
        MissingExtraError: jinja2 is not installed.
        ValueError: it fails, or asks for what is not done; the message says what.
    """
    try:
        import jinja2
    except ImportError as error:
        raise MissingExtraError("a model with a chat template", "chat") from error
    if len(source) > MOST_CHARACTERS:
        raise ValueError(f"it has {len(source):,} characters, expected at most {MOST_CHARACTERS:,}")
    try:
        environment = _environment()
        template = environment.from_string(_bounded(environment.parse(source), environment))
        parts, size = [], 0
        for part in template.generate(**values):
            parts.append(part)
            size += len(part)
            _require_small(size)
    except (
        jinja2.TemplateError,
        ArithmeticError,
        LookupError,
        MemoryError,
        RecursionError,
    ) as error:
        raise ValueError(_reason(error)) from error
    except (AttributeError, SyntaxError, TypeError) as error:
        raise ValueError(_reason(error)) from error
    return "".join(parts)


def _reason(error: BaseException) -> str:
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[0]}"[:200] if lines else type(error).__name__


def _require_small(size: int) -> None:
    if size > MOST_CHARACTERS:
        raise ValueError(f"it makes more than {MOST_CHARACTERS:,} characters")


def _environment() -> Any:
    """Return the environment of one rendering, which counts its steps."""
    import jinja2
    from jinja2.sandbox import ImmutableSandboxedEnvironment
    from jinja2.utils import Namespace

    class Environment(ImmutableSandboxedEnvironment):
        intercepted_binops = frozenset({"+", "-", "*", "/", "//", "**", "%"})

        def call_binop(self, context: Any, operator: str, left: Any, right: Any) -> Any:
            if operator == "+":
                return _sum(left, right)
            if operator in ("-", "%", "//") and _are_integers(left, right):
                return super().call_binop(context, operator, left, right)
            raise jinja2.TemplateError(
                f"the operator {operator} of {type(left).__name__} and {type(right).__name__} "
                "is not allowed"
            )

        def wrap_str_format(self, value: Any) -> None:
            """Leave `format` to `is_safe_attribute`, which refuses it."""

        def is_safe_attribute(self, obj: Any, attr: str, value: Any) -> bool:
            safe = super().is_safe_attribute(obj, attr, value)
            return safe and (not callable(value) or attr in _METHODS)

    class PlainNamespace(Namespace):
        """A namespace of what is not one, without names that begin with an underscore."""

        def __init__(*given: Any, **named: Any) -> None:
            self, *values = given
            Namespace.__init__(self)
            for name, value in dict(*values, **named).items():
                self[name] = value

        def __setitem__(self, name: str, value: Any) -> None:
            if name.startswith("_") or isinstance(value, Namespace):
                raise jinja2.TemplateError(f"a namespace with {name[:40]!r} is not allowed")
            super().__setitem__(name, value)

    steps = 0

    def step(cost: int) -> bool:
        nonlocal steps
        steps += cost
        if steps > MOST_STEPS:
            raise jinja2.TemplateError(f"it takes more than {MOST_STEPS:,} steps")
        return True

    def raise_exception(message: str) -> None:
        raise jinja2.TemplateError(str(message))

    def counted(values: Any) -> Iterator[Any]:
        for value in values:
            step(1)
            yield value

    def of_lists(function: Any) -> Any:
        @jinja2.pass_context
        def on_counted(context: Any, values: Any, *given: Any, **named: Any) -> Any:
            return function(context, counted(values), *given, **named)

        return on_counted

    environment = Environment(
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=["jinja2.ext.loopcontrols"],
        finalize=_plain,
        cache_size=0,
    )
    known = environment.filters
    environment.filters = {
        **{name: known[name] for name in _FILTERS},
        **{name: of_lists(known[name]) for name in _FILTERS_OF_LISTS},
        "join": _join,
        "list": lambda values: list(counted(values)),
        "string": _text,
        "tojson": _to_json,
    }
    environment.globals = {
        "namespace": PlainNamespace,
        "range": _range,
        "raise_exception": raise_exception,
        _STEP: step,
    }
    return environment


def _bounded(tree: Any, environment: Any) -> Any:
    """Return a parsed template whose loops count their turns and whose `~` bounds its text.

    Raises:
        ValueError: it has a statement that is not allowed.
    """
    from jinja2 import nodes
    from jinja2.visitor import NodeTransformer

    def step(cost: int, line: int) -> Any:
        call = nodes.Call(nodes.Name(_STEP, "load"), [nodes.Const(cost)], [], None, None)
        return call.set_lineno(line)

    class Bounding(NodeTransformer):
        def visit_For(self, node: Any) -> Any:  # noqa: N802 - jinja2's name
            if node.recursive:
                raise ValueError("a recursive loop is not allowed")
            cost = sum(1 for _ in node.find_all(nodes.Node))
            self.generic_visit(node)
            # The condition of a loop is asked of every item, its body run for some.
            turn = step(cost, node.lineno)
            node.test = turn if node.test is None else nodes.And(turn, node.test)
            return node

        def visit_Concat(self, node: Any) -> Any:  # noqa: N802
            self.generic_visit(node)
            return nodes.Filter(nodes.List(node.nodes), "join", [], [], None, None)

    for node in tree.find_all(nodes.Node):
        kind = type(node).__name__
        if kind in _STATEMENTS:
            raise ValueError(f"the statement {kind} is not allowed")
        if isinstance(node, nodes.List | nodes.Dict) or (
            isinstance(node, nodes.Tuple) and node.ctx == "load"
        ):
            _require_constants(node)
        if isinstance(node, nodes.Name) and node.name.startswith("_"):
            raise ValueError(f"the name {node.name[:40]!r} is not allowed")
    bounded = Bounding().visit(tree)
    for node in bounded.find_all(nodes.Node):
        if node.lineno is None:
            node.lineno = 1
    return bounded.set_environment(environment)


def _require_constants(node: Any) -> None:
    """Raise unless a list of the template holds nothing but constants.

    A list could hold another twice, and that a third one twice, and so on.
    """
    from jinja2 import nodes

    parts = [part for part in node.find_all(nodes.Node) if not isinstance(part, nodes.Pair)]
    if not all(isinstance(part, nodes.Const) for part in parts):
        raise ValueError("a list or dict of other than constants is not allowed")


def _are_integers(*values: Any) -> bool:
    return all(isinstance(value, int) for value in values)


def _sum(left: Any, right: Any) -> Any:
    if isinstance(left, str) and isinstance(right, str):
        _require_small(len(left) + len(right))
    elif not _are_integers(left, right):
        raise TypeError(f"{type(left).__name__} + {type(right).__name__} is not allowed")
    return left + right


def _range(*bounds: int) -> range:
    numbers = range(*bounds)
    if len(numbers) > MOST_STEPS:
        raise ValueError(f"a range of more than {MOST_STEPS:,} numbers is not allowed")
    return numbers


def _plain(value: Any) -> Any:
    """Return what is written as a text: no list, whose text may be of any size."""
    from jinja2 import Undefined

    if value is None or isinstance(value, str | int | float | Undefined):
        return value
    raise TypeError(f"the text of a {type(value).__name__} is not allowed")


def _text(value: Any) -> str:
    return str(_plain(value))


def _join(values: Any, separator: str = "") -> str:
    texts = [_text(value) for value in values]
    _require_small(sum(map(len, texts)) + len(texts) * len(str(separator)))
    return str(separator).join(texts)


def _to_json(value: Any, ensure_ascii: bool = False) -> str:
    return json.dumps(_plain(value), ensure_ascii=bool(ensure_ascii))
