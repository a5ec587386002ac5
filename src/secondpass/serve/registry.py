"""The models of a server: loaded when they are first asked for, and freed when nobody asks."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from time import perf_counter

from secondpass.deadline.budget import Now
from secondpass.serve.contract import Closed, Failed
from secondpass.serve.models import ModelEntry, ModelNames
from secondpass.serve.served import Served


class Registry:
    """Loads each model once, whoever asks for it; used by one event loop.

    Args:
        entries: the models that may be asked for; the first is never freed.
        load: loads one; runs in a thread.
        idle_s: after how long a model that nobody asked for is freed; None for never.
        now: a clock in seconds.
    """

    def __init__(
        self,
        entries: Sequence[ModelEntry],
        load: Callable[[ModelEntry], Served],
        *,
        idle_s: float | None,
        now: Now = perf_counter,
    ) -> None:
        self.names = ModelNames(entries)
        self._load, self._idle_s, self._now = load, idle_s, now
        self._loading: dict[str, asyncio.Task[Served]] = {}
        self._loaded: dict[str, Served] = {}
        # How many requests each is used by, or waited for.
        self._users = Counter[str]()
        self._closed = False

    @property
    def loaded(self) -> Mapping[str, Served]:
        """The models in memory, by name."""
        return self._loaded

    @asynccontextmanager
    async def use(self, name: str | None) -> AsyncIterator[Served]:
        """Give a model, loaded for it if need be; it is not freed meanwhile.

        Raises:
            UnknownModel: there is none of this name.
            Failed: it cannot be loaded; the next one who asks tries again.
            Closed: the server is ending.
        """
        entry = self.names.find(name)
        self._users[entry.name] += 1
        try:
            served = await self._get(entry)
            try:
                yield served
            finally:
                served.used = self._now()
        finally:
            self._users[entry.name] -= 1

    async def free_idle(self) -> list[str]:
        """Free the models that nobody asked for in a while; return their names."""
        if self._idle_s is None:
            return []
        since = self._now() - self._idle_s
        idle = [
            name
            for name, served in self._loaded.items()
            if name != self.names.entries[0].name and not self._users[name] and served.used <= since
        ]
        await asyncio.gather(*(self._free(self._loaded.pop(name), 0.0) for name in idle))
        return idle

    async def close(self, seconds: float) -> None:
        """Load no more, score what waits for at most so long, and free all."""
        self._closed = True
        await asyncio.gather(*self._loading.values(), return_exceptions=True)
        loaded = list(self._loaded.values())
        self._loaded.clear()
        await asyncio.gather(*(self._free(served, seconds) for served in loaded))

    async def _get(self, entry: ModelEntry) -> Served:
        if self._closed:
            raise Closed
        if entry.name in self._loaded:
            return self._loaded[entry.name]
        if entry.name not in self._loading:
            # A task of its own: who asked first may go away.
            self._loading[entry.name] = asyncio.create_task(self._load_in_thread(entry))
        try:
            return await asyncio.shield(self._loading[entry.name])
        except Exception as error:
            raise Failed(type(error).__name__, str(error)) from error

    async def _load_in_thread(self, entry: ModelEntry) -> Served:
        try:
            served = await asyncio.to_thread(self._load, entry)
        finally:
            del self._loading[entry.name]
        served.used = self._now()
        self._loaded[entry.name] = served
        return served

    async def _free(self, served: Served, seconds: float) -> bool:
        return await asyncio.to_thread(served.close, seconds)
