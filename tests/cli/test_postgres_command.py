"""`--into` and `--index` with the address of a database."""

import json
from pathlib import Path

import pytest

from secondpass.cli.main import main
from secondpass.cli.output import command_line

PARITY = Path(__file__).parent.parent / "parity"
SECRET = "s3cr3t"
ROWS = [
    {"id": "sheep", "text": "Sheep give wool.", "year": 2021},
    {"id": "cow", "text": "Cows give milk.", "year": 1987},
    {"id": "goat", "text": "Goats give cashmere wool.", "year": 2022},
]


@pytest.fixture
def address(postgres_address):
    """The address with a password, which the server does not ask for."""
    return postgres_address.replace("secondpass@", f"secondpass:{SECRET}@", 1)


def write(rows):
    Path("rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))


def test_an_index_in_a_database_is_made_kept_current_and_searched(
    address, tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    write(ROWS)
    for into in (address, "folder"):
        main(["index", "rows.jsonl", "--into", into, "--column", "year:int"])
    said = capsys.readouterr()
    assert "3 added, 0 unchanged, 0 removed; 3 documents from 1 file" in said.out
    assert SECRET not in said.out + said.err
    rows = []
    hybrid = ["--mode", "hybrid", "--where", "year > 2000", "--model", str(PARITY / "bert")]
    for place in (address, "folder"):
        main(["search", "wool", "--index", place, "--json", *hybrid])
        said = capsys.readouterr()
        rows.append(said.out)
        assert SECRET not in said.out + said.err
    assert rows[0] == rows[1]
    assert "sheep" in rows[0]
    main(["index", "--into", address, "--delete-where", "year < 1990"])
    assert "1 deleted; 2 documents left" in capsys.readouterr().out
    write(ROWS[:2])
    main(["index", "rows.jsonl", "--into", address, "--approximate", "--json"])
    said = capsys.readouterr()
    counts = json.loads(said.out)
    assert (counts["added"], counts["unchanged"], counts["removed"]) == (1, 1, 1)
    assert "searches stay exact" in said.err
    assert SECRET not in said.out + said.err


@pytest.mark.parametrize("command", [["search", "wool"], ["mcp"], ["serve"], ["bench", "-n", "1"]])
def test_a_server_that_is_away_is_one_line_without_the_password(command, capsys):
    if command == ["mcp"]:
        pytest.importorskip("mcp", reason="the mcp extra is not installed")
    where = f"postgresql://me:{SECRET}@127.0.0.1:1/papers"
    with pytest.raises(SystemExit) as status:
        main([*command, "--index", where])
    assert status.value.code == 2
    said = capsys.readouterr()
    assert "postgresql://me@127.0.0.1:1/papers cannot be reached" in said.err
    assert SECRET not in said.out + said.err


def test_a_record_has_no_password(monkeypatch):
    given = ["secondpass", "bench", "--index", f"postgresql://me:{SECRET}@h/d?index=x", "-n", "3"]
    monkeypatch.setattr("sys.argv", given)
    assert command_line() == "secondpass bench --index 'postgresql://me@h/d?index=x' -n 3"
