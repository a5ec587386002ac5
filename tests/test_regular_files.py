"""Who names a pipe, or puts one in the place of a file, is told so: nothing waits for a writer."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from secondpass.errors import IndexFileError, InputError
from secondpass.ingest.sources import read_stamps
from secondpass.regular_files import irregular, irregular_within, open_regular
from secondpass.retrieval.stores.contract import EmbedderIdentity, StoreIdentity
from secondpass.retrieval.stores.lance import LanceStore
from secondpass.verify.record import read_record

pytestmark = pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs pipes with a name")


def test_a_pipe_in_the_place_of_a_record(tmp_path):
    os.mkfifo(tmp_path / "v.json")
    (tmp_path / "link.json").symlink_to("v.json")
    for name in ("v.json", "link.json"):
        with pytest.raises(InputError, match=rf"{name} cannot be read: it is a named pipe, expec"):
            read_record(tmp_path / name)


def test_a_device_and_a_folder_are_no_records(tmp_path):
    with pytest.raises(InputError, match="it is a device, expected a file"):
        read_record(Path(os.devnull))
    with pytest.raises(InputError, match="it is a folder, expected a file"):
        read_record(tmp_path)


def test_what_a_shell_hands_over_is_read():
    line = f"{sys.executable} -m secondpass verify check <(echo nonsense)"
    done = subprocess.run(["bash", "-c", line], capture_output=True, text=True, timeout=60)
    assert "is not valid JSON" in done.stderr


@pytest.mark.parametrize(
    "name", ["sources.json", "documents.lance/data/x.lance", "documents.lance/_versions/x.manifest"]
)
def test_a_pipe_within_an_index(tmp_path, name):
    identity = StoreIdentity(EmbedderIdentity("e", "0", 4), {})
    LanceStore.create(tmp_path, identity)
    pipe = tmp_path / name
    pipe.parent.mkdir(exist_ok=True)
    os.mkfifo(pipe)
    with pytest.raises(IndexFileError, match=rf"{name} is a named pipe, expected a file"):
        LanceStore.open(tmp_path)


def test_a_pipe_in_a_folder_that_becomes_an_index(tmp_path):
    os.mkfifo(tmp_path / "sources.json")
    assert read_stamps(tmp_path) == {}
    with pytest.raises(IndexFileError, match="named pipe"):
        LanceStore.create(tmp_path, StoreIdentity(EmbedderIdentity("e", "0", 4), {}))


def test_files_and_links_to_files_are_regular_and_a_link_to_nothing_is_nothing(tmp_path):
    (tmp_path / "a").write_text("a")
    (tmp_path / "b").symlink_to("a")
    (tmp_path / "c").symlink_to("gone")
    assert [irregular(tmp_path / name) for name in "abcd"] == [None] * 4
    assert list(irregular_within(tmp_path)) == []
    with open_regular(tmp_path / "b") as stream:
        assert stream.read() == b"a"
