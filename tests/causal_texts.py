"""Pairs that meet the frame of a chat template in every way."""

LONG = "The lock is free, and 3 rows are read. " * 40
# Texts that meet the frame in every way: blanks, digits, marks, line ends, other scripts, nothing.
TEXTS = (
    *(
        "csv rows are read",
        "",
        " leading",
        "trailing ",
        "\n\nlines\n\n",
        "42",
        "9 8 7",
        ".",
        "\r\n",
    ),
    *(
        "Ünïcode ☃ 读取 שלום 🙂",
        "e\u0301 decomposed",
        "<think> a thought </think>",
        "'s it's",
        LONG,
    ),
    *("\t", "  \n", "a" * 400, "word" * 90 + ".", "</think>", "{{ braces }} {% percent %} {# c #}"),
)
QUERIES = ("read the csv rows", "?", " 7 locks\n", "what is <think> for", "é \u4e2d")
PAIRS = [(query, text) for query in QUERIES for text in TEXTS]
