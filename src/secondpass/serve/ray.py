"""The server on Ray Serve: the same application before any number of replicas.

    serve run secondpass.serve.ray:application effort=fast

Fronts run the application of `secondpass serve`: they read requests in each client's format and
write its answers and errors. Replicas have the model and its batcher. A request goes from Ray's
proxy to a front, and from there to one replica, whose refusals and failures come back as values;
so a full queue and a dead replica are said as the format says them.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from importlib.util import find_spec
from typing import Any

from secondpass.errors import Argument, InputError, MissingExtraError
from secondpass.options.model import RerankerOptions
from secondpass.options.on_ray import RayServeOptions
from secondpass.options.option import IsDataclass, declared, from_dict, to_dict
from secondpass.options.serve import ServeOptions
from secondpass.serve.ray_replica import Replica
from secondpass.serve.ray_scaling import ByQueueTime

# Reading and writing take little beside scoring.
_FRONT_CPUS = 0.25
# More than a front ever has: it refuses by what its replicas say, and Ray refuses none before it.
_FRONT_REQUESTS = 10_000
# What is Ray's own here, and how it is said there.
_OF_RAY = {
    "port": "it is in http_options of Ray Serve's config",
    "threads": "cpus is a replica's threads",
    "unload_after_s": "the model is the only one",
}


def application(args: Mapping[str, Any] | None = None) -> Any:
    """Return the application for `ray.serve.run`, or for `import_path` of Ray Serve's config.

    Args:
        args: options by name: those of `CrossEncoderReranker`, those of `secondpass serve`
            (`ServeOptions`), and `RayServeOptions`. With a `host` that others reach the fronts
            need a key, which they read where they run.

    Raises:
        InputError: there is no such option, or a value is not usable.
        MissingExtraError: without Ray Serve.
    """
    cluster, options, model = _options(args or {})
    if find_spec("ray") is None or find_spec("fastapi") is None:  # which Ray Serve needs
        raise MissingExtraError("serving on Ray", "ray-serve")
    from ray import serve
    from ray.serve.config import AutoscalingConfig, AutoscalingPolicy

    names = (model.models[-1], *cluster.names)
    replicas = serve.deployment(
        _Replica,
        name="replica",
        ray_actor_options={"num_cpus": cluster.cpus},
        max_ongoing_requests=cluster.max_ongoing_requests,
        max_queued_requests=cluster.max_queued_requests,
        graceful_shutdown_timeout_s=options.grace_s,
        autoscaling_config=AutoscalingConfig(
            min_replicas=cluster.min_replicas,
            max_replicas=cluster.max_replicas,
            policy=AutoscalingPolicy(
                policy_function=ByQueueTime,
                policy_kwargs={"target_ms": cluster.target_wait_ms},
            ),
        ),
    ).bind(
        {**to_dict(model), "threads": cluster.cpus},
        names,
        {
            "most_wait_ms": options.max_wait_ms,
            "timeout_s": options.timeout_s,
            "grace_s": options.grace_s,
        },
    )
    return serve.deployment(
        serve.ingress()(Front),
        name="front",
        num_replicas=cluster.fronts,
        ray_actor_options={"num_cpus": _FRONT_CPUS},
        max_ongoing_requests=_FRONT_REQUESTS,
        graceful_shutdown_timeout_s=options.grace_s,
    ).bind(replicas, to_dict(model), names, to_dict(options))


class Front:
    """The application in a process of Ray Serve."""

    def __init__(
        self,
        replicas: Any,
        model: Mapping[str, Any],
        names: tuple[str, ...],
        options: Mapping[str, Any],
    ) -> None:
        self._replicas, self._names = replicas, names
        self._model = RerankerOptions.from_dict(model)
        self._options = from_dict(ServeOptions, options)

    def __serve_build_asgi_app__(self) -> Any:
        """Return the application; Ray starts and ends it."""
        from secondpass.serve.app import build_app
        from secondpass.serve.keys import Keys
        from secondpass.serve.logs import log_to
        from secondpass.serve.models import ModelEntry
        from secondpass.serve.observing import observing_layer
        from secondpass.serve.ray_service import RayService
        from secondpass.serve.tracing import Tracing

        options = self._options
        log_to(sys.stderr)
        entry = ModelEntry(self._names[0], self._model, tuple(self._names[1:]))
        service = RayService(self._replicas, entry, timeout_s=options.timeout_s)
        tracing = Tracing.to_collector() if options.trace else None
        layer = observing_layer(service.metrics, tracing, log_text=options.log_text)
        return build_app(service, options, Keys.read(options), middleware=[layer])


class _Replica(Replica):
    """A replica as Ray Serve makes and ends one."""

    async def __init__(self, *given: Any) -> None:  # type: ignore[misc]
        super().__init__(*given)
        await self.begin()

    async def __del__(self) -> None:
        await self.end()


def _options(
    args: Mapping[str, Any],
) -> tuple[RayServeOptions, ServeOptions, RerankerOptions]:
    """Return the options of a mapping that has those of all three."""
    for name, why in _OF_RAY.items():
        if name in args:
            raise InputError(Argument(name), f" has no use on Ray: {why}")
    left = dict(args)

    def taken(kind: type[IsDataclass]) -> dict[str, Any]:
        return {name: left.pop(name) for name in declared(kind) if name in left}

    cluster = RayServeOptions(**taken(RayServeOptions))
    options = ServeOptions(**taken(ServeOptions))
    return cluster, options, RerankerOptions.from_dict(left)
