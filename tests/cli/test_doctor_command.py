from secondpass.cli.main import main
from secondpass.doctor.result import Examination
from secondpass.result_file import decode


def run(capsys, *arguments):
    """Return the exit status, standard output and standard error."""
    try:
        status = main(list(arguments)) or 0
    except SystemExit as stop:
        status = stop.code
    printed = capsys.readouterr()
    return status, printed.out, printed.err


def test_a_sound_model_is_exit_0_and_json_of_the_schema(parity, capsys):
    status, out, _ = run(capsys, "doctor", str(parity / "bert"))
    found = decode(out.encode(), Examination, "examination")
    assert status == 0
    assert found.sound is True
    assert "no fault found" in found.conclusion


def test_a_broken_model_is_exit_1_and_says_what_to_do(parity, capsys):
    status, out, _ = run(capsys, "doctor", str(parity / "bert-no-pooler"), "--json")
    found = decode(out.encode(), Examination, "examination")
    assert status == 1
    assert found.sound is False
    head = next(check for check in found.checks if check.name == "head")
    assert "take the original" in head.advice


def test_a_model_that_is_not_there_is_exit_2(capsys):
    status, out, err = run(capsys, "doctor", "./nowhere")
    assert (status, out) == (2, "")
    assert "there is no model folder './nowhere'" in err


def test_an_embedding_model_is_exit_2_and_one_line(capsys):
    status, out, err = run(capsys, "doctor", "embedded/bi-encoder")
    assert (status, out, err.count("\n")) == (2, "", 1)
    assert "'embedded/bi-encoder' is an embedding model, and doctor examines cross-encoders" in err


def test_a_person_gets_a_table_and_what_to_do(parity, capsys, monkeypatch):
    from secondpass.cli import output

    monkeypatch.setattr(output, "for_a_person", lambda _: True)
    status, out, _ = run(capsys, "doctor", str(parity / "bert-no-pooler"))
    assert status == 1
    assert "head: bert.pooler.dense.weight is missing" in out
    assert "to do: the checkpoint lost its head" in out
    assert out.rstrip().endswith("do not trust it (5 passed, 2 failed, 8 not checked)")
