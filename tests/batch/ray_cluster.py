"""A small Ray cluster for tests: bounded in memory, without dashboard, statistics and logs."""

import os
from contextlib import contextmanager

STORE_BYTES = 128 * 2**20


@contextmanager
def started(cpus=2):
    import ray

    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    ray.init(
        address="local",
        num_cpus=cpus,
        include_dashboard=False,
        object_store_memory=STORE_BYTES,
        log_to_driver=False,
        logging_level="error",
    )
    try:
        yield ray
    finally:
        ray.shutdown()
