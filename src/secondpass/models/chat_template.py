"""A folder's chat template, and the fixed text that it puts round a query and a document.

sentence-transformers renders a pair as two messages, of the roles "query" and "document", behind a
"system" message with the prompt where there is one. A template is followed where the rendered text
is a query and a document in a frame that depends on neither.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from secondpass.checks import shortened
from secondpass.errors import ModelFileError, UnsupportedModelError
from secondpass.models.chat_sandbox import MOST_CHARACTERS, render
from secondpass.models.digest import text_sha256
from secondpass.models.files import read_json_if_there, require_file
from secondpass.models.spec import ModelSpec
from secondpass.models.tokenizer_settings import CHAT_TEMPLATE, CHAT_TEMPLATES, CONFIG

# What a template that expects a list of parts says, as sentence-transformers looks for it.
_OF_PARTS = ("content[0]", ".type", "'type'", '"type"', "item.type", "message.content[")
_TOKENS = ("bos", "eos", "unk", "sep", "pad", "cls", "mask")
# Texts that a template which changes, measures or quotes its texts does not leave as they are.
_QUERY, _DOCUMENT = "alpha9query", "bravo7document"
_PROBES = (
    (" \n<q> 'one' \"two\" & {{ three }} \\n \u00e9\u0301\t", "\n\n# <|x|> {% four %} \u4e2d  "),
    ("Q" * 3000, "D" * 3000),
    ("?", ""),
)


class Frame(NamedTuple):
    """The fixed text before a query, between it and the document, and after the document."""

    before: str
    between: str
    after: str

    def holding(self, query: str, document: str) -> str:
        """Return the whole text of a pair."""
        return f"{self.before}{query}{self.between}{document}{self.after}"


def read_frame(spec: ModelSpec, instruction: str) -> Frame:
    """Return the frame of a model whose texts go through a chat template.

    `instruction` is the content of the system's message; with an empty one there is none.

    Raises:
        MissingExtraError: jinja2 is not installed.
        ModelFileError: the template cannot be read.
        UnsupportedModelError: it fails, takes too long, or makes no such frame; the message says
            where it stands and why.
    """
    source = _source(spec)
    if _config(spec).get("split_special_tokens"):
        raise _no_frame(spec, f"{CONFIG} has split_special_tokens true, so it has no special token")
    frame = _frame(_rendered(spec, source, _QUERY, _DOCUMENT, instruction), spec)
    for query, document in _PROBES:
        if _rendered(spec, source, query, document, instruction) != frame.holding(query, document):
            raise _no_frame(
                spec, f"it does not hold the texts {shortened((query, document))} as they are"
            )
    return frame


def template_sha256(spec: ModelSpec) -> str | None:
    """Return the hash of the template that a model's texts go through, None without one."""
    return None if spec.chats is None else text_sha256(_source(spec))


def takes_instruction(spec: ModelSpec, instruction: str) -> bool:
    """Tell whether the content of the system's message reaches the text."""
    source = _source(spec)
    texts = {
        _rendered(spec, source, _QUERY, _DOCUMENT, content)
        for content in (instruction, f"{instruction} charlie5instruction")
    }
    return len(texts) > 1


def _frame(text: str, spec: ModelSpec) -> Frame:
    for name, content in (("query", _QUERY), ("document", _DOCUMENT)):
        if text.count(content) != 1:
            raise _no_frame(spec, f"it holds the {name} {text.count(content)} times, expected once")
    before, _, rest = text.partition(_QUERY)
    between, found, after = rest.partition(_DOCUMENT)
    if not found:
        raise _no_frame(spec, "it puts the document before the query")
    return Frame(before, between, after)


def _rendered(spec: ModelSpec, source: str, query: str, document: str, instruction: str) -> str:
    contents = [("query", query), ("document", document)]
    if instruction:
        contents.insert(0, ("system", instruction))
    in_parts = _in_parts(spec, source)
    messages = [
        {"role": role, "content": [{"type": "text", "text": text}] if in_parts else text}
        for role, text in contents
    ]
    values: dict[str, Any] = {
        **_special_tokens(spec),
        "messages": messages,
        "tools": None,
        "documents": None,
        "add_generation_prompt": False,
    }
    try:
        return render(source, values)
    except ValueError as error:
        raise _no_frame(spec, str(error)) from error


def _in_parts(spec: ModelSpec, source: str) -> bool:
    if spec.transformer.message_format is not None:
        return spec.transformer.message_format == "structured"
    return any(pattern in source for pattern in _OF_PARTS)


def _source(spec: ModelSpec) -> str:
    """Return the template; chat_template.jinja goes before the key of tokenizer_config.json."""
    if (spec.folder / CHAT_TEMPLATES).exists():
        raise _no_frame(spec, f"{CHAT_TEMPLATES} holds several templates, expected one")
    file = spec.folder / CHAT_TEMPLATE
    if file.exists():
        require_file(file, most_bytes=4 * MOST_CHARACTERS)
        return _read(file)
    said = _config(spec).get("chat_template")
    if not isinstance(said, str):
        raise _no_frame(spec, f"it is {shortened(said)}, expected one text")
    return said


def _read(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        raise ModelFileError(f"{file} is not a text in UTF-8: {error}") from None


def _special_tokens(spec: ModelSpec) -> dict[str, str]:
    """Return the special tokens that a template may name: "eos_token" and others."""
    defaults = (
        dict.fromkeys(("unk_token", "eos_token", "pad_token"), "<|endoftext|>")
        if spec.tokenizer.rules == "qwen2"
        else {}
    )
    config = _config(spec)
    said = {
        f"{name}_token": value.get("content") if isinstance(value, Mapping) else value
        for name in _TOKENS
        if f"{name}_token" in config
        for value in [config[f"{name}_token"]]
    }
    return {name: value for name, value in {**defaults, **said}.items() if isinstance(value, str)}


def _config(spec: ModelSpec) -> Mapping[str, Any]:
    return read_json_if_there(spec.folder / CONFIG)


def _no_frame(spec: ModelSpec, reason: str) -> UnsupportedModelError:
    return UnsupportedModelError(
        f"{spec.name}: its chat template ({spec.chats}) makes no fixed frame for a query and a "
        f"document, the roles of two messages: {reason}"
    )
