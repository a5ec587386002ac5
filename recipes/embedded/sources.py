"""Training files to texts: each source's passages and queries, numbered."""

from __future__ import annotations

import gzip
import json
import random
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class Question:
    """One query, its positive passage and the source's own negatives, by number in the source."""

    text: str
    positive: int
    negatives: list[int]


@dataclass(frozen=True, slots=True)
class Source:
    """One file: its passages without repeats, its questions, and where a passage is cut."""

    name: str
    passages: list[str]
    questions: list[Question]
    max_tokens: int
    weight: float
    strict: bool
    titled: bool


def read_sources(folder: Path, recipe: Mapping[str, Any]) -> list[Source]:
    """Read every source of the recipe, with one random order for all of them."""
    order = random.Random(recipe["base"]["shuffle_seed"])
    return [
        _read(folder / f"{name}.jsonl.gz", name, settings, order)
        for name, settings in recipe["sources"].items()
    ]


def _read(file: Path, name: str, settings: Mapping[str, Any], order: random.Random) -> Source:
    with gzip.open(file, "rt", encoding="utf-8") as lines:
        rows = [json.loads(line) for line in lines]
    order.shuffle(rows)
    numbers: dict[str, int] = {}
    questions = []
    for row in rows[: settings["queries"]]:
        positive = _with_title(row)
        negatives = list(row.get("negatives") or [])
        order.shuffle(negatives)
        chosen = [text for text in negatives[: settings["negatives"]] if text != positive]
        questions.append(
            Question(
                row["query"],
                numbers.setdefault(positive, len(numbers)),
                [numbers.setdefault(text, len(numbers)) for text in chosen],
            )
        )
    return Source(
        name,
        list(numbers),
        questions,
        settings["max_tokens"],
        settings["weight"],
        settings.get("strict", False),
        settings.get("titled", False),
    )


def _with_title(row: Mapping[str, Any]) -> str:
    title, positive = row.get("title"), str(row["positive"])
    return f"{title} {positive}" if title and not positive.startswith(title) else positive
