"""Docstrings of Python packages: the summary, and the name with what it says."""

from __future__ import annotations

import ast
import random
import re
import zipfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from recipes.embedded.documentation.wording import (
    Pair,
    as_question,
    clean,
    cut,
    first_sentence,
    plain,
    with_negatives,
)
from secondpass.demo.stdlib_docs import signature

# Copies of parts of the standard library, and what is not documentation.
SKIPPED_MODULES = {
    "multiprocess", "typing_extensions", "cloudpickle", "dill", "regex", "mypy", "mypyc", "pip",
    "setuptools", "_distutils_hack", "pkg_resources", "typing_inspection", "lance_namespace",
    "lance_namespace_urllib3_client", "google", "openvino", "py", "secondpass", "exceptiongroup",
    "overrides", "ast_serialize",
}  # fmt: skip

SKIPPED_FOLDERS = {
    "tests", "test", "testing", "_vendor", "vendor", "extern", "externals", "vendored",
    "_distutils", "typeshed", "node_modules", "locale", "migrations", "benchmarks", "_pyinstaller",
    "compat",
}  # fmt: skip


def docstrings(folder: Path, order: random.Random) -> Iterator[Pair]:
    """Yield the summaries of docstrings with name, signature and the rest, for each package."""
    for package, files in sorted(_python_files(folder).items()):
        pairs = [pair for name, code in files for pair in _module_pairs(name, code, order)]
        order.shuffle(pairs)
        yield from pairs[: 1000 if package != "torch" else 1500]


def _python_files(folder: Path) -> dict[str, Iterable[tuple[str, bytes]]]:
    packages: dict[str, Iterable[tuple[str, bytes]]] = {}
    for wheel in sorted((folder / "whl").glob("*.whl")):
        packages[wheel.name.split("-")[0]] = _in_wheel(wheel)
    for path in sorted((folder / "site").iterdir()):
        if path.is_dir() and path.name.isidentifier() and path.name not in packages:
            packages[path.name] = _in_folder(path)
    return {name: files for name, files in packages.items() if name not in SKIPPED_MODULES}


def _in_wheel(wheel: Path) -> Iterator[tuple[str, bytes]]:
    with zipfile.ZipFile(wheel) as archive:
        for name in sorted(archive.namelist()):
            if name.endswith(".py") and _is_public(Path(name)):
                yield name, archive.read(name)


def _in_folder(folder: Path) -> Iterator[tuple[str, bytes]]:
    for path in sorted(folder.rglob("*.py")):
        name = path.relative_to(folder.parent)
        if _is_public(name):
            yield str(name), path.read_bytes()


def _is_public(path: Path) -> bool:
    named = [part for part in path.parts if part != "__init__.py"]
    # Numpy, SciPy and scikit-learn keep much of what is public in private files.
    hidden = any(part.startswith("__") for part in named)
    return not hidden and not SKIPPED_FOLDERS.intersection(path.parts) and "test_" not in path.name


def _module_pairs(file: str, code: bytes, order: random.Random) -> list[Pair]:
    try:
        tree = ast.parse(code)
    except (SyntaxError, ValueError, RecursionError):
        return []
    parts = [part for part in Path(file).with_suffix("").parts if part != "__init__"]
    name = ".".join(part for part in parts if not part.startswith("_"))
    pairs = [pair for entry in _documented(tree, name) if (pair := _docstring_pair(*entry, order))]
    return list(with_negatives(pairs, order))


def _documented(node: Any, name: str) -> Iterator[tuple[str, str, str]]:
    docstring = ast.get_docstring(node)
    if docstring:
        yield name, signature(node), docstring
    if isinstance(node, ast.Module | ast.ClassDef):
        for child in node.body:
            kinds = ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef
            if isinstance(child, kinds) and not child.name.startswith("_"):
                yield from _documented(child, f"{name}.{child.name}")


def _docstring_pair(name: str, signature: str, docstring: str, order: random.Random) -> Pair | None:
    paragraph, _, after = docstring.partition("\n\n")
    summary, rest = first_sentence(clean(paragraph))
    # A signature as the first line, and headings, are no summary.
    bad = re.match(
        r"(?i)[\w.]+\s*\(|[=\-*#.>]|deprecated|copyright|usage:|args:|parameters|:", summary
    )
    left = f"{rest}\n\n{after}".strip() if rest else after.strip()
    left = re.sub(r"^[=\-~]{3,}\n*|\.\. versionadded::.*\n?", "", left).strip()
    if bad or not 3 <= len(summary.split()) <= 30 or len(left.split()) < 25:
        return None
    kept = left if order.random() < 2 / 3 else docstring
    text = "\n".join(filter(None, (name, cut(signature, 300), kept)))
    return {"query": as_question(plain(summary), order), "positive": cut(text)}
