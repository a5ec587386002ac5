"""Skips tests where Ray is not installed."""

import pytest


def require_ray(extra="ray"):
    pytest.importorskip("ray", reason=f"Ray is not installed: pip install '.[{extra}]'")


def require_ray_serve():
    pytest.importorskip("fastapi", reason="Ray Serve is not installed: pip install '.[ray-serve]'")
    require_ray("ray-serve")
