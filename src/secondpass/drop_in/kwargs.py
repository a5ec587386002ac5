"""`model_kwargs`, `processor_kwargs` and `config_kwargs` to options: followed, or refused by name.

An entry that changes nothing of a score is taken as it is.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from secondpass.checks import shortened
from secondpass.errors import InputError
from secondpass.options.model import Precision

_GRAPHS = frozenset(
    {
        *(None, "model.onnx", "onnx/model.onnx"),
        *("openvino_model.xml", "openvino/openvino_model.xml"),
    }
)
_PRECISIONS: dict[str, Precision | None] = {
    "None": None,
    "auto": None,
    "float32": "fp32",
    "float": "fp32",
    "float16": "auto",
    "half": "auto",
    "bfloat16": "auto",
}
# Where and how a model computes, not what.
_MODEL = frozenset(
    {"attn_implementation", "low_cpu_mem_usage", "provider", "export", "trust_remote_code"}
)
_PROCESSOR = frozenset({"use_fast", "clean_up_tokenization_spaces", "trust_remote_code"})


def precision_of(model_kwargs: Mapping[str, Any] | None) -> Precision | None:
    """Return the precision that `model_kwargs` ask for, None where they ask for none.

    Raises:
        InputError: an entry is refused, or the dtype is none that is computed.
    """
    given = mapping("model_kwargs", model_kwargs)
    dtype = given.pop("dtype", given.pop("torch_dtype", None))
    given.pop("torch_dtype", None)
    _require(given, "model_kwargs", "use_safetensors", (None, True), "pickled weights are not read")
    _require(given, "model_kwargs", "device_map", (None, "cpu", "auto"), "pass device")
    _require(
        given,
        "model_kwargs",
        "file_name",
        _GRAPHS,
        "give the folder of that graph, with its config.json and tokenizer.json",
    )
    _refuse(given, "model_kwargs", _MODEL)
    name = dtype_name(dtype)
    if name not in _PRECISIONS:
        raise InputError(
            f"model_kwargs has dtype {shortened(dtype)}, expected float32, float16 or bfloat16; "
            "or pass precision"
        )
    return _PRECISIONS[name]


def dtype_name(dtype: Any) -> str:
    """Return the name of a type of numbers: torch's, NumPy's, or a name."""
    return dtype.__name__ if isinstance(dtype, type) else str(dtype).removeprefix("torch.")


def length_of(processor_kwargs: Mapping[str, Any] | None) -> Any:
    """Return `model_max_length`, None where it is not given.

    Raises:
        InputError: another entry is given that would change what is scored.
    """
    given = mapping("processor_kwargs", processor_kwargs)
    length = given.pop("model_max_length", None)
    given.pop("max_length", None)
    _refuse(given, "processor_kwargs", _PROCESSOR)
    return length


def call_length_of(processing_kwargs: Mapping[str, Any] | None) -> Any:
    """Return the `max_length` that `processing_kwargs` of a call give to texts.

    Raises:
        InputError: another entry is given that would change what is scored.
    """
    given = mapping("processing_kwargs", processing_kwargs)
    of_texts = {
        **mapping("processing_kwargs['common']", given.pop("common", None)),
        **mapping("processing_kwargs['text']", given.pop("text", None)),
    }
    _refuse(given, "processing_kwargs", frozenset())
    length = of_texts.pop("max_length", None)
    cut = ("longest_first", True, None)
    _require(
        of_texts, "processing_kwargs['text']", "truncation", cut, "texts that are too long are cut"
    )
    _refuse(of_texts, "processing_kwargs['text']", frozenset({"padding", "return_tensors"}))
    return length


def config_changes(config_kwargs: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return what `config_kwargs` change of the config that is shown; none changes a score.

    Raises:
        InputError: an entry would change one.
    """
    given = mapping("config_kwargs", config_kwargs)
    harmless = {name for name in given if "dropout" in name or name == "num_labels"}
    _refuse(given, "config_kwargs", harmless)
    return {name: given[name] for name in harmless}


def mapping(name: str, given: Any) -> dict[str, Any]:
    """Return a copy of what an argument gives by name, empty for None.

    Raises:
        InputError: it is not a mapping.
    """
    if given is None:
        return {}
    if not isinstance(given, Mapping):
        raise InputError(f"{name} is {shortened(given)}, expected a dict")
    return dict(given)


def _require(given: dict[str, Any], where: str, name: str, allowed: Any, way_out: str) -> None:
    value = given.pop(name, None)
    if value not in allowed:
        raise InputError(f"{where} has {name} {shortened(value)}, which is refused: {way_out}")


def _refuse(given: Mapping[str, Any], where: str, known: frozenset[str] | set[str]) -> None:
    for name in given:
        if name not in known:
            raise InputError(
                f"{where} has {shortened(name)}, which is not followed here: leave it out, or load "
                "the model with sentence_transformers.CrossEncoder"
            )
