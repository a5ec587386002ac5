"""A client of an application with the fake service."""

from contextlib import contextmanager

from fake_service import FakeService
from starlette.testclient import TestClient

from secondpass.options.serve import ServeOptions
from secondpass.serve.app import build_app
from secondpass.serve.keys import Keys


@contextmanager
def fake_client(service=None, keys=(), index=None, **options):
    app = build_app(
        service or FakeService(), ServeOptions(**options), Keys(list(keys)), index=index
    )
    with TestClient(app, base_url="http://127.0.0.1") as client:
        yield client
