"""Who may ask: keys, the names of the server, origins of pages; and what every response says."""

import hmac

import pytest
from serve_client import fake_client
from test_formats import BODIES

from secondpass.errors import InputError
from secondpass.options.serve import ServeOptions
from secondpass.serve import keys as keys_module
from secondpass.serve.keys import Keys
from secondpass.serve.rerank import ROUTES

BODY = {"query": "a", "documents": ["b"]}
OPEN = [
    "/",
    "/docs",
    "/openapi.json",
    "/health",
    "/health/live",
    "/health/ready",
    "/static/docs.css",
]
CLOSED = ["/v1/models", "/info", "/nothing"]


def bearer(key):
    return {"authorization": f"Bearer {key}"}


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.path)
def test_a_route_that_scores_wants_one_of_the_keys(route):
    path, body = route.path, BODIES[next(iter(route.formats.values())).name]
    with fake_client(keys=["first", "second"]) as client:
        for key, status in (("first", 200), ("second", 200), ("third", 401), ("", 401)):
            assert client.post(path, json=body, headers=bearer(key)).status_code == status
        assert client.post(path, json=body).status_code == 401


def test_what_tells_of_models_wants_a_key_and_pages_do_not():
    with fake_client(keys=["k"]) as client:
        assert [client.get(path).status_code for path in OPEN] == [200] * len(OPEN)
        assert [client.get(path).status_code for path in CLOSED] == [401] * len(CLOSED)


@pytest.mark.parametrize(
    "given",
    [
        "k",
        "Basic k",
        "Bearer",
        "Bearer ",
        "Bearer  ",
        "Bearer K",
        "Bearer k k",
        "Bearerk",
        "Bearer \xff",
    ],
)
def test_what_is_no_key_is_refused(given):
    with fake_client(keys=["k"]) as client:
        response = client.get("/v1/models", headers={"authorization": given.encode("latin-1")})
        assert response.status_code == 401
        assert response.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize("given", ["Bearer k", "bearer k", "BEARER  k "])
def test_a_key_is_taken_however_bearer_is_written(given):
    with fake_client(keys=["k"]) as client:
        assert client.get("/v1/models", headers={"authorization": given}).status_code == 200


def test_the_body_is_not_read_without_a_key():
    def body():
        yield b"{"
        raise AssertionError("read on")

    with fake_client(keys=["k"]) as client:
        headers = {"content-type": "application/json", "content-length": "100"}
        assert client.post("/rerank", content=b"{", headers=headers).status_code == 401


def test_every_key_is_compared_in_constant_time(monkeypatch):
    compared = []

    def compare(one, other):
        compared.append((len(one), len(other)))
        return real(one, other)

    real = hmac.compare_digest

    monkeypatch.setattr(keys_module.hmac, "compare_digest", compare)
    Keys(["a", "bb", "c" * 100]).check(b"Bearer a")
    assert compared == [(32, 32)] * 3


def test_keys_are_not_shown():
    assert "secret" not in repr(Keys(["secret"]))
    assert "secret" not in str(vars(Keys(["secret"])))


def test_keys_come_from_a_file_else_from_the_environment(tmp_path, monkeypatch):
    file = tmp_path / "keys"
    file.write_text("# of the first client\nfirst\n\n  second  \n")
    monkeypatch.setenv("SECONDPASS_API_KEY", "third")
    of_file = Keys.read(ServeOptions(api_key_file=str(file)))
    of_file.check(b"Bearer first")
    of_file.check(b"Bearer second")
    of_environment = Keys.read(ServeOptions())
    of_environment.check(b"Bearer third")
    for keys, key in (
        (of_file, b"third"),
        (of_file, b"# of the first client"),
        (of_environment, b"first"),
    ):
        with pytest.raises(Exception, match="not one of"):
            keys.check(b"Bearer " + key)


@pytest.mark.parametrize("content", [b"", b"\n\n", b"# none\n", b"\xff\xfe\x00"])
def test_a_file_without_a_key_is_an_error(tmp_path, content):
    file = tmp_path / "keys"
    file.write_bytes(content)
    with pytest.raises(InputError, match="the key file"):
        Keys.read(ServeOptions(api_key_file=str(file)))


def test_a_file_that_is_not_there_is_an_error(tmp_path):
    with pytest.raises(InputError, match="No such file"):
        Keys.read(ServeOptions(api_key_file=str(tmp_path / "keys")))
    with pytest.raises(InputError, match="Is a directory"):
        Keys.read(ServeOptions(api_key_file=str(tmp_path)))


@pytest.mark.parametrize(
    "host", ["0.0.0.0", "::", "192.168.1.4", "10.0.0.1", "example.org", "::ffff:1.2.3.4"]
)
def test_an_address_that_others_reach_needs_a_key(host, monkeypatch, tmp_path):
    monkeypatch.delenv("SECONDPASS_API_KEY", raising=False)
    with pytest.raises(InputError, match="--no-auth"):
        Keys.read(ServeOptions(host=host))
    assert not Keys.read(ServeOptions(host=host, no_auth=True))
    monkeypatch.setenv("SECONDPASS_API_KEY", " ")
    with pytest.raises(InputError, match="--no-auth"):
        Keys.read(ServeOptions(host=host))
    monkeypatch.setenv("SECONDPASS_API_KEY", "k")
    assert Keys.read(ServeOptions(host=host))


@pytest.mark.parametrize("host", ["127.0.0.1", "127.1.2.3", "::1", "localhost"])
def test_this_machine_needs_none(host, monkeypatch):
    monkeypatch.delenv("SECONDPASS_API_KEY", raising=False)
    assert not Keys.read(ServeOptions(host=host))


def test_a_key_file_and_no_auth_are_one_too_many():
    with pytest.raises(InputError, match="no_auth"):
        ServeOptions(api_key_file="keys", no_auth=True)


@pytest.mark.parametrize(
    ("host", "status"),
    [("127.0.0.1", 200), ("localhost:8000", 200), ("LOCALHOST", 200), ("[::1]:8000", 200),
     ("evil.example", 421), ("127.0.0.1.evil.example", 421), ("localhost.evil.example:80", 421),
     ("0.0.0.0:8000", 421), ("me.example:8000", 200)],
)  # fmt: skip
def test_without_a_key_a_page_of_elsewhere_cannot_ask_by_a_name_of_its_own(host, status):
    with fake_client(allowed_hosts=["me.example"]) as client:
        for path in ("/", "/v1/models"):
            assert client.get(path, headers={"host": host}).status_code == status


def test_with_a_key_or_an_open_address_any_name_will_do():
    with fake_client(keys=["k"]) as client:
        assert client.get("/", headers={"host": "other.example"}).status_code == 200
    with fake_client(host="0.0.0.0", no_auth=True) as client:
        assert client.get("/v1/models", headers={"host": "other.example"}).status_code == 200


PREFLIGHT = {
    "origin": "https://page.example",
    "access-control-request-method": "POST",
    "access-control-request-headers": "authorization,content-type",
}


def test_no_origin_may_ask_unless_given():
    with fake_client() as client:
        for response in (
            client.options("/rerank", headers=PREFLIGHT),
            client.post("/rerank", json=BODY, headers={"origin": "https://page.example"}),
        ):
            assert not [name for name in response.headers if name.startswith("access-control")]


def test_an_origin_that_is_given_may_ask_and_no_other():
    with fake_client(cors_origins=["https://page.example"], keys=["k"]) as client:
        response = client.options("/rerank", headers=PREFLIGHT)
        assert response.headers["access-control-allow-origin"] == "https://page.example"
        other = client.options("/rerank", headers=PREFLIGHT | {"origin": "https://evil.example"})
        assert "access-control-allow-origin" not in other.headers
        refused = client.post("/rerank", json=BODY, headers={"origin": "https://page.example"})
        assert refused.status_code == 401
        assert refused.headers["access-control-allow-origin"] == "https://page.example"


@pytest.mark.parametrize(
    "kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"]
)
def test_what_a_page_can_send_unasked_is_no_request(kind):
    with fake_client() as client:
        response = client.post("/rerank", content=b"{}", headers={"content-type": kind})
        assert response.status_code == 415


@pytest.mark.parametrize("encoding", ["gzip", "br", "deflate, gzip", "GZIP"])
def test_a_body_that_is_packed_is_refused_by_name(encoding):
    with fake_client() as client:
        headers = {"content-encoding": encoding, "content-type": "application/json"}
        response = client.post("/rerank", content=b"{}", headers=headers)
        assert response.status_code == 415
        assert "send it as it is" in response.json()["message"]


def test_a_body_of_no_type_is_json_unless_a_page_sends_it():
    body = b'{"query": "a", "texts": ["b"]}'
    with fake_client() as client:
        assert client.post("/rerank", content=body).status_code == 200
        headers = {"origin": "https://page.example"}
        assert client.post("/rerank", content=body, headers=headers).status_code == 415


@pytest.mark.parametrize(
    "kind", ["application/json", "Application/JSON; charset=utf-8", "application/vnd.x+json"]
)
def test_json_is_taken_however_it_is_called(kind):
    with fake_client() as client:
        body = b'{"query": "a", "texts": ["b"]}'
        assert (
            client.post("/rerank", content=body, headers={"content-type": kind}).status_code == 200
        )


@pytest.mark.parametrize("path", [*OPEN, *CLOSED, "/rerank"])
def test_every_response_has_an_id_and_is_not_kept_or_framed(path):
    with fake_client() as client:
        headers = client.get(path).headers
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["cache-control"] == "no-store"
    assert "frame-ancestors 'none'" in headers["content-security-policy"]
    assert "default-src 'none'" in headers["content-security-policy"]
    assert len(headers["x-request-id"]) == 36


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("a-1.b:c_D", True),
        ("x" * 128, True),
        ("x" * 129, False),
        ("a b", False),
        ("<b>", False),
        ("", False),
    ],
)
def test_a_request_keeps_its_id_if_it_is_one(given, kept):
    with fake_client() as client:
        headers = client.get("/health", headers={"x-request-id": given}).headers
        assert (headers["x-request-id"] == given) is kept
