"""Which pairs are kept: well formed, not repeated, and not of the standard library."""

from __future__ import annotations

import ast
import inspect
import itertools
import random
import re
import sys
import sysconfig
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from recipes.embedded.documentation.wording import SEED, Pair, clean, first_sentence, normal

BOILERPLATE = re.compile(
    r"(?i)all rights reserved|permission is hereby granted|free software foundation, inc|"
    r"without warranty|redistribute it and/or modify|enable javascript|table of contents"
)


def stdlib_texts() -> set[str]:
    """Return the docstrings of the running Python's standard library, and their first sentences."""
    texts: set[str] = set()
    for file in Path(sysconfig.get_path("stdlib")).rglob("*.py"):
        if "site-packages" in file.parts or "test" in file.parts or "tests" in file.parts:
            continue
        try:
            tree = ast.parse(file.read_bytes())
        except (SyntaxError, ValueError):
            continue
        for node in ast.walk(tree):
            if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
                _remember(ast.get_docstring(node), texts)
    builtin = [sys.modules[name] for name in sys.builtin_module_names if name in sys.modules]
    for owner in itertools.chain(
        builtin, (v for m in builtin for v in vars(m).values() if inspect.isclass(v))
    ):
        for value in vars(owner).values():
            _remember(getattr(value, "__doc__", None), texts)
    return {text for text in texts if len(text.split()) >= 4}


def _remember(docstring: Any, texts: set[str]) -> None:
    if isinstance(docstring, str):
        cleaned = clean(docstring)
        texts.update((normal(cleaned), normal(first_sentence(cleaned)[0])))


QUESTION_START = re.compile(
    r"(?i)^(how (do|can) i|how to|function to|(debian )?package for|program for)\s+"
)


def is_good(pair: Pair, barred: set[str]) -> bool:
    """Tell whether a pair reads well enough to learn from and says nothing of the barred texts."""
    query, positive = pair["query"], pair["positive"]
    words = query.split()
    defined = pair["source"] in ("foldoc", "jargon")
    letters = sum(letter.isascii() and (letter.isalpha() or letter == " ") for letter in query)
    if not (1 if defined else 2) <= len(words) <= 32 or letters < 0.75 * len(query):
        return False
    if len(re.findall(r"\w+", positive)) < 12 or BOILERPLATE.search(positive):
        return False
    if re.search(
        r"(?i)^/|^(in other words|this|that|it|these|they|he|see|note|for example|however|if so)\b",
        query,
    ):
        return False
    if sum(map(str.isascii, positive)) < 0.93 * len(positive) or re.search(r"[(\[{,]$", query):
        return False
    return normal(query) not in barred and normal(QUESTION_START.sub("", query)) not in barred


def contains_query(pair: Pair) -> bool:
    """Tell whether the title and positive hold the query's words one after another."""
    query = normal(QUESTION_START.sub("", pair["query"]))
    return query in normal(f"{pair.get('title', '')} {pair['positive']}")


def select(pairs: Iterable[Pair], name: str, limit: int, barred: set[str]) -> list[Pair]:
    """Return good pairs in random order, without repeats, a third of them at most literal."""
    order = random.Random(SEED)
    good = []
    for pair in pairs:
        pair = {
            key: pair[key] for key in ("query", "positive", "title", "negatives") if pair.get(key)
        }
        pair["query"], pair["source"] = clean(pair["query"]), name
        if is_good(pair, barred):
            good.append(pair)
    order.shuffle(good)
    queries: set[str] = set()
    positives: set[str] = set()
    kept: list[Pair] = []
    literal: list[Pair] = []
    for pair in good:
        query, positive = normal(pair["query"]), normal(pair["positive"])[:300]
        if query not in queries and positive not in positives:
            queries.add(query)
            positives.add(positive)
            (literal if contains_query(pair) else kept).append(pair)
    kept += literal[: len(kept) // 2]
    order.shuffle(kept)
    return kept[:limit]
