import os
import pwd
import subprocess
import sys
import warnings
from pathlib import Path

import pytest

from secondpass import CrossEncoderReranker, InputError
from secondpass.settings import (
    NO_FOLDER,
    Settings,
    absolute,
    available_processors,
    hub_folder,
    warn_not_kept,
)


@pytest.fixture
def sixteen(monkeypatch):
    """A process that may run on sixteen processors."""
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(16)), raising=False)


@pytest.fixture
def no_home(monkeypatch):
    """A user without HOME and without an entry in the system's list of users."""
    for name in ("HOME", "XDG_CACHE_HOME", "SECONDPASS_CACHE_DIR"):
        monkeypatch.delenv(name, raising=False)

    def missing(_):
        raise KeyError("no such user")

    monkeypatch.setattr(pwd, "getpwuid", missing)


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


def test_the_quota_of_the_own_group_counts(tmp_path, sixteen):
    (tmp_path / "cgroup").write_text("0::/system.slice/app.service\n")
    root = cgroup(tmp_path / "mount", **{"system.slice__app.service__cpu_max": "500000 100000"})
    assert available_processors(root, tmp_path) == 5


@pytest.mark.parametrize("error", [AttributeError, OSError])
def test_where_the_affinity_is_not_known_the_processors_count(tmp_path, monkeypatch, error):
    def refuse(_):
        raise error

    monkeypatch.setattr(os, "sched_getaffinity", refuse, raising=False)
    assert available_processors(tmp_path) == os.cpu_count()


def test_the_cache_folder_is_the_argument_else_the_variable_else_the_users(tmp_path, monkeypatch):
    monkeypatch.setenv("SECONDPASS_CACHE_DIR", str(tmp_path / "variable"))
    assert Settings.from_environment(tmp_path / "given").cache_dir == tmp_path / "given"
    assert Settings.from_environment().cache_dir == tmp_path / "variable"
    monkeypatch.delenv("SECONDPASS_CACHE_DIR")
    assert Settings.from_environment().cache_dir.name == "secondpass"


@pytest.mark.parametrize("relative", ["", "relative", "./here"])
def test_a_relative_xdg_folder_counts_as_none(tmp_path, monkeypatch, relative):
    monkeypatch.delenv("SECONDPASS_CACHE_DIR")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", relative)
    assert Settings.from_environment().cache_dir == tmp_path / ".cache" / "secondpass"


@pytest.mark.parametrize("home", [None, "", "relative"])
def test_a_user_without_a_home_has_no_cache_folder(no_home, monkeypatch, home):
    if home is not None:
        monkeypatch.setenv("HOME", home)
    folder = Settings.from_environment().cache_dir
    assert folder == NO_FOLDER
    with pytest.raises(OSError, match=str(NO_FOLDER)):
        folder.mkdir(parents=True)


def test_a_user_without_a_home_ranks_with_one_warning(parity, no_home, monkeypatch):
    monkeypatch.setattr("secondpass.settings._warned", set())
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for _ in range(2):
            reranker = CrossEncoderReranker(parity / "bert", 64, precision="fp32")
            assert len(reranker.rank("wool", ["Sheep give wool."])) == 1
    (warning,) = caught
    assert "no cache folder" in str(warning.message)
    assert "SECONDPASS_CACHE_DIR" in str(warning.message)


def test_each_folder_that_cannot_be_written_is_one_warning(tmp_path):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for name in ("a", "b", "a"):
            warn_not_kept(tmp_path / name, PermissionError(13, "Permission denied"))
    assert [str(one.message).count("Permission denied") for one in caught] == [1, 1]


@pytest.mark.parametrize(
    ("options", "name"),
    [
        ({"cache_dir": "~/graphs"}, "cache_dir '~/graphs'"),
        (
            {"cache": "~nobody-by-this-name/scores", "cache_dir": "."},
            "cache '~nobody-by-this-name/scores'",
        ),
        ({"model_name": "~/model"}, "model_name '~/model'"),
    ],
)
def test_a_home_that_is_not_there_is_named_where_it_was_given(
    parity, no_home, options, name, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match=name):
        CrossEncoderReranker(**{"model_name": parity / "bert", "max_length": 64, **options})


def test_the_variable_may_name_a_home_too(no_home, monkeypatch):
    monkeypatch.setenv("SECONDPASS_CACHE_DIR", "~/cache")
    with pytest.raises(InputError, match="SECONDPASS_CACHE_DIR '~/cache'"):
        Settings.from_environment()


def run(code, **environment):
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={"PATH": os.environ["PATH"], **environment},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip()


HUB = "from secondpass.settings import hub_folder; print(hub_folder())"


@pytest.mark.parametrize(
    ("environment", "folder"),
    [
        ({"HOME": "/h"}, "/h/.cache/huggingface/hub"),
        ({"HOME": "/h", "XDG_CACHE_HOME": "/x"}, "/x/huggingface/hub"),
        ({"HOME": "/h", "XDG_CACHE_HOME": ""}, "/h/.cache/huggingface/hub"),
        ({"HOME": "/h", "XDG_CACHE_HOME": "x"}, "/h/.cache/huggingface/hub"),
        ({"HOME": "/h", "HF_HOME": "/m", "XDG_CACHE_HOME": "x"}, "/m/hub"),
    ],
)
def test_hub_models_are_where_the_hub_library_keeps_them(environment, folder):
    assert run(HUB, **environment) == folder


def test_without_a_home_there_is_no_folder_of_hub_models(no_home, monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", "~/.cache/huggingface/hub")
    with pytest.raises(InputError, match="HF_HOME"):
        hub_folder()
    with pytest.raises(InputError, match="HF_HOME"):
        CrossEncoderReranker("owner/model")


def test_a_current_folder_that_was_removed_is_named(tmp_path, monkeypatch):
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    with pytest.raises(InputError, match="'index' is relative and the current folder"):
        absolute("index")
    assert absolute("/an/index") == Path("/an/index")
