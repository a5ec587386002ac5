"""The options by which a command works on a Ray cluster."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Any, TypeVar

import click

from secondpass.errors import InputError

if TYPE_CHECKING:
    from secondpass.batch.on_ray import OnRay

C = TypeVar("C", bound=Callable[..., Any])


def ray_options(does: str) -> Callable[[C], C]:
    """Return what adds the options to a command that `does` something there."""
    options = (
        click.option(
            "--ray",
            metavar="[ADDRESS]",
            is_flag=False,
            flag_value="local",
            help=f"{does} on a Ray cluster; without an address on one that is started here.",
        ),
        click.option(
            "--ray-cpus",
            type=click.IntRange(min=1),
            help="Processors of an actor.  [default: those of the smallest node, at most 4]",
        ),
        click.option(
            "--ray-actors",
            type=click.IntRange(min=1),
            help="[default: as many as there is room for]",
        ),
    )

    def add(command: C) -> C:
        for option in reversed(options):
            command = option(command)
        return command

    return add


def on_cluster(
    ray: str | None, cpus: int | None, actors: int | None
) -> tuple[AbstractContextManager[None], OnRay | None]:
    """Return the connection to a cluster, to be entered, and what works there; None without one.

    Raises:
        InputError: there are options of actors and no --ray.
        MissingExtraError: without Ray.
    """
    if ray is None:
        refuse_beside({"--ray-cpus": cpus, "--ray-actors": actors}, "without --ray")
        return nullcontext(), None
    from secondpass.batch.on_ray import OnRay, connected, require_ray

    require_ray()
    return connected(ray), OnRay(cpus, actors)


def refuse_beside(given: Mapping[str, Any], where: str) -> None:
    """Raise an InputError where an option is given that does nothing there."""
    for option, value in given.items():
        if value is not None:
            raise InputError(f"{option} has no use {where}: leave it out")
