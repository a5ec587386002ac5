"""The options of the server on Ray Serve: how many replicas, and when there are more of them."""

from __future__ import annotations

from dataclasses import dataclass

from secondpass.errors import Argument, InputError
from secondpass.options.kinds import Integer, Number, Texts
from secondpass.options.option import check_fields, option


@dataclass(frozen=True, slots=True, kw_only=True)
class RayServeOptions:
    """Checked options of `secondpass.serve.ray`.

    Raises:
        InputError: a value is not usable; the message names it.
    """

    cpus: int = option(1, Integer(), "Processors of a replica: its reranker's threads.")
    min_replicas: int = option(1, Integer(), "Replicas that are always there.")
    max_replicas: int = option(1, Integer(), "Most replicas.")
    target_wait_ms: float = option(
        200.0,
        Number(above=0, unit="milliseconds"),
        "Where the replicas' predicted wait is more, on average, there will be more of them.",
    )
    max_ongoing_requests: int = option(
        100, Integer(), "Most requests that a replica has, those that wait for its model included."
    )
    max_queued_requests: int = option(
        200, Integer(), "Most requests of a front that wait for a replica with room."
    )
    fronts: int = option(
        1, Integer(), "Processes that read requests and write answers, before the replicas."
    )
    names: tuple[str, ...] = option(
        (),
        Texts("names"),
        "Further names that clients may give for the model, such as `rerank-v3.5`.",
        means="none",
    )

    def __post_init__(self) -> None:
        check_fields(self)
        if self.max_replicas < self.min_replicas:
            raise InputError(
                Argument("max_replicas", self.max_replicas), " is less than ",
                Argument("min_replicas", self.min_replicas), ": give at least as many",
            )  # fmt: skip
