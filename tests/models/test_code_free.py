"""A folder that names code is refused by what other libraries would make of it."""

import json

import pytest

from secondpass import ModelFileError, UnsupportedModelError
from secondpass.models.code_free import require_code_free


def written(folder, name, value):
    file = folder / name
    file.parent.mkdir(parents=True, exist_ok=True)
    there = json.loads(file.read_text()) if file.exists() else {}
    file.write_text(json.dumps(there | value if isinstance(value, dict) else value))
    return folder


def module(kind, path=""):
    return [{"idx": 0, "name": "0", "path": path, "type": kind}]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("config.json", {"sentence_transformers": {"activation_fn": "torch.distributed.run.main"}}),
        ("config.json", {"sbert_ce_default_activation_function": "torch.distributed.run.main"}),
        ("config.json", {"auto_map": {"AutoModel": "modeling.Evil"}}),
        ("config.json", {"attn_implementation": "someone/kernel"}),
        ("config.json", {"text_config": {"_attn_implementation": {"": "someone/kernel"}}}),
        ("config_sentence_transformers.json", {"activation_fn": "torch.hub.load"}),
        ("config_sentence_transformers.json", {"activation_fn": "torch.nn.modules"}),
        ("tokenizer_config.json", {"auto_map": {"AutoTokenizer": ["tok.Evil", None]}}),
        ("sentence_bert_config.json", {"model_args": {"code_revision": "main"}}),
        ("sentence_bert_config.json", {"modality_config": {"text": {"method": "save"}}}),
        ("modules.json", module("modeling.Evil")),
        ("modules.json", module("sentence_transformers.util.misc.import_from_string")),
        ("modules.json", module("sentence_transformers.base.modules.router.Router")),
        ("adapter_config.json", {"base_model_name_or_path": "someone/else"}),
    ],
)
def test_what_names_code_is_refused_with_its_file(model_copy, name, value):
    folder = written(model_copy(), name, value)
    with pytest.raises(UnsupportedModelError, match=name):
        require_code_free(folder)


def test_a_modules_own_config_and_pickle_are_refused(model_copy):
    folder = model_copy()
    written(folder, "modules.json", module("sentence_transformers.models.Dense", "2_Dense"))
    written(folder, "2_Dense/config.json", {"activation_function": "torch.nn.modules.linear.Tanh"})
    require_code_free(folder)
    (folder / "2_Dense" / "pytorch_model.bin").write_bytes(b"")
    with pytest.raises(UnsupportedModelError, match="is a pickle"):
        require_code_free(folder)
    (folder / "2_Dense" / "model.safetensors").write_bytes(b"")
    written(folder, "2_Dense/config.json", {"activation_function": "torch.testing.main"})
    with pytest.raises(UnsupportedModelError, match="activation_function"):
        require_code_free(folder)


@pytest.mark.parametrize("value", [{"type": "x"}, [1], [{"type": 3, "path": ""}], [{"type": "x"}]])
def test_modules_of_another_shape_are_a_file_error(model_copy, value):
    with pytest.raises(ModelFileError, match=r"modules\.json"):
        require_code_free(written(model_copy(), "modules.json", value))


@pytest.mark.parametrize("path", ["/etc", "../other"])
def test_a_module_outside_the_folder_is_a_file_error(model_copy, path):
    value = module("sentence_transformers.models.Transformer", path)
    with pytest.raises(ModelFileError, match="not within its folder"):
        require_code_free(written(model_copy(), "modules.json", value))


def test_files_that_are_not_json_are_a_file_error(model_copy):
    folder = model_copy()
    (folder / "generation_config.json").write_text("[" * 100_000)
    with pytest.raises(ModelFileError, match="not readable JSON"):
        require_code_free(folder)


def test_every_model_of_the_suite_and_usual_settings_pass(parity, model_copy):
    for config in parity.glob("*/config.json"):
        if "auto_map" not in config.read_text():
            require_code_free(config.parent)
    written(
        folder := model_copy(),
        "config.json",
        {
            "sentence_transformers": {"activation_fn": "torch.nn.modules.activation.Sigmoid"},
            "torch_dtype": "torch.float16",
            "attn_implementation": "sdpa",
            "auto_map": {},
        },
    )
    require_code_free(folder)
