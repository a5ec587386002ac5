"""A folder to a spec: all the facts about a model that the later stages need."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from secondpass.architectures.recognise import architecture_of
from secondpass.architectures.record import Architecture
from secondpass.architectures.table import ARCHITECTURES
from secondpass.checks import integer, shortened
from secondpass.errors import (
    Argument,
    Either,
    InputError,
    UnsupportedModelError,
)
from secondpass.models import modules as module_list
from secondpass.models import tokenizer_settings, transformer_settings
from secondpass.models.boundary import at_the_boundary
from secondpass.models.config import needed, read_config
from secondpass.models.config_rules import (
    POSITIONS_AFTER_PADDING,
    require_computed,
    require_known_activations,
    with_defaults,
)
from secondpass.models.digest import file_sha256, files_sha256, text_sha256
from secondpass.models.files import WeightFiles, find_weights, read_json_if_there
from secondpass.models.folder import ModelFolder, Origin
from secondpass.models.modules import SCORES, Dense, LogitScore, Module, Other, Pooling
from secondpass.models.prompts import read_default_prompt
from secondpass.models.tokenizer import load_tokenizer
from secondpass.models.tokenizer_settings import (
    TokenizerSettings,
    read_tokenizer_settings,
    require_right_sides,
)
from secondpass.models.transformer_settings import (
    TransformerSettings,
    read_transformer_settings,
)
from secondpass.models.vocabulary import tokenizer_file
from secondpass.options.kinds import DefaultLength
from secondpass.options.model import DEFAULT_MAX_LENGTH

# Exit heads beside weights that have none, or whose format is not safetensors.
EXITS_FILE = "exits.safetensors"
# The directions of compact states of a late-joined model.
DIRECTIONS_FILE = "directions.safetensors"
MODULAR_FILE = "config_sentence_transformers.json"

# What `model_type` of config_sentence_transformers.json says, and means where it says nothing.
_CROSS_ENCODER, _BI_ENCODER = "CrossEncoder", "SentenceTransformer"


# How the classes end whose output is a score.
_SCORING = ("ForSequenceClassification", "ForCausalLM")


@dataclass(frozen=True)
class ModelSpec:
    """What a model is: its place, its files, its config and what follows from them.

    Args:
        name, folder, origin, revision: where it lies; `revision` is the commit of a hub model.
        weights: the files of the encoder.
        config: config.json, with the defaults of its architecture.
        modular: config_sentence_transformers.json, empty where sentence-transformers does not
            read it.
        modules: what modules.json lists, empty for a plain model.
        readout: the modules behind the encoder that give its output; None where the output is the
            head that belongs to the architecture.
        embeds: whether it is a bi-encoder.
        transformer, tokenizer: how its texts are read.
        tokenizer_file: its tokenizer.json, in the cache where it was made of a vocabulary.
        prompt: what stands before every query of a cross-encoder, or fills the system's message
            where texts go through a chat template.
    """

    name: str
    folder: Path
    origin: Origin
    revision: str | None
    weights: WeightFiles
    config: Mapping[str, Any]
    modular: Mapping[str, Any]
    modules: tuple[Module, ...]
    readout: tuple[Module, ...] | None
    embeds: bool
    transformer: TransformerSettings
    tokenizer: TokenizerSettings
    tokenizer_file: Path
    prompt: str = ""

    def needed(self, key: str) -> int:
        """Return a number of config.json that has no default; a ModelFileError without one."""
        return int(needed(self.config, key, self.config_file))

    @property
    def config_file(self) -> Path:
        """Return the path of config.json."""
        return self.folder / "config.json"

    @property
    def architecture(self) -> str:
        """Return the name of the architecture: the `model_type` of config.json, as a rule."""
        return architecture_of(self.config)

    @property
    def family(self) -> Architecture | None:
        """Return what is known of its architecture; None for one without a graph builder."""
        return ARCHITECTURES.get(self.architecture)

    @property
    def decodes(self) -> bool:
        """Tell whether it is a decoder with a graph builder."""
        return self.family is not None and self.family.kind == "decoder"

    @property
    def joins_late(self) -> bool:
        """Tell whether it encodes query and text apart before it joins them."""
        return self.family is not None and self.family.kind == "late-join"

    @property
    def logit_score(self) -> LogitScore | None:
        """Return which tokens' logits are the score, None where another head gives it."""
        last = self.readout[-1] if self.readout else None
        return last if isinstance(last, LogitScore) else None

    @cached_property
    def labels(self) -> int | None:
        """Return how many scores a cross-encoder gives, None where the head alone says it."""
        return _configured_labels(self.config) if self.readout is None else _scores(self)

    @property
    def activations(self) -> tuple[str, ...]:
        """Return the activations that config.json names for the layers of a known architecture."""
        keys = self.family.activation_keys if self.family is not None else ()
        return tuple(self.config[key] for key in keys if self.config.get(key) is not None)

    @property
    def width(self) -> int:
        """Return the size of a hidden state; a ModelFileError where config.json has none."""
        return self.needed("hidden_size" if self.config.get("dim") is None else "dim")

    @property
    def positions_after_padding(self) -> bool:
        """Tell whether position ids start behind the padding id, as RoBERTa's do."""
        if self.family is None:
            return self.architecture in POSITIONS_AFTER_PADDING
        return self.family.positions_after_padding

    @property
    def chats(self) -> str | None:
        """Return where the chat template stands that texts go through, None where none do."""
        return self.tokenizer.chat_template if self.transformer.chats else None

    @property
    def padding_id(self) -> int:
        """Return the token id to pad with."""
        return int(self.config.get("pad_token_id") or 0)

    @property
    def position_limit(self) -> int | None:
        """Return the most tokens a sequence may have, None where the config sets no limit."""
        limit = self.config.get("max_position_embeddings")
        if limit is None:
            return None
        return int(limit) - (self.padding_id + 1 if self.positions_after_padding else 0)

    @property
    def exit_files(self) -> tuple[Path, ...]:
        """Return the safetensors files that may hold exit heads, the folder's own file last."""
        own = self.folder / EXITS_FILE
        weights = self.weights.files if self.weights.format == "safetensors" else ()
        return (*weights, own) if own.is_file() else weights

    @property
    def saved_length(self) -> int | None:
        """Return the most tokens that the model was saved to read, None for no limit."""
        limits = (self.transformer.max_length or self.tokenizer.max_length, self.position_limit)
        return min((limit for limit in limits if limit is not None), default=None)

    @property
    def dimension(self) -> int:
        """Return the width of a bi-encoder's vectors."""
        width = self.width
        for module in self.readout or ():
            if isinstance(module, Pooling):
                width *= len(module.modes)
            elif isinstance(module, Dense):
                width = module.outputs
        return width

    @property
    def module_weights(self) -> tuple[Path, ...]:
        """Return the safetensors files of the modules behind the encoder."""
        return module_list.weight_files(self.readout or ())

    @cached_property
    def weights_sha256(self) -> str:
        """Return the SHA-256 of the weight file, or of the hashes of all, the modules' too."""
        return files_sha256((*self.weights.files, *self.module_weights))

    @cached_property
    def tokenizer_sha256(self) -> str:
        """Return the SHA-256 of tokenizer.json."""
        return file_sha256(self.tokenizer_file)

    @cached_property
    def settings_sha256(self) -> str:
        """Return a SHA-256 over every small file that decides a score, by name and content."""
        modules = [self.folder / entry.path for entry in module_list.read_entries(self.folder)]
        files = {
            *(self.folder / name for name in _SETTINGS),
            *(place / "config.json" for place in modules),
            *(self.folder / tokenizer_settings.CHAT_TEMPLATES).glob("*"),
        }
        described = [
            f"{file.relative_to(self.folder)} {file_sha256(file)}"
            for file in sorted(files)
            if file.is_file()
        ]
        return text_sha256("\n".join(described))


_SETTINGS = (
    "config.json",
    MODULAR_FILE,
    module_list.MODULES_FILE,
    EXITS_FILE,
    *transformer_settings.FILES,
    *tokenizer_settings.FILES,
)


@at_the_boundary
def read_cross_encoder_spec(
    found: ModelFolder, *, cache_dir: Path | None = None, several_labels: bool = False
) -> ModelSpec:
    """Read the spec of a model that scores pairs; its weights are not opened yet.

    A tokenizer.json that is made of a vocabulary is kept in `cache_dir`, by default the user's. One
    of several labels is refused unless `several_labels`.

    Raises:
        ModelFileError: config.json, tokenizer.json or the weights are missing or broken.
        MissingExtraError: transformers is needed to make a tokenizer.json and is not installed.
        UnsupportedModelError: it is another kind of model, has several labels, or a file asks for
            what is not done here; the message names file, key and value.
    """
    spec = _read_spec(found, _CROSS_ENCODER, cache_dir)
    kinds = [_kind(module) for module in spec.modules]
    if not spec.modular and any(kind != "Transformer" for kind in kinds):
        raise UnsupportedModelError(
            f"{spec.name} is an embedding model (its modules are {', '.join(kinds)}) "
            "and cannot rank: ",
            Either("give it to Embedder, or name", "name"),
            " a cross-encoder such as cross-encoder/ms-marco-MiniLM-L-6-v2",
        )
    if spec.labels is not None and not several_labels:
        require_one_label(spec.labels, spec.name)
    return spec


@at_the_boundary
def read_bi_encoder_spec(found: ModelFolder, *, cache_dir: Path | None = None) -> ModelSpec:
    """Read the spec of a sentence-transformers embedding model; `cache_dir` as for the above.

    Raises:
        ModelFileError: as `read_cross_encoder_spec`.
        UnsupportedModelError: it is a cross-encoder, or has modules that are not known here.
    """
    spec = _read_spec(found, _BI_ENCODER, cache_dir)
    if not spec.modules and _scores_pairs(spec):
        raise _embeds_nothing(spec.name)
    if not any(isinstance(module, Pooling) for module in spec.readout or ()):
        kinds = ", ".join(map(_kind, spec.modules))
        raise UnsupportedModelError(
            f"{spec.folder / module_list.MODULES_FILE} lists {kinds}: only Transformer, Pooling, "
            "Dense, LayerNorm and Normalize are known"
        )
    return spec


def _scores_pairs(spec: ModelSpec) -> bool:
    """Tell whether config.json says that a model scores pairs."""
    architectures = spec.config.get("architectures") or ()
    return spec.joins_late or any(
        "ForSequenceClassification" in str(name) for name in architectures
    )


def _embeds_nothing(name: str) -> UnsupportedModelError:
    return UnsupportedModelError(
        f"{name} is a cross-encoder and embeds nothing: give it to CrossEncoderReranker, "
        "or name an embedding model such as sentence-transformers/all-MiniLM-L6-v2"
    )


def _scores(spec: ModelSpec) -> int:
    """Return how many scores the modules of a cross-encoder give."""
    if spec.logit_score is not None:
        return 1
    for module in reversed(spec.readout or ()):
        if isinstance(module, Dense) and module.writes == SCORES:
            return module.outputs
    raise UnsupportedModelError(
        f"{spec.folder / module_list.MODULES_FILE}: no Dense module writes {SCORES!r}, so there "
        "is nothing to rank by"
    )


def require_one_label(labels: int, name: str) -> None:
    """Raise unless a model's head has one label: several labels give no single order."""
    if labels != 1:
        raise UnsupportedModelError(
            f"{name} has {labels} labels and cannot rank: ",
            Either("take predict(pairs, all_labels=True) for the scores of all of them, or ", ""),
            "take a model with one label, such as cross-encoder/ms-marco-MiniLM-L-6-v2, "
            "BAAI/bge-reranker-base or the embedded one",
        )


def checked_max_length(
    max_length: int | None, spec: ModelSpec, special_tokens: int, least: int = 2
) -> int:
    """Return the most tokens of a sequence: `max_length`, or what the model reads.

    None is what the model was saved to read. The default of a reranker is that too, where it is
    less; a number that was given is taken or refused. `least` tokens are of query and text.

    Raises:
        InputError: it is too short for a pair, or more than the model has positions.
    """
    reads = DEFAULT_MAX_LENGTH if spec.saved_length is None else spec.saved_length
    if max_length is None:
        max_length = int(reads)
    elif isinstance(max_length, DefaultLength):
        max_length = min(int(max_length), int(reads))
    shortest = special_tokens + least
    if spec.chats is not None and integer("max_length", max_length) < shortest:
        raise InputError(
            Argument("max_length"),
            f" is {max_length}, and the chat template of {spec.name} takes {special_tokens} tokens "
            "with its instruction: pass ",
            Argument("max_length", shortest),
            " or more, or a shorter ",
            Argument("instruction"),
        )
    integer("max_length", max_length, shortest)
    if spec.position_limit is not None and max_length > spec.position_limit:
        raise InputError(
            Argument("max_length"),
            f" {max_length} is more than the {spec.position_limit} positions of {spec.name}; pass ",
            Argument("max_length", spec.position_limit),
            " or less",
        )
    return int(max_length)


def _read_spec(found: ModelFolder, wanted: str, cache_dir: Path | None) -> ModelSpec:
    folder = found.path
    # Where the Transformer lies in a folder of its own, config.json and the weights are there too.
    modules = module_list.read_modules(folder)
    config = with_defaults(read_config(folder / "config.json"))
    # A file that is broken is an error where nothing of it is followed, too.
    said = read_json_if_there(folder / MODULAR_FILE)
    modular = _require_kind(said, wanted, modules, found.name)
    family = ARCHITECTURES.get(str(config.get("model_type")))
    settings = read_tokenizer_settings(
        folder, config, in_transformers=family is None or family.in_sentence_transformers
    )
    tokens = tokenizer_file(folder, config, cache_dir)
    spec = ModelSpec(
        name=found.name,
        folder=folder,
        origin=found.origin,
        revision=found.revision,
        weights=find_weights(folder),
        config=config,
        modular=modular,
        modules=modules,
        readout=_readout(modules, config, wanted, tokens),
        embeds=wanted == _BI_ENCODER,
        transformer=read_transformer_settings(folder, followed=bool(modular)),
        tokenizer=settings,
        tokenizer_file=tokens,
        prompt=read_default_prompt(modular, folder / MODULAR_FILE),
    )
    _require_followed(spec)
    return spec


def _require_kind(
    modular: Mapping[str, Any], wanted: str, modules: tuple[Module, ...], name: str
) -> Mapping[str, Any]:
    """Return what sentence-transformers reads of config_sentence_transformers.json.

    Of a folder that says it is of another kind it reads nothing.

    Raises:
        UnsupportedModelError: it is of another kind and has modules of it.
    """
    if not modules:
        return {}
    kind = modular.get("model_type", _BI_ENCODER)
    if kind == wanted:
        return {"model_type": kind, **modular}
    if wanted == _BI_ENCODER and kind == _CROSS_ENCODER:
        raise _embeds_nothing(name)
    if kind not in (_CROSS_ENCODER, _BI_ENCODER):
        raise UnsupportedModelError(
            f"{name} is a {kind!r} model ({MODULAR_FILE}): only 'CrossEncoder' and "
            "'SentenceTransformer' are known"
        )
    return {}


def _readout(
    modules: tuple[Module, ...], config: Mapping[str, Any], wanted: str, tokens: Path
) -> tuple[Module, ...] | None:
    """Return the modules behind the encoder, None where the architecture's own head is used."""
    if not modules:
        if wanted == _BI_ENCODER:
            return (Pooling(),)
        first = next(iter(config.get("architectures") or ()), "")
        return (_yes_or_no(tokens),) if first.endswith("ForCausalLM") else None
    behind = modules[1:]
    if not behind or any(isinstance(module, Other) for module in behind):
        return None
    return behind


def _yes_or_no(file: Path) -> LogitScore:
    """Return the score of a language model whose folder lists no modules.

    Raises:
        UnsupportedModelError: "yes" or "no" is not a token of its vocabulary.
    """
    tokenizer = load_tokenizer(file, free_sides=frozenset({"padding_side"}))
    yes, no = (tokenizer.token_to_id(word) for word in ("yes", "no"))
    if yes is None or no is None:
        raise UnsupportedModelError(
            f"{file} has no token {'yes' if yes is None else 'no'!r}, and no "
            f"{module_list.MODULES_FILE} says which tokens' logits score a text: take the model "
            "as sentence-transformers saved it"
        )
    return LogitScore(yes, no)


def warn_of_untaught_score(spec: ModelSpec) -> None:
    """Warn where a language model is asked for "yes" or "no" in no words: its folder has none."""
    if spec.logit_score is None or spec.modules or spec.chats is not None:
        return
    warnings.warn(
        f"{spec.name} is a language model whose folder has no {module_list.MODULES_FILE} and no "
        'chat template: its score is the logit of "yes" less that of "no" behind query and text, '
        "which a reranker is not trained on without a prompt; take the folder as "
        "sentence-transformers saved it, or with its chat_template.jinja",
        stacklevel=2,
    )


def _require_followed(spec: ModelSpec) -> None:
    """Raise where a file asks for what is not done here."""
    if spec.weights.format == "safetensors":
        keys = ("hidden_act",) if spec.family is None else spec.family.activation_keys
        require_known_activations(spec.config, keys, spec.config_file)
    if spec.family is not None and spec.weights.format == "safetensors":
        require_computed(spec.config, spec.folder / "config.json")
    _require_known_head(spec)
    # Torch pads on the side that the model says.
    require_right_sides(spec.folder, padding=spec.family is not None and not spec.decodes)
    excludes = [one for one in spec.readout or () if isinstance(one, Pooling)]
    prompts = (spec.modular.get("prompts") or {}).values()
    if any(not one.include_prompt for one in excludes) and any(prompts):
        raise UnsupportedModelError(
            f"{spec.name}: a Pooling module has include_prompt false and {MODULAR_FILE} has "
            "prompts; pooling without the prompt's tokens is not done here"
        )
    if spec.transformer.message_format is not None and spec.tokenizer.chat_template is None:
        raise UnsupportedModelError(
            f"{spec.name}: sentence_bert_config.json has modality_config.message, but there is no "
            "chat template: take the folder with its chat_template.jinja"
        )
    expected = "feature-extraction" if spec.logit_score is None else "text-generation"
    if spec.modular and spec.readout is not None and spec.transformer.task != expected:
        raise UnsupportedModelError(
            f"{spec.name}: sentence_bert_config.json has transformer_task "
            f"{spec.transformer.task!r}, but the modules behind it want {expected!r}"
        )
    if any(isinstance(one, LogitScore) for one in (spec.readout or ())[:-1]):
        raise UnsupportedModelError(
            f"{spec.folder / module_list.MODULES_FILE}: a module follows LogitScore, which gives "
            "the score"
        )
    if (
        spec.modular.get("model_type") == _CROSS_ENCODER
        and len(spec.modules) == 1
        and spec.transformer.task != "sequence-classification"
    ):
        raise UnsupportedModelError(
            f"{spec.name}: sentence_bert_config.json has transformer_task "
            f"{spec.transformer.task!r} and no module gives a score, expected "
            "'sequence-classification'"
        )


def _require_known_head(spec: ModelSpec) -> None:
    """Raise where config.json names another class than one that scores pairs.

    A decoder that its class makes another thing of, such as one that sees what follows a token, has
    the `model_type` of the plain one.
    """
    named = next(iter(spec.config.get("architectures") or ()), None)
    if named is None or spec.embeds or spec.weights.format != "safetensors":
        return
    if spec.readout is None and not spec.modular and not named.endswith(_SCORING):
        raise UnsupportedModelError(
            f"{spec.config_file} has architectures {shortened([named])}, expected a class that "
            f"ends in {' or '.join(_SCORING)}: nothing else gives one score of a query and a text"
        )
    stem = next((named.removesuffix(end) for end in _SCORING if named.endswith(end)), None)
    if spec.decodes and stem is not None and stem.casefold() != spec.architecture:
        raise UnsupportedModelError(
            f"{spec.config_file} has architectures {shortened([named])}, which is not "
            f"{spec.architecture}'s own and computes another score: no model's code is ever run"
        )


def _kind(module: Module) -> str:
    return module.kind if isinstance(module, Other) else type(module).__name__


def _configured_labels(config: Mapping[str, Any]) -> int | None:
    """Return the number of labels if config.json says it, by `num_labels` or `id2label`."""
    labels: int | None = config.get("num_labels")
    named = config.get("id2label")
    return labels if labels is not None or named is None else len(named)
