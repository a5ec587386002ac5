"""What only some systems have is asked for before it is used: Windows and macOS lack a part of it.

The code is read, and run in a process from which what is not everywhere was taken.
"""

import ast
import socket
import subprocess
import sys
from pathlib import Path

import pytest

import secondpass

SOURCE = Path(secondpass.__file__).parent
# Modules that Windows does not have.
POSIX_MODULES = {"fcntl", "grp", "posix", "pty", "pwd", "resource", "syslog", "termios", "tty"}
# Names of os that Windows or macOS does not have.
NOT_EVERYWHERE = {
    *("fork", "forkpty", "getuid", "geteuid", "getgid", "getloadavg", "killpg", "mkfifo", "mknod"),
    *("nice", "register_at_fork", "sched_getaffinity", "sched_setaffinity", "statvfs", "sync"),
    *("uname", "wait", "waitid", "memfd_create", "pread", "pwrite", "sendfile", "sysconf"),
    *("getpgid", "setsid", "chown", "fchown", "fchmod", "posix_fadvise", "copy_file_range"),
    *("O_CLOEXEC", "O_DIRECTORY", "O_NOFOLLOW", "O_NONBLOCK", "O_DIRECT", "RTLD_GLOBAL"),
}
# Signals that Windows has.
SIGNALS = {"SIGINT", "SIGTERM", "SIGABRT", "SIGFPE", "SIGILL", "SIGSEGV", "SIGBREAK"}
FILES = sorted(SOURCE.rglob("*.py"))


def guarded(tree):
    """Return the nodes that run only where the name was asked for, or where it may be missing."""
    asking = (ast.If, ast.IfExp, ast.Try)
    return {
        inner
        for node in ast.walk(tree)
        if isinstance(node, asking) and (isinstance(node, ast.Try) or "hasattr" in ast.dump(node))
        for inner in ast.walk(node)
    }


def unguarded(text):
    tree = ast.parse(text)
    within = guarded(tree)
    # An import within a function is asked for by whoever calls it.
    inner = {
        one
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        for one in ast.walk(node)
    }
    for node in ast.walk(tree):
        if node in within:
            continue
        if isinstance(node, ast.Import | ast.ImportFrom) and node not in inner:
            names = [getattr(node, "module", None), *(alias.name for alias in node.names)]
            yield from POSIX_MODULES.intersection(names)
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            if node.value.id == "os" and node.attr in NOT_EVERYWHERE:
                yield f"os.{node.attr}"
            is_signal = node.attr.startswith("SIG") and not node.attr.startswith("SIG_")
            if node.value.id == "signal" and is_signal and node.attr not in SIGNALS:
                yield f"signal.{node.attr}"


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(SOURCE)))
def test_nothing_is_used_unasked_that_is_not_everywhere(file):
    assert list(unguarded(file.read_text(encoding="utf-8"))) == []


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("import fcntl", ["fcntl"]),
        ("from resource import getrusage", ["resource"]),
        ("import os\nos.sched_getaffinity(0)", ["os.sched_getaffinity"]),
        ("import os\nos.open('a', os.O_NOFOLLOW)", ["os.O_NOFOLLOW"]),
        ("import signal\nsignal.signal(signal.SIGHUP, f)", ["signal.SIGHUP"]),
        ("try:\n import fcntl\nexcept ImportError:\n pass", []),
        ("import os\nn = os.nice(0) if hasattr(os, 'nice') else 0", []),
        ("def f():\n import resource", []),
        ("import signal\nsignal.signal(signal.SIGINT, signal.SIG_IGN)", []),
    ],
)
def test_the_reading_finds_what_is_not_everywhere(text, found):
    assert list(unguarded(text)) == found


def without_encoding(text):
    """Yield the lines of texts that are read or written in whatever encoding a system has."""
    positions = {"read_text": 0, "write_text": 1}
    for node in ast.walk(ast.parse(text)):
        called = node.func if isinstance(node, ast.Call) else None
        if isinstance(called, ast.Attribute) and called.attr in positions:
            named = any(keyword.arg == "encoding" for keyword in node.keywords)
            if not named and len(node.args) <= positions[called.attr]:
                yield node.lineno


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(SOURCE)))
def test_every_text_says_its_encoding(file):
    assert list(without_encoding(file.read_text(encoding="utf-8"))) == []


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("file.read_text()", [1]),
        ("a = 1\nfile.write_text(a)", [2]),
        ("file.read_text('utf-8')\nfile.write_text(a, 'utf-8')", []),
        ("file.read_text(encoding='utf-8')\nfile.write_text(a, encoding='utf-8')", []),
        ("write_text(file, a)", []),
    ],
)
def test_the_reading_finds_a_text_without_encoding(text, lines):
    assert list(without_encoding(text)) == lines


# Taken away before anything of ours is imported, as on Windows. The standard library itself is
# another one there.
WITHOUT = """
import importlib.metadata, logging, os, random, sys
for name in ("resource", "pwd", "grp", "termios", "tty", "pty", "syslog"):
    sys.modules[name] = None
for name in ("sched_getaffinity", "register_at_fork", "getuid", "geteuid", "getloadavg", "nice"):
    if hasattr(os, name):
        delattr(os, name)
from secondpass import CrossEncoderReranker, settings
assert settings.available_processors() >= 1
"""
RANK = """
hits = CrossEncoderReranker(cache_dir=sys.argv[1], cache=sys.argv[2]).rank(
    "wool", ["Cows give milk.", "Sheep give wool."]
)
print([hit.index for hit in hits])
"""
COMMAND = """
from secondpass.cli.main import main
sys.exit(main(["rerank", "wool", "--plain", "--top-k", "1"]))
"""


def run(code, *arguments, stdin=""):
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT + code, *map(str, arguments)],
        input=stdin,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_the_library_ranks_without_what_is_not_everywhere(tmp_path):
    assert run(RANK, tmp_path / "graphs", tmp_path / "scores") == "[1, 0]"


def test_the_command_ranks_without_what_is_not_everywhere():
    assert '"text": "Sheep give wool."' in run(COMMAND, stdin="Cows give milk.\nSheep give wool.")


@pytest.mark.parametrize(
    ("platform", "expected"),
    [("linux", [(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)]), ("win32", [])],
)
def test_no_two_servers_share_a_port_on_windows(monkeypatch, platform, expected):
    run = pytest.importorskip("secondpass.serve.run")
    from secondpass.options.serve import ServeOptions

    given = []

    class Recorded(socket.socket):
        def setsockopt(self, *option):
            given.append(option)
            super().setsockopt(*option)

    monkeypatch.setattr(run.socket, "socket", Recorded)
    monkeypatch.setattr(run.sys, "platform", platform)
    run.listen(ServeOptions(port=0)).close()
    assert given == expected
