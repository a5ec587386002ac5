"""What the server writes into its log: never a text of a request, unless that is asked for."""

import logging

import pytest
from fake_service import ERRORS
from serve_client import fake_client

SECRET = "a secret of the client"


@pytest.mark.parametrize("query", [*ERRORS, SECRET])
def test_no_text_is_logged(query, caplog):
    caplog.set_level(logging.DEBUG)
    with fake_client(keys=["key-of-the-client"]) as client:
        headers = {"authorization": "Bearer key-of-the-client"}
        for body in (
            {"query": query, "documents": [SECRET]},
            {"query": query, "documents": [SECRET, 7]},
            {"query": query, "documents": [SECRET], SECRET: SECRET},
        ):
            client.post("/rerank", json=body, headers=headers)
    assert "secret" not in caplog.text
    assert "key-of-the-client" not in caplog.text


def test_a_failure_is_logged_with_its_place(caplog):
    with fake_client() as client:
        response = client.post("/rerank", json={"query": "bug", "documents": ["b"]})
    assert response.status_code == 500
    assert response.headers["x-request-id"] in caplog.text
    assert "RuntimeError" in caplog.text
    assert "fake_service.py" in caplog.text
