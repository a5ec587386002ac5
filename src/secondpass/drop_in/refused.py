"""What sentence-transformers' CrossEncoder has and this one refuses, each with its reason."""

from __future__ import annotations

from secondpass.errors import SecondpassError

_TRAIN = (
    "nothing is trained here: train with `secondpass train`, or with "
    "sentence_transformers.CrossEncoder, and load the folder that it saves"
)
_TENSORS = "no tensors go in or out: predict and rank take texts"
_MODULES = "there are no torch modules inside: the model is one compiled graph"
_UPLOAD = (
    "nothing is sent anywhere: upload the folder of save_pretrained with "
    "huggingface_hub.upload_folder"
)
_PRECISION = "the precision is chosen at load: pass precision='auto' or precision='fp32'"

REASONS: dict[str, str] = {
    "fit": _TRAIN,
    "old_fit": _TRAIN,
    "train": _TRAIN,
    "gradient_checkpointing_enable": _TRAIN,
    "merge": "models are merged by sentence_transformers.CrossEncoder.merge; load its result here",
    "push_to_hub": _UPLOAD,
    "save_to_hub": _UPLOAD,
    "forward": _TENSORS,
    "preprocess": _TENSORS,
    "tokenize": _TENSORS,
    "half": _PRECISION,
    "bfloat16": _PRECISION,
    "double": _PRECISION,
    "set_keep_in_fp32_modules": _PRECISION,
    **dict.fromkeys(
        (
            *("parameters", "named_parameters", "buffers", "named_buffers", "state_dict"),
            *("load_state_dict", "children", "named_children", "modules", "named_modules"),
            *("get_submodule", "append", "insert", "extend", "pop", "apply", "share_memory"),
            *("register_forward_hook", "register_forward_pre_hook", "requires_grad_", "zero_grad"),
            *("add_adapter", "load_adapter", "set_adapter", "clear_placement_cache"),
        ),
        _MODULES,
    ),
}


class RefusedError(SecondpassError, AttributeError):
    """A member of sentence-transformers' CrossEncoder that this one does not have."""

    @classmethod
    def of(cls, name: str, reason: str = _MODULES) -> RefusedError:
        """Return the error of a member; the reason is that of `REASONS`, if it is there."""
        return cls(f"CrossEncoder.{name} is refused: {REASONS.get(name, reason)}")

    def __reduce__(self) -> tuple[type[RefusedError], tuple[str, ...]]:
        return type(self), tuple(map(str, self.args))
