"""Compiled graphs, and the infer requests that all threads share."""

from __future__ import annotations

import queue
from collections import deque
from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import Any

import numpy as np
from numpy.typing import NDArray

from secondpass.graph.openvino import ov

# The inputs or outputs of one batch, by name.
Columns = Mapping[str, NDArray[Any]]


class Slots:
    """How many batches are computed at a time, whichever of a model's graphs they run on."""

    def __init__(self, count: int) -> None:
        self.count = count
        self._free: queue.SimpleQueue[int] = queue.SimpleQueue()
        for slot in range(count):
            self._free.put(slot)

    def take(self) -> int:
        """Wait for a free slot."""
        return self._free.get()

    def take_now(self) -> int | None:
        """Return a slot that is free now, if there is one."""
        try:
            return self._free.get_nowait()
        except queue.Empty:
            return None

    def give_back(self, slot: int) -> None:
        """Let another batch have the slot."""
        self._free.put(slot)


class CompiledGraph:
    """One compiled graph with a request for each slot. `run` may be called by several threads."""

    def __init__(self, compiled: ov.CompiledModel, slots: Slots) -> None:
        self.input_names = [port.get_any_name() for port in compiled.inputs]
        self._output_names = [
            port.get_any_name() if port.get_names() else str(at)
            for at, port in enumerate(compiled.outputs)
        ]
        self._slots = slots
        # A request belongs to who holds the slot of its number.
        self._requests = [compiled.create_infer_request() for _ in range(slots.count)]

    def run(self, batches: Iterable[Columns]) -> list[dict[str, NDArray[np.float32]]]:
        """Return the float32 outputs of each batch by name, in order; the first output is first.

        Keeps as many batches in flight as there are free slots, and always finishes its own before
        it waits for another thread's, so threads cannot wait for each other in a circle.
        """
        results: list[dict[str, NDArray[np.float32]]] = []
        # The inputs are not copied, so they have to live as long as they are read.
        flying: deque[tuple[int, Columns]] = deque()
        try:
            for batch in batches:
                slot = self._slots.take() if not flying else self._slots.take_now()
                if slot is None:
                    results.append(self._finish(flying[0][0]))
                    slot = flying.popleft()[0]
                inputs = {name: batch[name] for name in self.input_names}
                flying.append((slot, inputs))
                self._requests[slot].start_async(inputs, share_inputs=True)
            while flying:
                results.append(self._finish(flying[0][0]))
                self._slots.give_back(flying.popleft()[0])
        finally:
            for slot, _ in flying:
                self._settle(slot)
                self._slots.give_back(slot)
        return results

    def _finish(self, slot: int) -> dict[str, NDArray[np.float32]]:
        request = self._requests[slot]
        request.wait()
        return {
            name: np.array(request.get_output_tensor(at).data, dtype=np.float32)
            for at, name in enumerate(self._output_names)
        }

    def _settle(self, slot: int) -> None:
        """Wait for a request whose result nobody wants: a cancelled one would fail its next."""
        with suppress(RuntimeError):
            self._requests[slot].wait()
