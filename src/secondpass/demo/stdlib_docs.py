"""The docstrings of the running Python's standard library: a collection every machine has.

Source files are parsed, never imported. Modules written in C have no source here, so a fixed list
of them, all parts of the interpreter, is imported for its docstrings.
"""

from __future__ import annotations

import ast
import importlib
import importlib.util
import inspect
import re
import sysconfig
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from secondpass.errors import InputError
from secondpass.types import Document

MIN_CHARACTERS = 25

# Folders whose name is not an identifier, such as "site-packages", are left out too.
_SKIPPED_FOLDERS = {"__pycache__", "ensurepip", "idlelib", "lib2to3", "test", "tests", "turtledemo"}

# Private modules whose names are public under another module's name.
_PUBLIC_NAMES = {
    "_collections_abc": "collections.abc",
    "_pydatetime": "datetime",
    "_pydecimal": "decimal",
    "_pyio": "io",
}

# C modules, each with the name under which its contents are known.
_C_MODULES = {
    "builtins": "builtins",
    "_bisect": "bisect",
    "_collections": "collections",
    "_csv": "csv",
    "_functools": "functools",
    "_heapq": "heapq",
    "_random": "random",
    "_struct": "struct",
    "_thread": "threading",
    "array": "array",
    "binascii": "binascii",
    "cmath": "cmath",
    "gc": "gc",
    "itertools": "itertools",
    "marshal": "marshal",
    "math": "math",
    "nt": "os",
    "posix": "os",
    "sys": "sys",
    "time": "time",
    "unicodedata": "unicodedata",
    "zlib": "zlib",
}

_DEFINITIONS = (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)


class _Entry(NamedTuple):
    """Something documented; `line` is 0 where there is no source."""

    name: str
    module: str
    kind: str
    signature: str
    docstring: str
    line: int


def stdlib_documents() -> Iterator[Document]:
    """Yield one document for each public module, class, function and method with a docstring.

    The id is the qualified name, such as `csv.DictReader`; the text is the name, the signature and
    the docstring; the metadata are `module`, `kind` and `line`. Docstrings of less than 25
    characters, and those that came before, are left out. The order is always the same.

    Raises:
        InputError: this Python comes without the sources of its library.
    """
    names: set[str] = set()
    docstrings: set[str] = set()
    for entry in _entries():
        short = len(entry.docstring) < MIN_CHARACTERS
        if short or entry.name in names or entry.docstring in docstrings:
            continue
        names.add(entry.name)
        docstrings.add(entry.docstring)
        text = "\n".join(filter(None, (entry.name, entry.signature, entry.docstring)))
        metadata = {"module": entry.module, "kind": entry.kind, "line": entry.line}
        yield Document(entry.name, text, metadata)


def _entries() -> Iterator[_Entry]:
    root = Path(sysconfig.get_path("stdlib"))
    if not (root / "os.py").is_file():
        raise InputError(f"this Python has no library sources in {root}; use one that has them")
    for file in _source_files(root):
        module = _module_name(file.relative_to(root))
        if module is not None:
            yield from _documented(ast.parse(file.read_bytes()), module, module)
    for implementation, module in _C_MODULES.items():
        if importlib.util.find_spec(implementation) is not None:
            yield from _c_documented(importlib.import_module(implementation), module)


def _source_files(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.iterdir()):
        if path.is_dir():
            if path.name not in _SKIPPED_FOLDERS and path.name.isidentifier():
                yield from _source_files(path)
        elif path.suffix == ".py":
            yield path


def _module_name(file: Path) -> str | None:
    """Return the dotted public name of a file, or None if it has none."""
    parts = [part for part in file.with_suffix("").parts if part != "__init__"]
    name = ".".join(parts)
    if name in _PUBLIC_NAMES:
        return _PUBLIC_NAMES[name]
    return None if any(part.startswith("_") for part in parts) else name


def _documented(node: Any, name: str, module: str) -> Iterator[_Entry]:
    """Yield the entries of a module, class or function and, in its body, of what is public."""
    docstring = ast.get_docstring(node)
    if docstring:
        line = getattr(node, "lineno", 1)
        yield _Entry(name, module, _kind(node), signature(node), docstring, line)
    if isinstance(node, ast.Module | ast.ClassDef):
        for child in node.body:
            if isinstance(child, _DEFINITIONS) and not child.name.startswith("_"):
                yield from _documented(child, f"{name}.{child.name}", module)


def _kind(node: ast.AST) -> str:
    if isinstance(node, ast.Module):
        return "module"
    return "class" if isinstance(node, ast.ClassDef) else "function"


def signature(node: ast.AST) -> str:
    """Return the line that declares a class or a function, empty for other nodes."""
    if isinstance(node, ast.ClassDef):
        bases = ", ".join(ast.unparse(base) for base in node.bases)
        return f"class {node.name}({bases})" if bases else f"class {node.name}"
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        returns = f" -> {ast.unparse(node.returns)}" if node.returns else ""
        prefix = "async def" if isinstance(node, ast.AsyncFunctionDef) else "def"
        return f"{prefix} {node.name}({ast.unparse(node.args)}){returns}"
    return ""


def _c_documented(value: Any, name: str, module: str = "") -> Iterator[_Entry]:
    """Yield the entries of a C module or class and of its public callables, by name."""
    module = module or name
    if isinstance(value.__doc__, str):
        # What is built in is known by its bare name: str.join, not builtins.str.join.
        known_as = name.removeprefix("builtins.")
        docstring = inspect.cleandoc(value.__doc__)
        yield _Entry(known_as, module, _c_kind(value), _csignature(value, name), docstring, 0)
    if inspect.ismodule(value) or inspect.isclass(value):
        for child_name, child in sorted(vars(value).items()):
            # Functions in Python do not belong to a C module: an interactive shell put them there.
            in_c = inspect.isclass(child) or (
                inspect.isroutine(child) and not inspect.isfunction(child)
            )
            if in_c and not child_name.startswith("_"):
                yield from _c_documented(child, f"{name}.{child_name}", module)


def _c_kind(value: Any) -> str:
    if inspect.ismodule(value):
        return "module"
    return "class" if inspect.isclass(value) else "function"


def _csignature(value: Any, name: str) -> str:
    """Return the signature that C code carries in its docstring, without `$self` and `$module`."""
    signature = getattr(value, "__text_signature__", None)
    if not signature:
        return ""
    parameters = re.sub(r"[$]\w+(, /)?(, )?", "", signature)
    prefix = "class" if inspect.isclass(value) else "def"
    return f"{prefix} {name.rpartition('.')[2]}{parameters}"
