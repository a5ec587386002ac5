"""Sends what schemathesis makes of the OpenAPI description to a started server.

python -m scripts.fuzz_server [--seconds N]; schemathesis has an environment of its own, as the
clients of scripts.clients_check have.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from tempfile import TemporaryDirectory

from scripts.clients_check import FOLDER, KEY, started

# Those that do not hold by intent: a number in quotes counts, and so do the words of a boolean; and
# a document that is an object needs the field that is its text, which no schema can say.
_LEFT_OUT = "positive_data_acceptance,negative_data_rejection"


def main() -> int:
    """Run schemathesis; its exit status is ours."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=int, default=120)
    seconds = parser.parse_args().seconds
    program = FOLDER / "client-schemathesis" / "bin" / "schemathesis"
    with started() as url, TemporaryDirectory() as folder:  # where schemathesis keeps its cache
        command = [program, "run", f"{url}/openapi.json", "-H", f"Authorization: Bearer {KEY}"]
        command += ["--checks", "all", "--exclude-checks", _LEFT_OUT]
        command += ["--max-time", str(seconds), "--request-timeout", "30", "--continue-on-failure"]
        return subprocess.run([*command, "--warnings", "off"], cwd=folder).returncode


if __name__ == "__main__":
    sys.exit(main())
