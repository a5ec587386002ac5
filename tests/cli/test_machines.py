"""The command on machines as people have them: users without a home, folders nobody may write."""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parent.parent.parent / "docs" / "examples"
ANOTHER_USER = 12345

# setpriv keeps root's rights until Python has started, which may lie in root's home.
AS_ANOTHER_USER = (
    *("setpriv", "--reuid", str(ANOTHER_USER), "--regid", str(ANOTHER_USER)),
    "--clear-groups",
)


as_root = pytest.mark.usefixtures("another_user")
unix = pytest.mark.skipif(sys.platform == "win32", reason="of folders and users of Unix")


@pytest.fixture(scope="module")
def another_user():
    """Skip where Python cannot run as another user."""
    command = [*AS_ANOTHER_USER, sys.executable, "-c", "import secondpass, openvino"]
    try:
        subprocess.run(command, cwd="/", capture_output=True, check=True)
    except (OSError, subprocess.CalledProcessError) as error:
        pytest.skip(f"needs root, setpriv and a Python for every user: {error}")


@pytest.fixture
def place():
    """A folder that every user may write to; pytest closes its own to other users."""
    with tempfile.TemporaryDirectory(prefix="secondpass-test-") as folder:
        Path(folder).chmod(0o777)
        yield Path(folder)


def run(*command, cwd, other=False, **environment):
    """Run a command with this environment alone, as another user if asked for."""
    return subprocess.run(
        [str(word) for word in ((*AS_ANOTHER_USER, *command) if other else command)],
        cwd=cwd,
        env={"PATH": os.environ["PATH"], "HF_HUB_OFFLINE": "1", **environment},
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
    )


def secondpass(*arguments, python=(), **where):
    return run(sys.executable, *python, "-m", "secondpass", *arguments, **where)


def rerank(parity, *more, python=(), **where):
    """Rerank with a tiny model whose graph is built, so that the cache is used."""
    model = ("--model", parity / "bert", "--max-length", 64, "--precision", "fp32")
    candidates = EXAMPLES / "candidates.jsonl"
    return secondpass("rerank", "a csv file", candidates, *model, *more, python=python, **where)


def warnings_of(done):
    """Return the lines on standard error of a run that gave all three candidates."""
    assert done.returncode == 0, done.stderr
    assert {json.loads(line)["id"] for line in done.stdout.splitlines()} == {1, 2, 3}
    return done.stderr.splitlines()


@as_root
@pytest.mark.parametrize("home", [None, "", "/", "/nonexistent", "relative", "/etc/passwd"])
def test_a_user_without_a_usable_home_gets_a_result_and_one_warning(parity, place, home):
    environment = {} if home is None else {"HOME": home}
    (line,) = warnings_of(rerank(parity, cwd=place, other=True, **environment))
    assert line.startswith("secondpass: warning: ")
    assert "SECONDPASS_CACHE_DIR" in line
    assert list(place.iterdir()) == []


@as_root
@pytest.mark.parametrize("variable", ["HOME", "XDG_CACHE_HOME", "SECONDPASS_CACHE_DIR"])
def test_a_folder_of_another_user_is_one_warning(parity, place, variable):
    closed = place / "closed"
    closed.mkdir(mode=0o700)
    environment = {"HOME": str(place / "home"), variable: str(closed)}
    (line,) = warnings_of(rerank(parity, cwd=place, other=True, **environment))
    assert str(closed) in line
    assert "Permission denied" in line


@unix
@pytest.mark.parametrize("folder", ["/dev/full", "/etc/passwd/x", "/proc"])
def test_a_folder_that_can_be_made_nowhere_is_one_warning(parity, place, folder):
    (line,) = warnings_of(rerank(parity, cwd=place, SECONDPASS_CACHE_DIR=folder))
    assert folder in line


@as_root
def test_two_users_share_a_cache_as_far_as_they_may(parity, place):
    shared = place / "shared"
    shared.mkdir()
    shared.chmod(0o777)
    environment = {"SECONDPASS_CACHE_DIR": str(shared)}
    old = os.umask(0o077)
    try:
        assert warnings_of(rerank(parity, cwd=place, **environment)) == []
    finally:
        os.umask(old)
    # What the first user made is closed to the second, who is told so.
    (line,) = warnings_of(rerank(parity, cwd=place, other=True, **environment))
    assert "Permission denied" in line
    for path in [shared, *shared.rglob("*")]:
        path.chmod(0o777 if path.is_dir() else 0o644)
    assert warnings_of(rerank(parity, cwd=place, other=True, **environment)) == []


@unix
def test_a_cache_folder_may_be_a_link(parity, place):
    (place / "real").mkdir()
    (place / "link").symlink_to(place / "real")
    assert warnings_of(rerank(parity, cwd=place, SECONDPASS_CACHE_DIR=str(place / "link"))) == []
    assert (place / "real" / "graphs").is_dir()
    (place / "broken").symlink_to(place / "not-there" / "x")
    broken = str(place / "broken")
    assert len(warnings_of(rerank(parity, cwd=place, SECONDPASS_CACHE_DIR=broken))) <= 1


@as_root
def test_a_score_cache_in_a_folder_of_another_user_is_a_warning(parity, place):
    closed = place / "closed"
    closed.mkdir(mode=0o700)
    done = rerank(
        parity,
        *("--cache", closed / "scores"),
        cwd=place,
        other=True,
        HOME=str(place / "home"),
    )
    (line,) = warnings_of(done)
    assert "score cache" in line


@as_root
def test_the_models_are_listed_where_the_hub_cache_is_closed(place):
    closed = place / "closed"
    closed.mkdir(mode=0o700)
    where = {"cwd": place, "other": True, "HOME": str(closed)}
    done = secondpass("models", **where)
    assert done.returncode == 0, done.stderr
    assert "embedded/cross-encoder" in done.stdout
    assert "Traceback" not in done.stderr
    assert secondpass("models", cwd=place, other=True).returncode == 0


@as_root
def test_eval_keeps_no_vectors_without_a_home_and_says_so(parity, place):
    done = secondpass(
        *("eval", EXAMPLES / "collection", "--first-stage", "dense", "--depths", "2,5"),
        *("--model", parity / "bert", "--max-length", 64, "--precision", "fp32"),
        cwd=place,
        other=True,
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("warning") == 1


@as_root
@pytest.mark.parametrize("temporary", ["/nonexistent", "/root", "/dev/null"])
def test_a_temporary_folder_that_cannot_be_used_is_not_needed(parity, place, temporary):
    where = {"cwd": place, "other": True, "HOME": str(place)}
    assert warnings_of(rerank(parity, TMPDIR=temporary, **where)) == []


@unix
def test_a_current_folder_that_was_removed(parity, place):
    gone = place / "gone"
    gone.mkdir()
    script = 'rmdir "$PWD" && exec "$@"'
    command = ("/bin/sh", "-c", script, "sh", sys.executable, "-m", "secondpass")
    model = ("--model", parity / "bert", "--max-length", 64, "--precision", "fp32")
    candidates = EXAMPLES / "candidates.jsonl"
    where = {"cwd": gone, "HOME": str(place)}
    assert warnings_of(run(*command, "rerank", "q", candidates, *model, **where)) == []
    gone.mkdir()
    done = run(*command, "search", "q", "--index", "my-index", **where)
    assert done.returncode == 2
    assert "my-index" in done.stderr
    assert "current folder" in done.stderr


@as_root
def test_a_current_folder_that_cannot_be_read(parity, place):
    closed = place / "closed"
    closed.mkdir()
    closed.chmod(0o711)
    where = {"cwd": closed, "other": True, "HOME": str(place)}
    assert warnings_of(rerank(parity, **where)) == []


@pytest.mark.parametrize(
    "python",
    [
        pytest.param(["-OO"], id="without docstrings"),
        pytest.param(["-W", "error"], id="warnings are errors"),
        pytest.param(["-X", "dev"], id="development mode"),
        pytest.param(["-I"], id="isolated"),
        pytest.param(["-P"], id="safe path"),
    ],
)
def test_ways_of_starting_python(parity, place, python):
    assert warnings_of(rerank(parity, python=python, cwd=place, HOME=str(place))) == []


@pytest.mark.parametrize(
    "environment",
    [
        {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
        {"LC_ALL": "POSIX", "PYTHONIOENCODING": "ascii"},
        {"PYTHONIOENCODING": "latin-1"},
    ],
)
def test_text_that_the_output_cannot_encode_comes_back_escaped(parity, place, environment):
    text = "Größe 羊毛 🐑 ﬁ"
    file = place / "texts.jsonl"
    file.write_text(json.dumps({"text": text}, ensure_ascii=False) + "\n", encoding="utf-8")
    model = ("--model", parity / "bert", "--max-length", 64, "--precision", "fp32")
    done = subprocess.run(
        [sys.executable, "-m", "secondpass", "rerank", "wool", str(file), *map(str, model)],
        env={"PATH": os.environ["PATH"], "HOME": str(place), **environment},
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    encoding = environment.get("PYTHONIOENCODING", "ascii")
    assert json.loads(done.stdout.decode(encoding))["text"] == text
