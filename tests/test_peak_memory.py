"""The peak is this process's own, whatever the one that started it holds."""

import subprocess
import sys

import numpy as np

from secondpass.environment.peak_memory import peak_bytes

PEAK = "from secondpass.environment.peak_memory import peak_bytes; print(peak_bytes())"


def test_the_peak_stays_when_the_memory_is_given_back():
    block = np.ones(200_000_000, np.int8)  # each page is touched
    size = len(block)
    del block
    assert peak_bytes() > size


def test_a_new_process_does_not_begin_with_its_parents_peak():
    block = np.ones(400_000_000, np.int8)
    done = subprocess.run([sys.executable, "-c", PEAK], capture_output=True, text=True, check=True)
    assert 1_000_000 < int(done.stdout) < len(block) / 2
