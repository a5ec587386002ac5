"""Limits of control groups, as systemd, Slurm and containers set them, in copies of their files."""

import os
import platform
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from secondpass.cgroup import cpu_quota, memory_limits
from secondpass.environment.machine import read_machine

SERVICE = "0::/system.slice/app.service\n"


@pytest.fixture
def machine(tmp_path):
    """Make the files below a group's mount and of a process: machine({path: text}, membership)."""

    def make(files, membership=SERVICE):
        mount, process = tmp_path / "cgroup", tmp_path / "self"
        for name, text in files.items():
            file = mount / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(text if isinstance(text, bytes) else text.encode())
        process.mkdir(exist_ok=True)
        (process / "cgroup").write_text(membership)
        return mount, process

    return make


@pytest.mark.parametrize(
    ("files", "membership", "quota"),
    [
        pytest.param({}, SERVICE, None, id="no files"),
        pytest.param({"system.slice/app.service/cpu.max": "100000 100000\n"}, SERVICE, 1, id="own"),
        pytest.param(
            {"system.slice/app.service/cpu.max": "max 100000", "system.slice/cpu.max": "3 1"},
            SERVICE,
            3,
            id="parent",
        ),
        pytest.param(
            {
                "cpu.max": "800000 100000",
                "system.slice/cpu.max": "400000 100000",
                "system.slice/app.service/cpu.max": "600000 100000",
            },
            SERVICE,
            4,
            id="lowest of three",
        ),
        pytest.param(
            {"system.slice/other.service/cpu.max": "100000 100000"}, SERVICE, None, id="a sibling's"
        ),
        pytest.param(
            {"cpu.max": "50000 100000"}, "0::/docker/ab12/init\n", 0.5, id="a container's own root"
        ),
        pytest.param(
            {"cpu.max": "max 100000", "job/cpu.max": "200000 100000"},
            "0::/docker/ab12/job\n",
            2,
            id="a group made in a container",
        ),
        pytest.param({"cpu.max": "200000 100000"}, "0::/../../x\n", 2, id="outside the namespace"),
        pytest.param(
            {
                "unified/user.slice/cgroup.procs": "",
                "cpu,cpuacct/slurm/job_7/cpu.cfs_quota_us": "250000\n",
                "cpu,cpuacct/slurm/job_7/cpu.cfs_period_us": "100000\n",
                "cpu,cpuacct/slurm/job_7/step_0/cpu.cfs_quota_us": "-1\n",
                "cpu,cpuacct/slurm/job_7/step_0/cpu.cfs_period_us": "100000\n",
            },
            "4:cpu,cpuacct:/slurm/job_7/step_0\n2:cpuset:/\n0::/user.slice\n",
            2.5,
            id="Slurm on version 1",
        ),
        pytest.param(
            {
                "unified/app/cpu.max": "300000 100000",
                "cpu/app/cpu.cfs_quota_us": "500000",
                "cpu/app/cpu.cfs_period_us": "100000",
            },
            "1:cpu:/app\n0::/app\n",
            3,
            id="both versions",
        ),
        pytest.param(
            {"app:1/cpu.max": "200000 100000"}, "0::/app:1\n", 2, id="a colon in the name"
        ),
    ],
)
def test_the_quota_is_the_lowest_of_the_own_group_and_its_parents(
    machine, files, membership, quota
):
    assert cpu_quota(*machine(files, membership)) == quota


@pytest.mark.parametrize(
    "text", ["", "max", "max 100000", "0 100000", "100000 0", "-1 100000", "a b", b"\xff\xfe \x00"]
)
def test_a_file_that_is_not_in_the_format_is_no_limit(machine, text):
    files = {"system.slice/app.service/cpu.max": text, "system.slice/cpu.max": "200000 100000"}
    assert cpu_quota(*machine(files)) == 2


@pytest.mark.parametrize("membership", ["", "nonsense", "0::", "7:cpu\n", "\0"])
def test_a_membership_that_cannot_be_read_is_the_root(machine, membership):
    assert cpu_quota(*machine({"cpu.max": "200000 100000"}, membership)) == 2


def test_a_system_without_control_groups_has_no_limit(tmp_path):
    assert cpu_quota(tmp_path / "none", tmp_path / "none") is None
    assert memory_limits(tmp_path / "none", tmp_path / "none") is None


def test_memory_is_the_lowest_limit_and_the_least_that_is_left(machine):
    files = {
        "system.slice/memory.max": "8000",
        "system.slice/memory.current": "7500",
        "system.slice/memory.stat": "anon 6000\ninactive_file 1500\n",
        "system.slice/app.service/memory.max": "max",
        "system.slice/app.service/memory.high": "5000",
        "system.slice/app.service/memory.current": "1000",
    }
    assert memory_limits(*machine(files)) == (5000, 2000)


def test_memory_of_the_first_version(machine):
    files = {
        "memory/job/memory.limit_in_bytes": "6000\n",
        "memory/job/memory.usage_in_bytes": "5000\n",
        "memory/job/memory.stat": "cache 1\ntotal_inactive_file 2000\nbroken line here\n",
    }
    assert memory_limits(*machine(files, "4:memory:/job\n")) == (6000, 3000)


def test_memory_used_over_the_limit_leaves_nothing(machine):
    files = {
        "system.slice/app.service/memory.max": "100",
        "system.slice/app.service/memory.current": "120",
    }
    assert memory_limits(*machine(files)) == (100, 0)


def test_the_machine_has_no_more_memory_than_the_groups_allow(monkeypatch):
    real = psutil.virtual_memory()
    monkeypatch.setattr("secondpass.environment.machine.memory_limits", lambda: (2**20, 2**10))
    found = read_machine()
    assert (found.memory_total, found.memory_available) == (2**20, 2**10)
    monkeypatch.setattr("secondpass.environment.machine.memory_limits", lambda: (2**63, 2**63))
    assert read_machine().memory_total == real.total


@pytest.fixture
def limited_group():
    """A real control group with a quota of one and a half processors, and one below it."""
    name = f"secondpass-test-{os.getpid()}"
    first, second = Path("/sys/fs/cgroup/cpu") / name, Path("/sys/fs/cgroup") / name
    try:
        outer = first if first.parent.is_dir() else second
        inner = outer / "inner"
        inner.mkdir(parents=True)
        if outer == first:
            (outer / "cpu.cfs_quota_us").write_text("150000")
        else:
            (outer / "cpu.max").write_text("150000 100000")
    except OSError as error:
        for folder in (inner, outer):
            if folder.is_dir():
                folder.rmdir()
        pytest.skip(f"no control group can be made here: {error}")
    yield inner
    inner.rmdir()
    outer.rmdir()


@pytest.mark.skipif(platform.system() != "Linux", reason="control groups are Linux's")
def test_a_process_sees_the_quota_of_a_real_group_above_its_own(limited_group):
    code = (
        "import os, sys; from pathlib import Path\n"
        "Path(sys.argv[1], 'cgroup.procs').write_text(str(os.getpid()))\n"
        "from secondpass.cgroup import cpu_quota; print(cpu_quota())"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(limited_group)], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "1.5"
