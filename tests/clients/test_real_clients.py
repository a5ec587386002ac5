"""The real clients against a started server; those that are not installed are skipped.

`python -m scripts.clients_check --install` makes their environments.
"""

import shutil

import pytest

from scripts.clients_check import (
    CLIENTS,
    FOLDER,
    asked,
    expected,
    python_of,
    started,
    with_curl,
    wrong,
)


@pytest.fixture(scope="module")
def url():
    if not any(python_of(client).exists() for client in CLIENTS) and not shutil.which("curl"):
        pytest.skip("no client is installed")
    with started() as address:
        yield address


@pytest.mark.parametrize("client", CLIENTS)
def test_a_client_gets_the_order_and_the_scores(client, url):
    if not python_of(client).exists():
        pytest.skip(f"{client} is not installed in {FOLDER}")
    orders = asked(client, url)
    assert orders
    for one in orders:
        assert wrong(one["order"], expected(url)) is None, one["client"]


@pytest.mark.skipif(not shutil.which("curl"), reason="curl is not installed")
def test_curl_gets_the_order_and_the_scores(url):
    for one in with_curl(url):
        assert wrong(one["order"], expected(url)) is None, one["client"]


def test_a_wrong_order_is_seen():
    right = [[1, 0.9], [0, 0.1]]
    assert wrong(right, right) is None
    assert "order" in wrong(right[::-1], right)
    assert "scores" in wrong([[1, 0.8], [0, 0.1]], right)
