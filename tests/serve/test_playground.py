"""The page's files and the routes of its own."""

import json
import re
import socket
from dataclasses import replace

import numpy as np
import pytest
from live_server import head, live_server, talk
from serve_client import fake_client

from secondpass.reranker import CrossEncoderReranker
from secondpass.scoring.tokenized import TokenizedText
from secondpass.serve.pages import PAGE
from secondpass.types import RetrievedDocument

TEXTS = ["Sheep give wool.", "Wool is warm.", "Cows give milk.", "Hens lay eggs."]


class FakeIndex:
    """Finds its texts in their order, whatever is asked."""

    def __len__(self):
        return len(TEXTS)

    def search(self, query, limit=10):
        return [
            RetrievedDocument(f"doc {at}", text, {}, 1 - at / 10)
            for at, text in enumerate(TEXTS[:limit])
        ]


def directives(policy):
    return dict(one.split(maxsplit=1) for one in policy.split("; "))


def test_the_policy_allows_nothing_but_the_servers_own_files():
    with fake_client() as client:
        policy = directives(client.get("/").headers["content-security-policy"])
    assert policy["default-src"] == "'none'"
    for name in ("script-src", "style-src", "connect-src"):
        assert policy[name] == "'self'"
    assert policy["frame-ancestors"] == policy["base-uri"] == "'none'"


def test_the_page_names_no_other_host_and_has_no_script_or_style_within():
    allowed = "http://www.w3.org/2000/svg"  # a name, not a place
    for file in PAGE.iterdir():
        text = file.read_text("utf-8").replace(allowed, "")
        if file.suffix != ".json":
            assert "://" not in text, file
            assert not re.search(r"""["'(]//""", text), file
        if file.suffix == ".html":
            assert not re.search(r"<script(?![^>]*src=)|<style|\sstyle=|\son\w+=", text), file
        if file.suffix == ".js":
            assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|eval\(|Function\(", text)
        if file.suffix == ".css":
            assert "url(" not in text
            assert "@import" not in text


def test_what_a_module_imports_is_there_and_is_sent_as_a_module():
    with fake_client() as client:
        for file in PAGE.glob("*.js"):
            found = client.get(f"/page/{file.name}")
            assert "javascript" in found.headers["content-type"]
            for name in re.findall(r'from "\./([^"]+)"', found.text):
                assert (PAGE / name).is_file(), (file.name, name)


def test_every_id_that_a_module_asks_for_is_in_the_page():
    html = (PAGE / "index.html").read_text("utf-8")
    ids = set(re.findall(r'\sid="([^"]+)"', html))
    for file in PAGE.glob("*.js"):
        assert set(re.findall(r'byId\("([^"]+)"\)', file.read_text("utf-8"))) <= ids, file.name
    named = re.findall(r'(?:for|aria-controls|aria-labelledby|aria-describedby)="([^"]+)"', html)
    assert set(named) <= ids


def test_the_example_has_its_source_and_a_buried_answer():
    example = json.loads((PAGE / "example.json").read_text("utf-8"))
    names = [one["name"] for one in example["passages"]]
    assert len(names) == len(set(names)) >= 10
    assert names.index(example["answer"]) >= 5
    assert "Python Software Foundation" in example["source"]
    assert all(one["text"].strip() for one in example["passages"])


def test_the_second_pass_lifts_the_answer_of_the_example():
    example = json.loads((PAGE / "example.json").read_text("utf-8"))
    with CrossEncoderReranker() as reranker:
        ranking = reranker.rank(example["query"], [one["text"] for one in example["passages"]], 1)
    assert example["passages"][ranking[0].index]["name"] == example["answer"]


def test_the_page_and_its_files_need_no_key_and_its_routes_do():
    with fake_client(keys=["secret"], index=FakeIndex()) as client:
        for path in ("/", "/page/main.js", "/page/page.css", "/page/example.json"):
            assert client.get(path).status_code == 200
        assert client.get("/playground/index").status_code == 401
        search = {"query": "wool"}
        assert client.post("/playground/search", json=search).status_code == 401
        with_key = {"authorization": "Bearer secret"}
        found = client.post("/playground/search", json=search, headers=with_key)
        assert found.status_code == 200


def test_without_an_index_there_is_nothing_to_search():
    with fake_client() as client:
        assert client.get("/playground/index").json()["documents"] is None
        assert client.post("/playground/search", json={"query": "wool"}).status_code == 404


def test_an_index_is_searched():
    with fake_client(index=FakeIndex()) as client:
        assert client.get("/playground/index").json()["documents"] == 4
        found = client.post("/playground/search", json={"query": "wool", "limit": 2}).json()
    assert found["passages"] == [
        {"id": "doc 0", "text": "Sheep give wool.", "similarity": 1.0, "place": ""},
        {"id": "doc 1", "text": "Wool is warm.", "similarity": 0.9, "place": ""},
    ]
    assert found["retrieve_ms"] >= 0


def test_where_a_chunk_is_goes_with_it():
    class Placed(FakeIndex):
        def search(self, query, limit=10):
            found = super().search(query, limit)
            return [replace(found[0], metadata={"page": 3, "heading": "A > B"}), *found[1:]]

    with fake_client(index=Placed()) as client:
        found = client.post("/playground/search", json={"query": "wool"}).json()
    assert [one["place"] for one in found["passages"][:2]] == ["page 3, A > B", ""]


def test_texts_that_carry_their_tokens_are_sent_as_texts():
    class Carrying(FakeIndex):
        def search(self, query, limit=10):
            ids = np.array([1, 2], np.int32)
            return [
                replace(one, text=TokenizedText(one.text, ids, "of a tokenizer"))
                for one in super().search(query, limit)
            ]

    with fake_client(index=Carrying()) as client:
        found = client.post("/playground/search", json={"query": "wool"}).json()
    assert [one["text"] for one in found["passages"]] == TEXTS


def test_no_more_is_found_than_may_be_scored():
    with fake_client(index=FakeIndex(), max_documents=3) as client:
        found = client.post("/playground/search", json={"query": "wool", "limit": 1000}).json()
    assert len(found["passages"]) == 3


@pytest.mark.parametrize(
    ("body", "named"),
    [
        ({"query": " "}, "query"),
        ({"query": "wool", "limit": 0}, "limit"),
        ({"query": "wool", "limit": 10**6}, "limit"),
        ({"query": 3}, "query"),
        ({}, "query"),
        ({"query": "w" * 20_000}, "query"),
        ([], "expected"),
    ],
)
def test_a_search_that_cannot_be_is_refused_by_name(body, named):
    with fake_client(index=FakeIndex()) as client:
        refused = client.post("/playground/search", json=body)
    assert 400 <= refused.status_code < 500
    assert named in refused.json()["error"]["message"]


@pytest.mark.parametrize("path", ["/playground/search", "/v2/rerank"])
def test_a_client_that_goes_while_it_sends_is_no_failure_of_the_server(path, caplog):
    with live_server(index=FakeIndex()) as address:
        with socket.create_connection(address, 20) as connection:
            connection.sendall(head(path, length=100) + b'{"query')
        talk(address, head(path, length=100) + b'{"query', half_close=True)
        assert talk(address, head("/v2/rerank", length=2) + b"{}")
    assert not caplog.records
