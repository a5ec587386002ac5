"""Compiled graphs, and the infer requests that all threads share."""

from __future__ import annotations

import queue
from collections import deque
from collections.abc import Iterable
from contextlib import suppress
from threading import Lock

import numpy as np
from numpy.typing import NDArray

from secondpass.engine.contract import Columns
from secondpass.errors import EngineError
from secondpass.graph.openvino import ov
from secondpass.native import ending, keep_in_forks, native_call, require_no_fork


class Slots:
    """How many batches are computed at a time, whichever of a model's graphs they run on."""

    def __init__(self, count: int) -> None:
        self.count = count
        self._free: queue.SimpleQueue[int] = queue.SimpleQueue()
        self._closed = False
        self._closing = Lock()
        for slot in range(count):
            self._free.put(slot)

    def take(self) -> int:
        """Wait for a free slot; an EngineError once the slots are closed."""
        slot = self._free.get()
        if self._closed:
            self._free.put(slot)
            raise EngineError.closed()
        return slot

    def take_now(self) -> int | None:
        """Return a slot that is free now, if there is one."""
        try:
            return self._free.get_nowait()
        except queue.Empty:
            return None

    def give_back(self, slot: int) -> None:
        """Let another batch have the slot."""
        self._free.put(slot)

    def close(self) -> None:
        """Wait until no slot is in use, then let nobody take one. A second call does nothing."""
        with self._closing:
            if self._closed:
                return
            slots = [self._free.get() for _ in range(self.count)]
            self._closed = True
            for slot in slots:
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
        keep_in_forks(self)

    def run(self, batches: Iterable[Columns]) -> list[dict[str, NDArray[np.float32]]]:
        """Return the float32 outputs of each batch by name, in order; the first output is first.

        Keeps as many batches in flight as there are free slots, and always finishes its own before
        it waits for another thread's, so threads cannot wait for each other in a circle.

        Raises:
            EngineError: the slots are closed, this process is a fork, or OpenVINO failed.
        """
        require_no_fork()
        with native_call():
            return self._run(batches)

    def _run(self, batches: Iterable[Columns]) -> list[dict[str, NDArray[np.float32]]]:
        results: list[dict[str, NDArray[np.float32]]] = []
        # The inputs are not copied, so they have to live as long as they are read.
        flying: deque[tuple[int, Columns]] = deque()
        try:
            for batch in batches:
                if ending():
                    break
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
        except RuntimeError as error:
            raise EngineError(f"OpenVINO failed while it computed a batch: {error}") from error
        finally:
            for slot, _ in flying:
                self._settle(slot)
                self._slots.give_back(slot)
        return results

    def free(self) -> None:
        """Let go of the graph's memory; call it once the slots are closed."""
        self._requests.clear()

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
