"""Runs a script in a process of its own, which ends with all that it started."""

import contextlib
import os
import signal
import subprocess
import sys
from pathlib import Path

BERT = Path(__file__).parent / "parity" / "bert"


def run_apart(folder, code, *arguments, home=None):
    """Run a script as a user does whose machine is no CI; one that hangs is killed and fails."""
    script = folder / "script.py"
    script.write_text(code)
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(home or folder),
        "SECONDPASS_CACHE_DIR": str(folder / "cache"),
        "HF_HUB_OFFLINE": "1",
    }
    process = subprocess.Popen(
        [sys.executable, str(script), *map(str, arguments)],
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        out, err = process.communicate(timeout=120)
    finally:
        with contextlib.suppress(ProcessLookupError):  # all have ended
            os.killpg(process.pid, signal.SIGKILL)
    return subprocess.CompletedProcess(process.args, process.returncode, out, err)
