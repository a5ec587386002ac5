"""How many replicas there should be, by how long a request would wait in them.

Ray sends the class to its controller by value: this file imports nothing of ours.
"""

from __future__ import annotations

import math
from typing import Any

# What a replica reports, in milliseconds.
WAIT_MS = "secondpass_wait_ms"
# Where the wait is less than this share of the target, one replica fewer would do.
_IDLE = 0.25
# By how much one step multiplies the replicas at most: a wait is not proportional to load.
_MOST_UP = 2.0


class ByQueueTime:
    """Ray Serve's autoscaling policy by queue time.

    The number is the mean over the replicas of what each predicts, from its texts and its pace, to
    take until nothing waits in it. Ray averages what they report over `look_back_period_s`. A
    request that waits in Ray's own queue, before any replica, counts for no time, which nobody
    knows: where there are such requests all replicas are full, and that is one more.
    """

    def __init__(self, target_ms: float) -> None:
        self.target_ms = target_ms

    def __call__(self, ctx: Any) -> tuple[int, dict[str, Any]]:
        """Return the replicas there should be; Ray applies the bounds and the delays."""
        waits = list((ctx.aggregated_metrics or {}).get(WAIT_MS, {}).values())
        if not waits:
            return ctx.target_num_replicas, {}
        # Those that have just begun have reported nothing yet.
        now = max(1, ctx.current_num_replicas)
        share = sum(waits) / len(waits) / self.target_ms
        wanted = now
        if share > 1:
            wanted = math.ceil(now * min(share, _MOST_UP))
        elif ctx.total_queued_requests >= 1:
            wanted = now + 1
        elif share < _IDLE:
            wanted = now - 1
        return max(1, wanted), {}
