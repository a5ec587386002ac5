"""secondpass index with a path that is gone: what the index holds of it is removed, and said."""

import json
import shutil
import subprocess
import sys

import pytest

pytest.importorskip("lancedb")
pytest.importorskip("semantic_text_splitter")


def index(folder, *arguments):
    command = [sys.executable, "-m", "secondpass", "index", *arguments, "--into", "made"]
    return subprocess.run(command, capture_output=True, text=True, cwd=folder)


def test_what_is_gone_is_removed_and_said(tmp_path):
    (tmp_path / "manual").mkdir()
    (tmp_path / "manual/a.md").write_text("how to renew")
    (tmp_path / "b.txt").write_text("other")
    assert index(tmp_path, "manual", "b.txt").returncode == 0
    shutil.rmtree(tmp_path / "manual")
    refused = index(tmp_path, "manuel")
    assert (refused.returncode, refused.stdout) == (2, "")
    assert f"there is no file or folder {tmp_path}/manuel" in refused.stderr
    done = index(tmp_path, "manual")
    assert done.returncode == 0, done.stderr
    assert "1 removed; 1 document from 0 files" in done.stdout
    assert f"1 removed: {tmp_path}/manual is gone" in done.stderr
    assert "no file or folder" in index(tmp_path, "manual").stderr
    (tmp_path / "b.txt").unlink()
    done = index(tmp_path, "b.txt", "--json")
    assert json.loads(done.stdout)["gone"] == {f"{tmp_path}/b.txt": 1}
