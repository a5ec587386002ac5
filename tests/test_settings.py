import os

import pytest

from secondpass.settings import Settings, available_processors


@pytest.fixture
def sixteen(monkeypatch):
    """A process that may run on sixteen processors."""
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(16)), raising=False)


def cgroup(folder, **files):
    for name, text in files.items():
        file = folder / name.replace("__", "/").replace("_max", ".max")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return folder


def test_without_a_limit_the_affinity_counts(tmp_path, sixteen):
    assert available_processors(tmp_path) == 16
    assert available_processors(cgroup(tmp_path, cpu_max="max 100000\n")) == 16


@pytest.mark.parametrize(
    ("limit", "processors"),
    [("200000 100000", 2), ("150000 100000", 2), ("10000 100000", 1), ("6400000 100000", 16)],
)
def test_a_cgroup_quota_cuts_it_rounded_up_and_never_below_one(
    tmp_path, sixteen, limit, processors
):
    assert available_processors(cgroup(tmp_path, cpu_max=limit)) == processors


def test_the_first_cgroup_version_is_read_too(tmp_path, sixteen):
    folder = tmp_path / "cpu"
    folder.mkdir()
    (folder / "cpu.cfs_quota_us").write_text("300000\n")
    (folder / "cpu.cfs_period_us").write_text("100000\n")
    assert available_processors(tmp_path) == 3
    (folder / "cpu.cfs_quota_us").write_text("-1\n")
    assert available_processors(tmp_path) == 16


def test_the_cache_folder_is_the_argument_else_the_variable_else_the_users(tmp_path, monkeypatch):
    monkeypatch.setenv("SECONDPASS_CACHE_DIR", str(tmp_path / "variable"))
    assert Settings.from_environment(tmp_path / "given").cache_dir == tmp_path / "given"
    assert Settings.from_environment().cache_dir == tmp_path / "variable"
    monkeypatch.delenv("SECONDPASS_CACHE_DIR")
    assert Settings.from_environment().cache_dir.name == "secondpass"
