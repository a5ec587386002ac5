"""A reranker whose model is in a server: `secondpass rerank --server`."""

from __future__ import annotations

import ipaddress
import os
import urllib.error
import urllib.request
from collections.abc import Iterable, Mapping, Sequence
from http import HTTPStatus
from http.client import HTTPException
from time import perf_counter
from typing import Any
from urllib.parse import urlsplit

import msgspec

from secondpass.checks import shortened
from secondpass.errors import EngineError, InputError, SecondpassError
from secondpass.options.call import RankOptions
from secondpass.options.effort import Effort
from secondpass.options.serve import KEY_VARIABLE
from secondpass.scoring.candidates import checked_query, checked_texts
from secondpass.scoring.result import Result
from secondpass.scoring.usable import usable_candidates
from secondpass.serve.wire.native import NativeResponse, scores_of
from secondpass.serve.wire.openai_errors import OpenAIError
from secondpass.types import Ranking

# Longer than a server may be told to take; it ends what takes it too long itself.
TIMEOUT_S = 600
# Of an answer that is not an error of ours.
_MOST_READ = 100_000


class RemoteReranker:
    """Ranks as `CrossEncoderReranker` does, by the scores that a server gives.

    Args:
        url: the server's address, such as http://127.0.0.1:8000.
        model: a name that the server has, by default its first.
        effort: for every call that says none.
        instruction: what a text is judged by.

    The key is that of the environment, SECONDPASS_API_KEY, if there is one.
    """

    def __init__(
        self,
        url: str,
        *,
        model: str | None = None,
        effort: Effort | None = None,
        instruction: str | None = None,
    ) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise InputError(
                f"the server is {shortened(url)}, expected an address such as http://127.0.0.1:8000"
            )
        self._url, self._model = url.rstrip("/"), model
        self._effort, self._instruction = effort, instruction
        self._open = _opener(parts.hostname).open

    def rank_candidates(
        self,
        query: str,
        candidates: Iterable[Mapping[str, Any]],
        options: RankOptions,
        first_stage_score: str = "score",
        text_field: str | None = None,
    ) -> Ranking:
        """Return what `CrossEncoderReranker.rank_candidates` returns.

        Raises:
            InputError: as there, or there is no server, or it refuses the request.
            EngineError: the server failed.
        """
        started = perf_counter()
        skip, fusion = options.on_error == "skip", options.fusion()
        given = checked_texts(candidates, "candidates")
        usable = usable_candidates(
            given, first_stage_score, fusion, skip=skip, text_field=text_field
        )
        answer = self._scored(checked_query(query), usable.texts, options)
        scores = scores_of(answer)
        result = Result.of(options, usable, scores, answer.timings.query_dropped_tokens)
        return result.ranking(started)

    def _scored(self, query: str, texts: Sequence[str], options: RankOptions) -> NativeResponse:
        return self._asked(
            {
                "query": query,
                "texts": texts,
                "model": self._model,
                "instruction": self._instruction,
                "activation": options.activation,
                "budget_ms": options.budget_ms,
                "effort": options.effort or self._effort,
                "long_query": options.long_query,
            }
        )

    def _asked(self, body: Mapping[str, Any]) -> NativeResponse:
        headers = {"content-type": "application/json"}
        if key := os.environ.get(KEY_VARIABLE, "").strip():
            headers["authorization"] = f"Bearer {key}"
        request = urllib.request.Request(
            f"{self._url}/secondpass/score", msgspec.json.encode(body), headers
        )
        try:
            with self._open(request, timeout=TIMEOUT_S) as response:
                return msgspec.json.decode(response.read(), type=NativeResponse)
        except urllib.error.HTTPError as error:
            raise _refusal(self._url, error) from None
        except (OSError, HTTPException) as error:
            reason = getattr(error, "reason", None) or error
            raise InputError(
                f"no server answers at {self._url[:80]}: {str(reason)[:200]}; start one with "
                "secondpass serve"
            ) from None
        except (msgspec.DecodeError, UnicodeDecodeError):
            raise InputError(
                f"what answers at {self._url[:80]} is not a server of secondpass, or of another "
                "version"
            ) from None


def _opener(host: str) -> urllib.request.OpenerDirector:
    """Return what opens addresses; no proxy can reach this machine's own."""
    try:
        own = ipaddress.ip_address(host).is_loopback
    except ValueError:
        own = host == "localhost"
    return urllib.request.build_opener(*([urllib.request.ProxyHandler({})] if own else []))


def _refusal(url: str, error: urllib.error.HTTPError) -> SecondpassError:
    """Return a server's error as ours: the caller's fault by 4xx, else the server's."""
    with error:
        try:
            said = msgspec.json.decode(error.read(_MOST_READ), type=OpenAIError).error.message
        except (msgspec.DecodeError, UnicodeDecodeError, OSError):
            said = f"status {error.code}"
    if error.code == HTTPStatus.UNAUTHORIZED:
        said = f"{said}; secondpass takes it from the environment variable {KEY_VARIABLE}"
    kind = InputError if error.code < 500 else EngineError
    return kind(f"the server at {url[:80]} says: {said}")
