"""Documents as the caller has them to records as the index keeps them, and the inverse."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from secondpass.checks import shortened
from secondpass.errors import Either, IndexFileError, InputError
from secondpass.models.digest import text_sha256
from secondpass.scoring.candidates import checked_text
from secondpass.types import Document


@dataclass(frozen=True, slots=True)
class Record:
    """A checked document, encoded once.

    `metadata` is JSON with sorted keys, so equal content is equal text. `source` is the metadata's
    field of that name as text, `digest` 32 hex digits that stand for text and metadata.
    """

    id: str
    text: str
    metadata: str
    source: str | None
    digest: str

    @property
    def document(self) -> Document:
        """Return the document that was checked."""
        return Document(self.id, self.text, decode_metadata(self.metadata, self.id))


def to_record(item: Any, where: str) -> Record:
    """Check a Document, or a mapping with `text` (else `content`), an `id` and any further fields.

    A Record is returned as it is.

    A mapping without `id` gets 32 hex digits of a SHA-256 over its text and metadata: the same
    content has the same id, always and everywhere.

    Raises:
        InputError: it cannot be kept as it is; the message begins with `where`.
    """
    if isinstance(item, Record):
        return item
    if isinstance(item, Document):
        return _record(checked_id(item.id, where), _text(item.text, where), item.metadata, where)
    if isinstance(item, Mapping):
        return _from_mapping(item, where)
    raise InputError(f"{where} is {type(item).__name__}, expected a Document or a dict with 'text'")


def _from_mapping(item: Mapping[str, Any], where: str) -> Record:
    field = next((name for name in ("text", "content") if name in item), None)
    if field is None:
        raise InputError(
            f"{where} has neither 'text' nor 'content', only {shortened(sorted(map(str, item)))}"
        )
    text = _text(item[field], where)
    rest = {name: value for name, value in item.items() if name not in (field, "id")}
    id_ = checked_id(item["id"], where) if "id" in item else None
    return _record(id_, text, rest, where)


def _record(id_: str | None, text: str, metadata: Any, where: str) -> Record:
    encoded = encode_metadata(metadata, where)
    digest = content_digest(text, encoded)
    source = metadata.get("source")
    return Record(
        digest if id_ is None else id_,
        text,
        encoded,
        source if source is None else str(source),
        digest,
    )


def content_digest(text: str, metadata: str) -> str:
    """Return 32 hex digits that stand for a record's content."""
    # JSON, not concatenation: ("ab", "c") and ("a", "bc") are two contents.
    return text_sha256(json.dumps([text, metadata]))[:32]


def checked_id(value: Any, where: str) -> str:
    """Return an id that can be kept. A number is refused, for 1 and "1" would become one id."""
    if isinstance(value, int) and not isinstance(value, bool):
        raise InputError(
            f"{where}: id is the number {shortened(value)}, expected a string: pass str(id)"
        )
    if checked_text(value, f"{where}: id") == "":
        raise InputError(f"{where}: id is empty; leave 'id' out to have one made of the content")
    return str(value)


def encode_metadata(metadata: Any, where: str) -> str:
    """Return metadata as JSON that decodes to an equal value, tuples as lists.

    Raises:
        InputError: it holds NaN, an infinity, a lone surrogate, a key that is not a string or a
            value that JSON does not have.
    """
    if not isinstance(metadata, Mapping):
        raise InputError(f"{where}: metadata is {type(metadata).__name__}, expected a dict")
    plain = dict(metadata)
    try:
        _check_keys(plain, where)
        encoded = json.dumps(plain, ensure_ascii=False, allow_nan=False, sort_keys=True)
    except InputError:
        raise
    except (TypeError, ValueError, RecursionError) as error:
        raise InputError(
            f"{where}: metadata cannot be kept as JSON: {error}; use strings, finite numbers, ",
            Either("booleans, None, lists and dicts", "booleans, null, lists and objects"),
        ) from error
    return checked_text(encoded, f"{where}: metadata")


def decode_metadata(encoded: str, id_: str) -> dict[str, Any]:
    """Undo `encode_metadata`."""
    try:
        decoded: dict[str, Any] = json.loads(encoded)
    except (ValueError, RecursionError) as error:
        raise IndexFileError(
            f"the metadata of {shortened(id_)} is damaged: {error or 'it is nested too deeply'}"
        ) from error
    return decoded


def _text(value: Any, where: str) -> str:
    return checked_text(value, f"{where}: text")


def _check_keys(value: Any, where: str) -> None:
    """Refuse keys that json.dumps would turn into strings without a word."""
    if isinstance(value, dict):
        for key, inner in value.items():
            if not isinstance(key, str):
                raise InputError(
                    f"{where}: metadata has the key {shortened(key)}, expected a string"
                )
            _check_keys(inner, where)
    elif isinstance(value, list | tuple):
        for inner in value:
            _check_keys(inner, where)
