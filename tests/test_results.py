"""A result imports nothing that computes: whoever reads one needs no engine and no arrays."""

import subprocess
import sys

import msgspec
import pytest

from secondpass.bench.result import BenchResult
from secondpass.compiling.result import Compiled
from secondpass.doctor.result import Examination
from secondpass.evaluation.result import Evaluation
from secondpass.plan.result import PlanResult
from secondpass.verify.check_lines import CheckReport
from secondpass.verify.record import Record

RESULTS = [BenchResult, Compiled, Examination, Evaluation, PlanResult, CheckReport, Record]
COMPUTING = {"numpy", "openvino", "scipy", "tokenizers", "torch", "lancedb", "safetensors"}


@pytest.mark.parametrize("result", RESULTS, ids=lambda result: result.__name__)
def test_a_result_imports_nothing_that_computes(result):
    code = f"import sys, {result.__module__}; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert COMPUTING.isdisjoint(done.stdout.split())


@pytest.mark.parametrize("result", RESULTS, ids=lambda result: result.__name__)
def test_each_result_has_a_schema_that_names_and_describes_it(result):
    schema = msgspec.json.schema(result)
    described = schema["$defs"][result.__name__]
    assert described["description"]
    name = described["properties"]["schema"]["default"]
    assert name.startswith("secondpass/")
    assert name.endswith("/1")
