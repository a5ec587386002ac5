"""What our dependencies do unasked: nothing is sent, written into HOME or started."""

import os
import subprocess
import sys
import textwrap
from importlib.util import find_spec

import pytest

WATCH = """
import multiprocessing.process, socket, subprocess, sys

def caught(name):
    def refuse(*arguments, **_):
        print("CAUGHT", name, arguments[1:], flush=True)
        raise OSError(name)
    return refuse

socket.getaddrinfo = caught("getaddrinfo")
socket.socket.connect = caught("connect")
multiprocessing.process.BaseProcess.start = caught("multiprocessing")
subprocess.Popen.__init__ = caught("subprocess")
"""
RANK = """
from secondpass import CrossEncoderReranker
CrossEncoderReranker(threads=1).predict([("wool", "Sheep give wool.")])
"""
HUB = """
from secondpass import CrossEncoderReranker, ModelNotFoundError
from huggingface_hub import constants
try:
    CrossEncoderReranker("nobody/nothing", local_files_only=True)
except ModelNotFoundError:
    assert constants.HF_HUB_DISABLE_TELEMETRY
"""
NNCF = "from secondpass.graph.openvino import import_nncf\nimport_nncf()"
needs_nncf = pytest.mark.skipif(find_spec("nncf") is None, reason="needs NNCF: make test-extras")


def run(home, code):
    """Run a script as a user does whose machine is no CI and whose HOME is new."""
    environment = {"PATH": os.environ["PATH"], "HOME": str(home)}
    script = home.parent / "script.py"
    script.write_text(code)
    command = [sys.executable, str(script)]
    return subprocess.run(
        command, env=environment, capture_output=True, text=True, timeout=120, check=False
    )


@pytest.fixture
def home(tmp_path):
    (tmp_path / "home").mkdir()
    return tmp_path / "home"


@pytest.mark.parametrize(
    "code", [RANK, HUB, pytest.param(NNCF, marks=needs_nncf)], ids=["rank", "hub", "nncf"]
)
def test_nothing_is_sent_written_into_home_or_started(home, code):
    done = run(home, f"{WATCH}\n{code}\nprint('done')")
    assert (done.stdout, done.returncode) == ("done\n", 0), done.stderr
    assert sorted(home.rglob("*")) == []


@pytest.mark.parametrize("method", ["spawn", "forkserver"])
def test_an_unguarded_script_runs_once(home, method):
    code = f"""
        import multiprocessing
        multiprocessing.set_start_method({method!r}, force=True)
        print("the script runs", flush=True)
        from secondpass import CrossEncoderReranker
        CrossEncoderReranker(threads=1)
    """
    done = run(home, textwrap.dedent(code))
    assert done.stdout == "the script runs\n", done.stderr
