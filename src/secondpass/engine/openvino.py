"""The OpenVINO engine: one compiled graph, a few infer requests shared by all threads."""

from __future__ import annotations

import queue
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from functools import cache
from typing import Any, Literal

import numpy as np
import openvino as ov
from numpy.typing import NDArray

from secondpass.engine.contract import EngineInfo, Precision
from secondpass.errors import InputError
from secondpass.scoring.batches import Batch

# More streams than this gain nothing for the dozen batches of a hundred candidates.
_MOST_STREAMS = 4


class OpenVINOEngine:
    """Runs a graph whose inputs are some of input_ids, attention_mask and token_type_ids."""

    def __init__(self, model: ov.Model, *, precision: Precision, device: str, threads: int) -> None:
        self.streams = min(threads, _MOST_STREAMS)
        compiled = _core().compile_model(
            model, device.upper(), _properties(precision, device, threads, self.streams)
        )
        self._input_names = [port.get_any_name() for port in compiled.inputs]
        # A request belongs to one batch at a time; threads wait here for a free one.
        self._requests: queue.SimpleQueue[Any] = queue.SimpleQueue()
        for _ in range(self.streams):
            self._requests.put(compiled.create_infer_request())
        arithmetic = str(compiled.get_property("INFERENCE_PRECISION_HINT").get_type_name())
        held = held_precision(model)
        self.info = EngineInfo(f"openvino {ov.__version__}", device, held, arithmetic, threads)

    def run(self, batches: Sequence[Batch]) -> list[NDArray[np.float32]]:
        """Return one float32 array [rows, outputs] for each batch, in order.

        Keeps as many batches in flight as there are free requests, and always finishes its own
        before it waits for another thread's, so threads cannot wait for each other in a circle.
        """
        results: list[NDArray[np.float32]] = []
        flying: deque[Any] = deque()
        try:
            for batch in batches:
                request = self._free_request() if not flying else self._free_request_now()
                if request is None:
                    results.append(_finish(flying[0]))
                    request = flying.popleft()
                flying.append(request)
                request.start_async(self._inputs(batch), share_inputs=True)
            while flying:
                results.append(_finish(flying[0]))
                self._requests.put(flying.popleft())
        finally:
            for request in flying:
                _settle(request)
                self._requests.put(request)
        return results

    def _inputs(self, batch: Batch) -> dict[str, NDArray[np.int32]]:
        return {name: getattr(batch, name) for name in self._input_names}

    def _free_request(self) -> Any:
        return self._requests.get()

    def _free_request_now(self) -> Any | None:
        try:
            return self._requests.get_nowait()
        except queue.Empty:
            return None


def checked_device(device: str) -> str:
    """Return a device this machine has, by its OpenVINO name in lower case."""
    available = [name.lower() for name in _core().available_devices]
    if device.lower() not in available:
        raise InputError(
            f"device {device!r} is not on this machine; there is {', '.join(available)}"
        )
    return device.lower()


def read_model(file: Any) -> ov.Model:
    """Read an OpenVINO IR or ONNX file."""
    return _core().read_model(file)


def held_precision(model: ov.Model) -> Literal["int8", "fp32"]:
    """Return "int8" for a quantised graph, else "fp32"."""
    quantised = any(operation.get_type_name() == "FakeQuantize" for operation in model.get_ops())
    return "int8" if quantised else "fp32"


def input_names(model: ov.Model) -> list[str]:
    """Return the names of a graph's inputs."""
    return [port.get_any_name() for port in model.inputs]


@cache
def _core() -> ov.Core:
    """Return the process's one core: each loads its own plugins."""
    return ov.Core()


def _finish(request: Any) -> NDArray[np.float32]:
    request.wait()
    return np.array(request.get_output_tensor(0).data, dtype=np.float32)


def _settle(request: Any) -> None:
    """Wait for a request whose result nobody wants: a cancelled one would fail its next batch."""
    with suppress(RuntimeError):
        request.wait()


def _properties(precision: Precision, device: str, threads: int, streams: int) -> dict[str, Any]:
    properties: dict[str, Any] = {}
    if device == "cpu":
        properties |= {
            "INFERENCE_NUM_THREADS": threads,
            "NUM_STREAMS": streams,
            # Pinned threads of two processes would meet on the same cores.
            "ENABLE_CPU_PINNING": False,
        }
    if precision == "fp32":
        properties["INFERENCE_PRECISION_HINT"] = "f32"
    return properties
