"""What every source shares: texts cut and cleaned, sentences as questions, negatives."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from typing import Any

Pair = dict[str, Any]

SEED = 20
PASSAGE_CHARACTERS = 1000

NEGATIVE_CHARACTERS = 700

NEGATIVES = 4

GENERIC_HEADINGS = {
    "description", "synopsis", "notes", "note", "examples", "example", "overview", "introduction",
    "usage", "options", "parameters", "arguments", "author", "compatibility", "name", "summary",
    "background", "limitations", "details", "caveats", "configuration", "installation",
    "requirements", "outputs", "output", "warning", "environment", "diagnostics", "files",
    "discussion", "format", "general", "preface", "methods", "functions", "conclusion",
}  # fmt: skip

DROPPED_HEADINGS = re.compile(
    r"(?i)^(see also|copyrights?|licen[sc]es?|authors?|availability|table of contents|contents|"
    r"index|navigation|bugs|reporting bugs|acknowledge?ments?|git|quick search|this page|history|"
    r"credits|related topics|previous topic|next topic|references|comments|trademarks|"
    r"bibliography|user contributions|found a problem.*|additional information|getting help|"
    r"browse)$"
)

VERBS = re.findall(
    r"\w+",
    """
    add adjust align allocate append apply assign attach build calculate call change check
    choose clean clear close collect combine compare compile compute configure connect
    construct convert copy count create decode decompose define delete detect determine
    disable display divide download draw drop dump emit enable encode ensure estimate evaluate
    execute expand export extract fetch fill filter find fit flatten format generate get give
    handle identify implement import initialize insert inspect install integrate interpolate
    invert iterate join list load locate log look make manage map mark mask match measure
    merge migrate modify monitor move multiply normalize open optimize override parse pass
    perform place plot predict prepare print process produce project query raise read rebuild
    record reduce register remove rename render reorder repeat replace report represent reset
    reshape resize resolve restore retrieve return reverse rotate round run sample save scale
    search select send serialize set shift show simplify solve sort specify split start stop
    store strip sum swap test trace train transform translate truncate unpack update upgrade
    upload use validate verify wait wrap write yield
    """,
)

REPHRASED = {"return": "get", "yield": "iterate over", "give": "get", "retrieve": "get"}


def _verb_forms() -> dict[str, str]:
    forms = {}
    for verb in VERBS:
        ends = ("es",) if re.search(r"(s|x|ch|sh|z)$", verb) else ("s",)
        third = verb[:-1] + "ies" if re.search(r"[^aeiou]y$", verb) else verb + ends[0]
        stem = verb[:-1] if verb.endswith("e") else verb
        gerunds = [stem + "ing", verb + verb[-1] + "ing"]
        for form in (verb, third, *gerunds):
            forms[form] = verb
    return forms


VERB_FORMS = _verb_forms()


def clean(text: str) -> str:
    """Return the text on one line, with single spaces."""
    return re.sub(r"\s+", " ", text.replace("\u00b6", " ").replace("\xad", "")).strip()


def cut(text: str, characters: int = PASSAGE_CHARACTERS) -> str:
    """Return the start of the text, cut between words."""
    if len(text) <= characters:
        return text
    return text[: characters + 1].rsplit(None, 1)[0]


def first_sentence(text: str) -> tuple[str, str]:
    """Split a text behind its first sentence."""
    for match in re.finditer(r"[.?!:]['\")]?(?=\s+[A-Z`*(\"'\[\d-])|[.?!]$", text):
        before = text[: match.end()]
        if not re.search(r"(?i)\b(e\.g|i\.e|vs|cf|etc|resp|no|fig|eq|[A-Z])\.$", before):
            return before.strip(), text[match.end() :].strip()
    return text.strip(), ""


def plain(text: str) -> str:
    """Strip reStructuredText, Markdown and TeX marks from a sentence."""
    text = re.sub(r":[\w:+-]+:`~([\w.]*\.)?(\w+)`", r"\2", text)
    text = re.sub(r":[\w:+-]+:`([^`<]+?)(\s*<[^>`]*>)?`", r"\1", text)
    text = re.sub(r"`([^`<]+?)\s*<[^>`]+>`_*", r"\1", text)
    text = re.sub(r"\[([^\]]+)\]\([^)]*\)", r"\1", text)
    text = re.sub(r"\[[\w#]+\]_", "", text)
    text = re.sub(r"`{1,2}([^`]*)`{1,2}_{0,2}", r"\1", text)
    text = re.sub(r"(?<!\w)\*{1,2}([^*]+)\*{1,2}(?!\w)", r"\1", text)
    return clean(text.replace("\\", ""))


def as_question(sentence: str, order: random.Random) -> str:
    """Return a sentence as it is, as a search for it, or as a question if it tells what to do."""
    sentence = sentence.rstrip(".: ")
    word, _, rest = sentence.partition(" ")
    verb = VERB_FORMS.get(word.lower())
    choice = order.random()
    if verb and rest and choice < 0.55:
        asked = REPHRASED.get(verb, verb)
        start = order.choice(["how do I", "how to", "How do I", "how can I", "function to", ""])
        end = "?" if start == "How do I" else ""
        return f"{start} {asked} {rest}{end}".strip()
    if choice < 0.8:
        lowered = word if word[1:].lower() != word[1:] else word.lower()
        return f"{lowered} {rest}".strip()
    return sentence + ("" if choice < 0.9 else ".")


def normal(text: str) -> str:
    """Return a text as words in lower case, to compare by."""
    return " ".join(re.findall(r"\w+", text.lower()))


def with_negatives(group: list[Pair], order: random.Random) -> Iterator[Pair]:
    """Give each pair of a group other pairs' positives as negatives."""
    for pair in group:
        others = [other for other in group if other["positive"] != pair["positive"]]
        chosen = order.sample(others, min(NEGATIVES, len(others)))
        negatives = [cut(other["positive"], NEGATIVE_CHARACTERS) for other in chosen]
        yield {**pair, "negatives": list(dict.fromkeys(negatives))}
