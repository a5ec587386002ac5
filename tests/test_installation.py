"""The pip line of an error is one that works for what is installed."""

import json
from importlib.metadata import PackageNotFoundError

import pytest

from secondpass import MissingExtraError
from secondpass.installation import install_line


class Distribution:
    """An installed package, by what pip noted of where it is from."""

    def __init__(self, noted):
        self.noted = noted

    def read_text(self, name):
        assert name == "direct_url.json"
        return self.noted


@pytest.fixture
def installed(monkeypatch):
    """Pretend that the package was installed as pip notes it."""

    def pretend(noted):
        text = noted if isinstance(noted, str | None) else json.dumps(noted)
        monkeypatch.setattr("secondpass.installation.distribution", lambda _: Distribution(text))

    return pretend


def test_from_a_clone(installed, tmp_path):
    place = tmp_path / "a clone"
    place.mkdir()
    installed({"url": place.as_uri(), "dir_info": {}})
    assert install_line("measure") == f"pip install '{place}[measure]'"
    installed({"url": place.as_uri(), "dir_info": {"editable": True}})
    assert install_line("measure") == f"pip install -e '{place}[measure]'"


def test_from_a_wheel(installed, tmp_path):
    wheel = tmp_path / "secondpass-0.1.0-py3-none-any.whl"
    wheel.touch()
    installed({"url": wheel.as_uri(), "archive_info": {}})
    assert install_line("search") == f"pip install '{wheel}[search]'"


def test_from_a_repository_or_a_server(installed):
    url = "https://example.org/secondpass.git"
    installed({"url": url, "vcs_info": {"vcs": "git", "commit_id": "0"}})
    assert install_line("int8") == f"pip install 'secondpass[int8] @ git+{url}'"
    installed({"url": "https://example.org/secondpass.whl", "archive_info": {}})
    assert install_line("int8") == (
        "pip install 'secondpass[int8] @ https://example.org/secondpass.whl'"
    )


@pytest.mark.parametrize(
    "noted", [None, "", "{}", "not json", "[]", '{"url": "file:///not/there/any/more"}']
)
def test_where_it_is_from_is_not_known_or_gone(installed, noted):
    installed(noted)
    assert install_line("torch") == "pip install '.[torch]', in a clone of secondpass"


def test_run_from_the_source(monkeypatch):
    def missing(name):
        raise PackageNotFoundError(name)

    monkeypatch.setattr("secondpass.installation.distribution", missing)
    assert str(MissingExtraError("Index", "search")) == (
        "Index needs the extra 'search': pip install '.[search]', in a clone of secondpass"
    )
