"""A compiled folder keeps the exits of its source, wherever their heads stood."""

import shutil

import numpy as np
from exit_models import with_exits
from safetensors.numpy import load_file, save_file

from secondpass.compiling.folder import copy_beside_graph
from secondpass.models.folder import find_folder
from secondpass.models.spec import read_cross_encoder_spec


def test_heads_go_along_from_a_file_of_their_own_or_the_weights(parity, tmp_path):
    source = with_exits(parity / "bert", tmp_path / "source")
    apart = load_file(source / "exits.safetensors")
    inside = tmp_path / "inside"
    shutil.copytree(source, inside)
    (inside / "exits.safetensors").unlink()
    save_file(load_file(source / "model.safetensors") | apart, inside / "model.safetensors")
    for folder in (source, inside):
        out = tmp_path / f"out-{folder.name}"
        out.mkdir()
        copy_beside_graph(read_cross_encoder_spec(find_folder(folder)), out)
        found = load_file(out / "exits.safetensors")
        assert found.keys() == apart.keys()
        for name, value in apart.items():
            np.testing.assert_array_equal(found[name], value)


def test_a_model_without_exits_gets_no_file(parity, tmp_path):
    copy_beside_graph(read_cross_encoder_spec(find_folder(parity / "bert")), tmp_path)
    assert not (tmp_path / "exits.safetensors").exists()
