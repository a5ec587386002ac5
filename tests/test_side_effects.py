"""What our dependencies do unasked: nothing is sent, written into HOME or started."""

import textwrap
from importlib.util import find_spec

import pytest
from scripts_apart import BERT, run_apart

# Every look-up of a name, connection, start of a process, and file or folder written in HOME.
WATCH = """
import os, sys

CALLS = {
    "socket.getaddrinfo", "socket.gethostbyname", "socket.connect", "socket.sendto",
    "socket.sendmsg", "subprocess.Popen", "os.posix_spawn", "os.spawn", "os.system", "os.exec",
    "os.fork", "os.forkpty",
}
# They read what this machine is and which fonts it has.
LOCAL_TOOLS = {"uname", "fc-list"}
HOME = os.environ["HOME"]

def writes(event, arguments):
    if event in ("os.mkdir", "os.rename"):
        return str(arguments[0]).startswith(HOME)
    if event != "open" or not str(arguments[0]).startswith(HOME):
        return False
    return bool((arguments[2] or 0) & (os.O_WRONLY | os.O_RDWR | os.O_CREAT))

def watch(event, arguments):
    if event == "subprocess.Popen" and arguments[0] in LOCAL_TOOLS:
        return
    if event in CALLS or writes(event, arguments):
        os.write(1, f"CAUGHT {event} {arguments}\\n".encode())

sys.addaudithook(watch)
"""
RANK = """
from secondpass import CrossEncoderReranker
CrossEncoderReranker(threads=1).predict([("wool", "Sheep give wool.")])
"""
FOLDER = """
from secondpass import CrossEncoderReranker
CrossEncoderReranker(BERT, max_length=64).predict([("wool", "Sheep give wool.")])
"""
HUB = """
from secondpass import CrossEncoderReranker, ModelNotFoundError
from huggingface_hub import constants
try:
    CrossEncoderReranker("nobody/nothing", local_files_only=True)
except ModelNotFoundError:
    assert constants.HF_HUB_DISABLE_TELEMETRY
"""
SEARCH = """
from secondpass import CrossEncoderReranker, Embedder, Index, SearchPipeline
index = Index.create("index", Embedder())
index.add([{"text": "Sheep give wool."}])
SearchPipeline(index, CrossEncoderReranker()).search("wool")
"""
INT8 = """
from secondpass import CrossEncoderReranker
CrossEncoderReranker(BERT, max_length=64, precision="int8").predict([("wool", "Sheep")])
"""
TORCH = """
from pathlib import Path
from secondpass.engine.torch import TorchEngine
from secondpass.models.folder import find_folder
from secondpass.models.spec import read_cross_encoder_spec
TorchEngine(read_cross_encoder_spec(find_folder(BERT)), device="cpu", threads=1)
"""
DOCTOR = "COMMAND = ['doctor', BERT]"
TRAIN = """
import json, pathlib
rows = [{"query": "wool", "positive": "Sheep give wool.", "negatives": ["Cows give milk."]}] * 8
pathlib.Path("rows.jsonl").write_text("\\n".join(map(json.dumps, rows)))
COMMAND = ["train", "--train", "rows.jsonl", "--model", BERT, "--steps", "1", "--max-length", "64",
           "--out", "trained", "--precision", "fp32"]
"""
EVAL = """
import json, pathlib
pathlib.Path("few/qrels").mkdir(parents=True)
pathlib.Path("few/corpus.jsonl").write_text(json.dumps({"_id": "d", "text": "Sheep give wool."}))
pathlib.Path("few/queries.jsonl").write_text(json.dumps({"_id": "q", "text": "wool"}))
pathlib.Path("few/qrels/test.tsv").write_text("query-id\\tcorpus-id\\tscore\\nq\\td\\t1\\n")
COMMAND = ["eval", "few", "--model", BERT, "--max-length", "64"]
"""
RUN = """
if "COMMAND" in globals():
    import contextlib, io
    from secondpass.cli.main import main
    with contextlib.redirect_stdout(io.StringIO()):
        assert not main(COMMAND)
print("done")
"""
CASES = {
    "rank": (RANK, None),
    "folder": (FOLDER, None),
    "hub": (HUB, None),
    "search": (SEARCH, "lancedb"),
    "eval": (EVAL, "ir_measures"),
    "int8": (INT8, "nncf"),
    "torch": (TORCH, "sentence_transformers"),
    "doctor": (DOCTOR, None),
    "train": (TRAIN, "accelerate"),
}


@pytest.fixture
def home(tmp_path):
    (tmp_path / "home").mkdir()
    return tmp_path / "home"


@pytest.mark.parametrize("code", CASES.values(), ids=CASES.keys())
def test_nothing_is_sent_written_into_home_or_started(tmp_path, home, code):
    code, needed = code
    if needed and find_spec(needed) is None:
        pytest.skip(f"needs {needed}: make test-extras")
    done = run_apart(tmp_path, f"{WATCH}\nBERT = {str(BERT)!r}\n{code}\n{RUN}", home=home)
    caught = [line for line in done.stdout.splitlines() if line.startswith("CAUGHT")]
    assert (caught, done.returncode) == ([], 0), done.stderr
    assert done.stdout.endswith("done\n")
    assert sorted(home.rglob("*")) == []


def test_what_is_watched_for_is_caught(tmp_path, home):
    code = f"""{WATCH}
import pathlib, socket, subprocess
pathlib.Path(HOME, "id").write_text("1")
pathlib.Path(HOME, "folder").mkdir()
subprocess.run(["true"])
socket.getaddrinfo("localhost", 80)
"""
    caught = run_apart(tmp_path, code, home=home).stdout
    for event in ("open", "os.mkdir", "subprocess.Popen", "socket.getaddrinfo"):
        assert f"CAUGHT {event} " in caught


@pytest.mark.skipif(find_spec("nncf") is None, reason="needs NNCF: make test-extras")
def test_nncf_sends_nothing_where_the_script_imported_openvino_first(tmp_path, home):
    code = f"""
import socket, multiprocessing.process
socket.getaddrinfo = None
multiprocessing.process.BaseProcess.start = lambda process: None
import openvino_telemetry
class Sent(openvino_telemetry.Telemetry):
    def send_event(self, *arguments, **_):
        print("CAUGHT", arguments)
openvino_telemetry.Telemetry = Sent
import openvino
print("the script")
BERT = {str(BERT)!r}
{INT8}
import sys
assert sys.modules["openvino_telemetry"] is openvino_telemetry
print("done")
"""
    done = run_apart(tmp_path, code, home=home)
    assert done.returncode == 0, done.stderr
    assert "CAUGHT" not in done.stdout.partition("the script")[2]


@pytest.mark.parametrize("method", ["spawn", "forkserver"])
def test_an_unguarded_script_runs_once(tmp_path, home, method):
    code = f"""
        import multiprocessing
        multiprocessing.set_start_method({method!r}, force=True)
        print("the script runs", flush=True)
        from secondpass import CrossEncoderReranker
        CrossEncoderReranker(threads=1)
    """
    done = run_apart(tmp_path, textwrap.dedent(code), home=home)
    assert done.stdout == "the script runs\n", done.stderr
