"""The teachers: a cross-encoder, late interaction, and two bi-encoders.

Each gives a pair of query and text one number.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor
from torch.nn.functional import normalize

from recipes.embedded.bert import Classifier, hidden_states, read_teacher
from recipes.embedded.layouts import MASK, DeviceTexts, batch_tokens, batches, pair, single
from recipes.embedded.ragged import Ragged
from recipes.embedded.settings import TEACHERS
from secondpass.training.late_join import Encoder

# "Represent this sentence for searching relevant passages: " as token ids.
INSTRUCTION = [5050, 2023, 6251, 2005, 6575, 7882, 13768, 1024]
# ColBERT's marks of a query and a text, [unused0] and [unused1], and its shortest query.
_QUERY, _TEXT, _LEAST_QUERY = 1, 2, 32
_COSINES_AT_A_TIME = 200_000


@dataclass(frozen=True, slots=True)
class Teachers:
    """Four models (teachers.txt names them); the cross-encoder's head is its `classifier`."""

    cross_encoder: Encoder
    classifier: Classifier
    colbert: Encoder
    bge: Encoder
    minilm: Encoder

    @classmethod
    def read(cls, folder: Path, device: str) -> Teachers:
        """Read the four .safetensors files of a folder."""
        return cls(
            read_teacher(folder / "reranker_en.safetensors", device),
            Classifier(folder / "reranker_en.safetensors", device),
            read_teacher(folder / "colbert.safetensors", device),
            read_teacher(folder / "bge_small_en.safetensors", device),
            read_teacher(folder / "minilm.safetensors", device),
        )


@dataclass(frozen=True, slots=True)
class Side:
    """Queries or texts, with what the bi-encoders and late interaction keep of them.

    `bge` and `minilm` are unit vectors [texts, width]; `tokens` are unit vectors of tokens, those
    of text n from `starts[n]` on, `lengths[n]` of them.
    """

    ragged: Ragged
    texts: DeviceTexts
    bge: Tensor
    minilm: Tensor
    tokens: Tensor
    starts: Tensor
    lengths: Tensor


@torch.inference_mode()
def encode(teachers: Teachers, ragged: Ragged, device: str, *, queries: bool) -> Side:
    """Encode all texts by the three models that encode query and text apart."""
    side = _empty_side(teachers, ragged, DeviceTexts(ragged, device), queries)
    for chosen in batches(ragged.lengths + 12, batch_tokens(device)):
        rows = torch.as_tensor(chosen, device=device)
        length = int(side.texts.lengths[rows].max())
        ids, real = single(side.texts, rows, length, INSTRUCTION if queries else [])
        first = hidden_states(teachers.bge, ids, real)[:, 0]
        side.bge[rows] = normalize(first.float(), dim=-1)
        side.minilm[rows] = _mean_vectors(teachers.minilm, *single(side.texts, rows, length, []))
        _encode_tokens(teachers.colbert, side, rows, length, queries)
    return side


def _empty_side(teachers: Teachers, ragged: Ragged, texts: DeviceTexts, queries: bool) -> Side:
    device, lengths = texts.lengths.device, texts.lengths + 3
    lengths = lengths.clamp_min(_LEAST_QUERY) if queries else lengths
    starts = torch.cat([lengths.new_zeros(1), lengths.cumsum(0)[:-1]])
    bge, minilm, tokens = (
        torch.zeros(rows, _width(encoder), device=device, dtype=dtype)
        for rows, encoder, dtype in (
            (len(lengths), teachers.bge, torch.float32),
            (len(lengths), teachers.minilm, torch.float32),
            (int(lengths.sum()) + 1, teachers.colbert, teachers.colbert.words.weight.dtype),
        )
    )
    return Side(ragged, texts, bge, minilm, tokens, starts, lengths)


def _width(encoder: Encoder) -> int:
    return int(encoder.words.weight.shape[1])


def _mean_vectors(encoder: Encoder, ids: Tensor, real: Tensor) -> Tensor:
    x = hidden_states(encoder, ids, real).float() * real[..., None]
    return normalize(x.sum(1) / real.sum(1, keepdim=True), dim=-1)


def _encode_tokens(encoder: Encoder, side: Side, rows: Tensor, length: int, queries: bool) -> None:
    """Fill in the token vectors of these rows; a short query goes on in [MASK], as ColBERT's do."""
    more, mark = (_LEAST_QUERY, _QUERY) if queries else (0, _TEXT)
    ids, real = single(side.texts, rows, length + more, [mark])
    steps = torch.arange(ids.shape[1], device=ids.device)
    kept = steps < side.lengths[rows][:, None]
    states = hidden_states(encoder, torch.where(kept & ~real, MASK, ids), real)
    vectors = normalize(states.float(), dim=-1)[kept]
    side.tokens[(side.starts[rows][:, None] + steps)[kept]] = vectors.to(side.tokens.dtype)


@torch.inference_mode()
def score(
    teachers: Teachers, queries: Side, texts: Side, query_rows: Tensor, text_rows: Tensor
) -> Tensor:
    """Return [pairs, 4]: each teacher's number, in the order of TEACHERS."""
    columns = {
        "cross_encoder": _cross_encoder(teachers, queries, texts, query_rows, text_rows),
        "late_interaction": _late_interaction(queries, texts, query_rows, text_rows),
        "bge": _cosines(queries.bge, texts.bge, query_rows, text_rows),
        "minilm": _cosines(queries.minilm, texts.minilm, query_rows, text_rows),
    }
    return torch.stack([columns[name].float() for name in TEACHERS], 1)


def _cross_encoder(
    teachers: Teachers, queries: Side, texts: Side, query_rows: Tensor, text_rows: Tensor
) -> Tensor:
    result = torch.zeros(len(query_rows), device=query_rows.device)
    lengths = queries.texts.lengths[query_rows] + texts.texts.lengths[text_rows] + 3
    for chosen in batches(lengths.cpu().numpy(), batch_tokens(result.device.type)):
        rows = torch.as_tensor(chosen, device=result.device)
        ids, query, text = pair(
            queries.texts, texts.texts, query_rows[rows], text_rows[rows], twice=False
        )
        states = hidden_states(teachers.cross_encoder, ids, query | text, text.long())
        result[rows] = teachers.classifier(states)
    return result


def _cosines(first: Tensor, second: Tensor, query_rows: Tensor, text_rows: Tensor) -> Tensor:
    blocks = zip(
        query_rows.split(_COSINES_AT_A_TIME), text_rows.split(_COSINES_AT_A_TIME), strict=True
    )
    return torch.cat([(first[asked] * second[found]).sum(1) for asked, found in blocks])


def _late_interaction(queries: Side, texts: Side, query_rows: Tensor, text_rows: Tensor) -> Tensor:
    """Return the mean over the query's tokens of the best cosine in the text."""
    result = torch.zeros(len(query_rows), device=query_rows.device)
    lengths = queries.lengths[query_rows] + texts.lengths[text_rows]
    for chosen in batches(lengths.cpu().numpy(), 4 * batch_tokens(result.device.type)):
        rows = torch.as_tensor(chosen, device=result.device)
        asking, asks = _token_vectors(queries, query_rows[rows])
        answering, answers = _token_vectors(texts, text_rows[rows])
        cosines = asking @ answering.transpose(1, 2)
        best = cosines.masked_fill(~answers[:, None, :], -1).max(2).values.float()
        result[rows] = (best * asks).sum(1) / asks.sum(1)
    return result


def _token_vectors(side: Side, rows: Tensor) -> tuple[Tensor, Tensor]:
    """Return token vectors [rows, length, width] and which are real."""
    lengths = side.lengths[rows][:, None]
    steps = torch.arange(int(lengths.max()), device=rows.device)
    real = steps < lengths
    places = torch.where(real, side.starts[rows][:, None] + steps, len(side.tokens) - 1)
    return side.tokens[places], real
