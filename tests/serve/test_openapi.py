"""The description of the routes, and the page made of it."""

import json
import re

import msgspec
import pytest
from golden_pairs import pairs
from serve_client import fake_client

from secondpass.serve.openapi import openapi
from secondpass.serve.rerank import ROUTES

DESCRIPTION = msgspec.to_builtins(openapi(ROUTES))
# Fields that say by their name what they are, or are another's alias.
PLAIN = {"query", "texts", "relevant_spans", "text_1", "text_2", "data_1", "data_2", "items"}
SCHEMAS = DESCRIPTION["components"]["schemas"]


def references(value):
    if isinstance(value, dict):
        yield from ([value["$ref"]] if "$ref" in value else [])
        value = list(value.values())
    if isinstance(value, list):
        for one in value:
            yield from references(one)


def test_every_reference_leads_somewhere():
    for one in references(DESCRIPTION):
        assert one.removeprefix("#/components/schemas/") in SCHEMAS


def test_every_route_of_the_server_is_described():
    with fake_client() as client:
        described = client.get("/openapi.json").json()
        paths = {
            (route.path, method.lower())
            for route in client.app.routes
            for method in getattr(route, "methods", None) or ()
            if method != "HEAD"
            and route.path not in ("/", "/docs", "/openapi.json")
            and not route.path.startswith("/playground/")  # the page's own
        }
    assert paths == {(path, method) for path, of in described["paths"].items() for method in of}


def test_every_field_and_type_that_a_client_sends_has_a_sentence():
    for name in ("CohereV2Request", "CohereV1Request", "TeiRequest", "ScoreRequest"):
        assert SCHEMAS[name]["description"]
        for field, schema in SCHEMAS[name]["properties"].items():
            if field not in (
                "query",
                "texts",
                "relevant_spans",
                "text_1",
                "text_2",
                "data_1",
                "data_2",
                "items",
            ):
                assert "description" in json.dumps(schema), field


@pytest.mark.parametrize(
    "file", [file for file in pairs() if "error" in file.stem], ids=lambda file: file.stem
)
def test_the_status_of_every_error_is_described(file):
    pair = json.loads(file.read_text())
    path, method = pair["request"]["path"], pair["request"]["method"].lower()
    operation = DESCRIPTION["paths"].get(path, {}).get(method)
    if operation is not None:
        assert str(pair["response"]["status"]) in operation["responses"]


def test_the_pages_load_nothing_from_elsewhere():
    with fake_client() as client:
        for path in ("/", "/docs"):
            page = client.get(path)
            loaded = re.findall(r"""(?:src|href|action)=["']([^"']*)""", page.text)
            assert all(one.startswith("/") and not one.startswith("//") for one in loaded), loaded
            assert not re.search(
                r"<script(?![^>]*src=)|<style|style=|@import|url\(|\son\w+=", page.text
            )
            for one in loaded:
                assert client.get(one).status_code == 200, one
            policy = page.headers["content-security-policy"]
            assert "unsafe" not in policy
            assert "http" not in policy


def test_the_page_names_every_route_and_field():
    with fake_client() as client:
        text = client.get("/docs").text
    for route in ROUTES:
        assert f"POST {route.path}<" in text
    for name in ("max_tokens_per_doc", "relevant_spans", "truncation_direction", "budget_ms"):
        assert f"<code>{name}</code>" in text


def test_examples_of_the_page_are_answered():
    from html import unescape

    with fake_client() as client:
        found = re.findall(r"8000(/\S+) .*?-d '(.*?)'</pre>", client.get("/docs").text, re.S)
        assert len(found) >= 4
        for path, body in found:
            assert client.post(path, json=json.loads(unescape(body))).status_code == 200
