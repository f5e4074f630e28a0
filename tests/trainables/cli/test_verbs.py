"""What is wrong with a command is one sentence, whichever verb it is."""

import pytest
from typer.core import TyperGroup
from typer.testing import CliRunner

from sweep.cli.app import app as sweep_app
from trainables.__main__ import app as trainables_app

SWEEP, TRAINABLES = (sweep_app, "sweep"), (trainables_app, "trainables")


@pytest.mark.parametrize(
    ("program", "words", "sentence"),
    [
        (
            SWEEP,
            "front x --format xml",
            "--format must be one of table, json, csv, but got 'xml'; ",
        ),
        (SWEEP, "ls --format xml", "--format must be one of table, json, csv, but got 'xml'; "),
        (SWEEP, "status x --format csv", "--format must be one of table, json, but got 'csv'; "),
        (SWEEP, "compare x base 1 --format y", "--format must be one of table, json, csv, but got"),
        (SWEEP, "cancel x --trial seven", "--trial must be a whole number, but got 'seven'; "),
        (SWEEP, "ui --port http", "--port must be a whole number, but got 'http'; "),
        (SWEEP, "rerun x 1 --seeds 0", "--seeds must be at least 1, but got '0'; "),
        (SWEEP, "rerun x 1 --seeds -1", "--seeds must be at least 1, but got '-1'; "),
        (SWEEP, "rerun x 1 --seeds 1001", "--seeds must be at most 1000, but got '1001'; "),
        (SWEEP, "rerun x 1 --seeds 1.5", "--seeds must be a whole number, but got '1.5'; "),
        (SWEEP, "rerun x one", "TRIAL must be a whole number, but got 'one'; "),
        (SWEEP, "ui --port 0", "--port must be at least 1, but got '0'; "),
        (SWEEP, "ui --port 70000", "--port must be at most 65535, but got '70000'; "),
        (SWEEP, "front", "NAME must be given; `sweep front --help` shows what can be given."),
        (SWEEP, "run", "SPEC must be given; "),
        (SWEEP, "compare x base", "TRIAL must be given; "),
        (SWEEP, "queue move x", "--priority must be given; "),
        (SWEEP, "front x y", "got unexpected extra argument"),
        (SWEEP, "front x --al", "no such option: --al"),
        (SWEEP, "fornt x", "no such command 'fornt'. Did you mean 'front'?"),
        (SWEEP, "ls --format", "option '--format' requires an argument; "),
        (TRAINABLES, "measure", "--model must be given; "),
        (TRAINABLES, "run", "TRIAL must be given; "),
        (TRAINABLES, "rnu x", "no such command 'rnu'. Did you mean 'run'?"),
    ],
)
def test_a_wrong_command_is_one_sentence_and_exit_code_two(program, words, sentence):
    app, name = program
    ended = CliRunner().invoke(app, words.split(), prog_name=name)
    assert (ended.exit_code, ended.stdout) == (2, "")
    assert ended.stderr.startswith(sentence)
    assert len(ended.stderr.splitlines()) == 1
    assert ended.stderr.endswith("shows what can be given.\n")


@pytest.mark.parametrize("program", [SWEEP, TRAINABLES])
def test_bytes_that_are_no_text_are_one_sentence(program):
    app, name = program
    ended = CliRunner().invoke(app, ["status", "caf\udce9"], prog_name=name)
    assert (ended.exit_code, ended.stdout) == (2, "")
    assert ended.stderr == "the command must be text in UTF-8, but has 'caf\\udce9'.\n"


@pytest.mark.parametrize("program", [SWEEP, TRAINABLES])
def test_a_folder_that_was_deleted_is_one_sentence(program, tmp_path, monkeypatch):
    app, name = program
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    ended = CliRunner().invoke(app, ["--help"], prog_name=name)
    assert (ended.exit_code, ended.stdout) == (2, "")
    assert ended.stderr.startswith(
        "the command must run in a folder, but that one has been deleted"
    )


@pytest.mark.parametrize("program", [SWEEP, TRAINABLES])
def test_h_shows_the_help_as_help_does_and_so_does_no_verb(program):
    app, _ = program
    short, long = (CliRunner().invoke(app, [word]) for word in ("-h", "--help"))
    assert short.exit_code == long.exit_code == 0
    assert short.stdout == long.stdout
    none = CliRunner().invoke(app, [])
    assert none.exit_code == 2
    assert "Usage" in none.stdout + none.stderr


def test_a_file_that_cannot_be_read_is_one_sentence(tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.chdir(tmp_path)
    words = ["compare", "x", "base", "1", "--tracking-uri", "sqlite:///file/x.db"]
    ended = CliRunner().invoke(sweep_app, words)
    assert ended.exit_code in (1, 2)
    assert len(ended.stderr.splitlines()) == 1


@pytest.mark.parametrize("program", [SWEEP, TRAINABLES])
def test_ctrl_c_while_a_class_is_made_is_one_although_python_makes_an_error_of_it(
    program, monkeypatch
):
    class Interrupted:
        def __set_name__(self, owner, name):
            raise KeyboardInterrupt

    def invoke(*_):
        type("Made", (), {"attribute": Interrupted()})

    app, name = program
    monkeypatch.setattr(TyperGroup, "invoke", invoke)
    ended = CliRunner().invoke(app, ["run", "x.yaml"], prog_name=name)
    assert (ended.exit_code, ended.stdout, ended.stderr) == (130, "", "interrupted.\n")


def test_ctrl_c_in_a_verb_is_a_word(monkeypatch):
    def invoke(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(TyperGroup, "invoke", invoke)
    ended = CliRunner().invoke(sweep_app, ["ls"], prog_name="sweep")
    assert (ended.exit_code, ended.stdout, ended.stderr) == (130, "", "interrupted.\n")
