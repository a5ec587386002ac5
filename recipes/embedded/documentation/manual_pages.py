"""Manual pages: what a page, a paragraph or an option is for, and its text."""

from __future__ import annotations

import gzip
import random
import re
from collections.abc import Iterator
from pathlib import Path

from recipes.embedded.documentation.wording import (
    DROPPED_HEADINGS,
    Pair,
    as_question,
    clean,
    cut,
    first_sentence,
    with_negatives,
)


def manual_pages(folder: Path, order: random.Random) -> Iterator[Pair]:
    """Yield what a page or an option is for with the page's or the option's text."""
    for file in sorted((folder / "deb").glob("*/usr/share/man/man[1-8]/*.gz")):
        package = file.parts[file.parts.index("deb") + 1]
        if file.is_symlink() or package == "perl-doc":
            continue
        source = gzip.decompress(file.read_bytes()).decode("utf-8", "replace")
        if source.startswith(".so ") or ".Dd" in source[:3000]:
            continue
        name = file.name.split(".")[0]
        yield from with_negatives(list(_page_pairs(name, _roff_blocks(source), order)), order)


def _page_pairs(
    name: str, blocks: list[tuple[str, str, str]], order: random.Random
) -> Iterator[Pair]:
    about = next((text for section, kind, text in blocks if section == "NAME"), "")
    about = re.sub(r"^.*?\s[-\u2014]+\s+", "", about).strip()
    told = [text for section, kind, text in blocks if section == "DESCRIPTION" and kind == "p"]
    body = " ".join(told[:4])
    if len(about.split()) >= 2 and len(body.split()) >= 25:
        yield {"query": as_question(about, order), "positive": cut(body), "title": name}
    for section, kind, text in blocks:
        if DROPPED_HEADINGS.match(section) or section in ("NAME", "SYNOPSIS"):
            continue
        if kind == "p":
            sentence, rest = first_sentence(text)
            if (
                5 <= len(sentence.split()) <= 22
                and len(rest.split()) >= 25
                and order.random() < 0.4
            ):
                query = as_question(sentence, order)
                yield {"query": query, "positive": cut(rest), "title": f"{name} {section.lower()}"}
        elif len(text.split()) >= 15:
            sentence, rest = first_sentence(text)
            if not 4 <= len(sentence.split()) <= 22:
                continue
            kept = rest if len(rest.split()) >= 15 and order.random() < 0.7 else text
            query = as_question(sentence, order)
            if kept is text and order.random() < 0.6:
                query = f"{name} {query}"
            yield {"query": query, "positive": cut(f"{name} {kind}: {kept}".replace('":', ":"))}


def _roff_blocks(source: str) -> list[tuple[str, str, str]]:
    """Return section, "p" or a tag, and text of each paragraph of a page in the man macros."""
    blocks: list[tuple[str, str, str]] = []
    section, tag = "", "p"
    text: list[str] = []
    expects_tag = skipping = False

    def close() -> None:
        if joined := clean(" ".join(text)):
            blocks.append((section, tag, joined))
        text.clear()

    for line in source.split("\n"):
        macro, _, argument = line[1:].strip().partition(" ") if line[:1] in ".'" else ("", "", line)
        if macro in ("nf", "TS", "EX", "de"):
            skipping = True
        elif macro in ("fi", "TE", "EE", ".") and line[:1] in ".'":
            skipping = False
        elif skipping and macro not in ("SH", "SS"):
            continue
        elif macro in ("SH", "SS"):
            close()
            skipping = False
            section, tag = (_roff_text(argument) if macro == "SH" else section), "p"
        elif macro in ("PP", "P", "LP", "sp", "HP"):
            if macro != "sp" or tag == "p":
                close()
                tag = "p"
        elif macro in ("TP", "TQ"):
            close()
            expects_tag = True
        elif macro == "IP":
            close()
            given = _roff_text(argument)
            tag = re.sub(r"\"? \d+$", "", given)
            tag = tag if re.search(r"[A-Za-z]\w|-\w", tag) else "p"
        elif (
            macro in ("B", "I", "BR", "RB", "IR", "RI", "BI", "IB", "SM", "UR")
            or line[:1] not in ".'"
        ):
            joined = macro in ("BR", "RB", "IR", "RI", "BI", "IB")
            words = _roff_text(argument, joined)
            if expects_tag:
                tag, expects_tag = words, False
            else:
                text.append(words)
    close()
    return blocks


def _roff_text(line: str, joined: bool = False) -> str:
    if joined:
        parts = re.findall(r'"([^"]*)"|(\S+(?:\\ \S*)*)', line)
        line = "".join(first or second for first, second in parts)
    line = re.sub(
        r"\\f(\[\w*\]|\(..|.)|\\s[-+]?\d|\\[&|^/,c:%)]|\\m\[\w*\]|\\\*\(..|\\k:", "", line
    )
    named = {
        "aq": "'",
        "dq": '"',
        "lq": '"',
        "rq": '"',
        "cq": "'",
        "oq": "'",
        "bu": "",
        "em": "-",
        "en": "-",
    }
    line = re.sub(r"\\[(\[](\w\w)\]?", lambda match: named.get(match[1], ""), line)
    line = re.sub(r'\\".*$', "", line)
    line = line.replace("\\-", "-").replace("\\e", "\\").replace("\\ ", " ").replace("\\~", " ")
    return line.replace("\\", "").strip().strip('"')
