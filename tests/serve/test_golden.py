"""Every format and every error, each request with the response that its clients get."""

import json

import msgspec
import pytest
from golden_pairs import pairs, received, sent
from serve_client import fake_client

from secondpass.serve.problems import STATUS
from secondpass.serve.rerank import ROUTES

# A problem that no request can bring about here: tests/serve/test_hostile_requests.py does.
ELSEWHERE = {"slow"}


@pytest.mark.parametrize("file", pairs(), ids=lambda file: file.stem)
def test_a_request_has_its_response(file):
    pair = json.loads(file.read_text())
    with fake_client(keys=pair.get("keys", ()), **pair.get("options", {})) as client:
        assert received(sent(client, pair["request"])) == pair["response"]


def test_every_format_has_an_answer_of_its_own_type():
    formats = {form.name: form for route in ROUTES for form in route.formats.values()}
    seen = set()
    for file in pairs():
        name, _, _ = file.stem.partition("--")
        pair = json.loads(file.read_text())
        if name in formats and pair["response"]["status"] == 200:
            msgspec.convert(pair["response"]["body"], formats[name].response)
            seen.add(name)
        elif name in formats:
            msgspec.convert(pair["response"]["body"], formats[name].error)
    assert seen == set(formats)


def test_every_problem_has_a_pair():
    named = {file.stem.partition("--")[2] for file in pairs()}
    for kind in STATUS.keys() - ELSEWHERE:
        assert any(one.startswith(f"error-{kind.replace(' ', '-')}") for one in named), kind
