"""Write the example of the server's page: `python -m scripts.page_example`.

The first stage's passages are those of `secondpass demo` for the question, in its order; the texts
are the docstrings of the running Python, their blanks made one.
"""

from __future__ import annotations

import json
import platform

from secondpass.cli.demo import open_index
from secondpass.retrieval.embedder import Embedder
from secondpass.serve.pages import PAGE

_QUESTION, _ANSWER = "replace every occurrence of a pattern in a text", "re.sub"
_DEPTH = 20


def main() -> None:
    """Search, and write what was found."""
    index = open_index(Embedder())
    found = index.search(_QUESTION, _DEPTH)
    (PAGE / "example.json").write_text(
        json.dumps(
            {
                "query": _QUESTION,
                "answer": _ANSWER,
                "about": f"{_DEPTH} of {len(index):,} docstrings of Python's standard library, as "
                "the embedded bi-encoder ranks them for this question. Chosen to show a passage "
                "that the second pass lifts; it does not lift every answer.",
                "source": f"Docstrings of Python {platform.python_version()}'s standard library, "
                "Copyright 2001 the Python Software Foundation, PSF License Agreement version 2",
                "passages": [{"name": one.id, "text": " ".join(one.text.split())} for one in found],
            },
            indent=1,
        )
        + "\n",
        "utf-8",
    )


if __name__ == "__main__":
    main()
