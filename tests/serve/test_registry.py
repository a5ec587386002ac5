"""Models are loaded for who asks, and never freed under who uses or waits for them."""

import asyncio

import pytest

from secondpass.options.model import RerankerOptions
from secondpass.serve.contract import Failed
from secondpass.serve.models import ModelEntry
from secondpass.serve.registry import Registry

ENTRIES = [ModelEntry(name, RerankerOptions()) for name in ("first", "second", "third")]


class Loaded:
    def __init__(self, entry):
        self.name, self.used, self.closed = entry.name, 0.0, False

    def close(self, seconds):
        self.closed = True
        return True


async def freeing(registry, task):
    """Free what is idle at every turn of the loop until a task has ended."""
    while not task.done():
        await registry.free_idle()
        await asyncio.sleep(0)
    await task


@pytest.mark.parametrize("users", [1, 2, 20])
def test_a_model_is_not_freed_between_its_loading_and_its_use(users):
    registry = Registry(ENTRIES, Loaded, idle_s=0.0)

    async def use():
        async with registry.use("second") as served:
            assert not served.closed
            await asyncio.sleep(0)
            assert not served.closed

    async def scenario():
        await freeing(registry, asyncio.gather(*(use() for _ in range(users))))

    asyncio.run(scenario())


def test_a_model_is_freed_once_nobody_uses_it_any_more():
    registry = Registry(ENTRIES, Loaded, idle_s=0.0)

    async def scenario():
        async with registry.use("second"), registry.use("third"):
            assert await registry.free_idle() == []
        async with registry.use("second"):
            assert await registry.free_idle() == ["third"]
        return await registry.free_idle(), list(registry.loaded)

    assert asyncio.run(scenario()) == (["second"], [])


def test_who_goes_while_it_is_loaded_keeps_nothing():
    registry = Registry(ENTRIES, Loaded, idle_s=0.0)

    async def use():
        async with registry.use("second"):
            raise AssertionError("it went before")

    async def scenario():
        task = asyncio.create_task(use())
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        while "second" not in registry.loaded:
            await asyncio.sleep(0)
        return await registry.free_idle()

    assert asyncio.run(scenario()) == ["second"]


def test_a_model_that_cannot_be_loaded_is_nobodys():
    failures = [OSError("no room"), None]

    def load(entry):
        if (failure := failures.pop(0)) is not None:
            raise failure
        return Loaded(entry)

    registry = Registry(ENTRIES, load, idle_s=0.0)

    async def scenario():
        with pytest.raises(Failed, match="no room"):
            async with registry.use("second"):
                pass
        async with registry.use("second"):
            pass
        return await registry.free_idle()

    assert asyncio.run(scenario()) == ["second"]
