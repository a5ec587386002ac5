"""--long-documents, --stride and --select-tokens as they are called."""

import json

from test_command import secondpass

QUERY = "how do I read a csv file"
PADDING = "Bananas are yellow and grow in bunches. " * 3
TEXT = PADDING + "The csv module reads files row by row. " + PADDING
LINES = "\n".join(
    json.dumps({"text": text, "id": at}) for at, text in enumerate([TEXT, "A queue."])
)


def rerank(*options):
    done = secondpass("rerank", QUERY, "--max-length", 40, *options, stdin=LINES)
    assert done.returncode == 0, done.stderr
    return {one["id"]: one for one in map(json.loads, done.stdout.splitlines())}, done.stderr


def test_a_cut_says_so_once_and_windows_find_the_passage():
    cut, warning = rerank()
    (note,) = [line for line in warning.splitlines() if "were cut" in line]
    assert "1 of 2 texts are longer than --max-length 40 tokens and were cut: " in note
    assert f"{cut[0]['dropped_tokens']} tokens were not scored" in note
    assert cut[0]["truncated"] is True
    assert set(cut[1]) == {"id", "text", "cross_encoder_score"}
    found, warning = rerank("--long-documents", "max", "--stride", 5)
    assert "cut" not in warning
    start, end = found[0]["window"]
    assert "csv module reads files row by row" in TEXT[start:end]
    assert found[0]["cross_encoder_score"] > cut[0]["cross_encoder_score"]
    assert found[1] == cut[1]


def test_chosen_sentences_are_said_and_so_is_what_was_not_read():
    found, warning = rerank("--long-documents", "select", "--select-tokens", 12)
    (note,) = [line for line in warning.splitlines() if line.startswith("note")]
    assert "1 of 2 texts are longer than --select-tokens 12 and --max-length 40 allow" in note
    assert f"nearest to the query were scored: {found[0]['dropped_tokens']} tokens were not" in note
    chosen = [TEXT[start:end] for start, end in found[0]["windows"]]
    assert "The csv module reads files row by row." in chosen
    assert found[0]["tokens"] == 12
    assert set(found[1]) == {"id", "text", "cross_encoder_score"}


def test_a_stride_without_windows_is_one_line():
    done = secondpass("rerank", QUERY, "--stride", 5, stdin=LINES)
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert "use 'max' or 'mean-top-k', or leave --stride out" in line
