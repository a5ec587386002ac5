"""Make src/secondpass/graph/calibration.jsonl from the docstrings of the standard library.

int8 scales depend on this text, so the file is committed and every machine calibrates on the same.
Run it only to change the text, then raise CALIBRATION_VERSION and build the embedded models again.
"""

from __future__ import annotations

import json
import random
import re
from pathlib import Path

from secondpass.demo.stdlib_docs import stdlib_documents
from secondpass.graph.quantize import CALIBRATION_FILE

ROWS = 320
SEED = 13


def main() -> None:
    """Write ROWS pairs: half with a question the text answers, half with one it does not."""
    chance = random.Random(SEED)
    texts = [document.text for document in stdlib_documents()]
    sentences = [sentence for text in texts for sentence in first_sentences(text)]
    rows = []
    for number in range(ROWS):
        text = lengthened(texts, chance)
        own = first_sentences(text)
        fitting = number % 2 == 0 and own
        rows.append({"query": own[0] if fitting else chance.choice(sentences), "text": text})
    CALIBRATION_FILE.write_text(
        "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8"
    )
    print(f"{CALIBRATION_FILE}: {len(rows)} rows, {Path(CALIBRATION_FILE).stat().st_size:,} bytes")


def lengthened(texts: list[str], chance: random.Random) -> str:
    """Return part of a text or up to four in a row: from a line to more than a model reads."""
    if chance.random() < 0.25:
        return chance.choice(texts)[: chance.randint(20, 200)]
    return "\n\n".join(chance.choice(texts)[:1200] for _ in range(chance.randint(1, 4)))


def first_sentences(text: str) -> list[str]:
    """Return the first prose sentence of a docstring as a query, if it has a fitting one."""
    for line in text.splitlines():
        sentence = re.split(r"(?<=[a-z])\.(?:\s|$)", line.strip())[0]
        if 4 <= len(sentence.split()) <= 20 and "(" not in sentence:
            return [sentence.lower()]
    return []


if __name__ == "__main__":
    main()
