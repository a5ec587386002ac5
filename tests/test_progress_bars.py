"""Bars of progress: colored unless NO_COLOR is set, and one for notebooks and sessions."""

import io
import re
import sys

import pytest

from secondpass.cli import output
from secondpass.progress import shown

COLOR = re.compile(r"\x1b\[(?:\d+;)*(?:3[0-7]|38|9[0-7])[;m]")


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.fixture(autouse=True)
def colored(monkeypatch):
    monkeypatch.setenv("TERM", "xterm-256color")
    for name in ("NO_COLOR", "FORCE_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE"):
        monkeypatch.delenv(name, raising=False)


def written_to_a_terminal(monkeypatch, make_bar):
    written = Terminal()
    # Here and not in a fixture, after which pytest puts its own there.
    with monkeypatch.context() as patched:
        patched.setattr(sys, "stderr", written)
        with make_bar("embedding", 3) as advance:
            advance(1)
            advance(2)
    return written.getvalue()


def test_a_bar_is_colored(monkeypatch):
    written = written_to_a_terminal(monkeypatch, output.progress)
    assert "3/3" in written
    assert COLOR.search(written)


def test_no_bar_is_colored_where_the_user_wants_none(monkeypatch):
    monkeypatch.setenv("NO_COLOR", "1")
    written = written_to_a_terminal(monkeypatch, output.progress)
    assert "3/3" in written
    assert not COLOR.search(written)


def test_a_session_has_a_bar_of_its_own(monkeypatch):
    written = written_to_a_terminal(monkeypatch, shown)
    assert "embedding" in written
    assert "3/3" in written
