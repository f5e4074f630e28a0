"""Printing never fails: in any encoding, into a pipe that is closed, onto a disk that is full."""

import ast
import os
import subprocess
import sys
import time

import pytest

from tests.trainables.conftest import ROOT
from trainables.cli.evaluators_help import text
from trainables.cli.streams import plain

CODE = """
import sys
from trainables.cli.streams import make_safe
make_safe()
for n in range(3):
    print(f"{n} \\u00b1 0.1 \\u2192 Men\\u00e9ndez \\u2603 \\udcff")
    sys.stdout.flush()
print("done", file=sys.stderr)
raise SystemExit(7)
"""


def run(code=CODE, redirect="", **environment):
    """Run Python code in a shell with a redirection; return (exit code, output, errors)."""
    ended = subprocess.run(
        ["bash", "-c", f'"$0" -c "$1" {redirect}', sys.executable, code],
        env=os.environ | {"PYTHONPATH": str(ROOT)} | environment,
        capture_output=True,
        timeout=60,
        check=False,
    )
    return ended.returncode, ended.stdout.decode(), ended.stderr.decode()


@pytest.mark.parametrize(
    "environment",
    [
        {"PYTHONIOENCODING": "ascii"},
        {"PYTHONIOENCODING": "ascii:strict"},
        {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
    ],
    ids=str,
)
def test_what_a_terminal_cannot_show_is_replaced(environment):
    code, output, errors = run(**environment)
    assert (code, errors) == (7, "done\n")
    assert output.splitlines()[0] == "0 +/- 0.1 -> Menendez ? ?"


def test_a_tie_is_no_question_mark_which_stands_for_what_is_not_known():
    assert "".join(map(plain, "7 ≈ 3")) == "7 ~ 3"


def test_every_character_of_a_string_that_may_be_printed_has_a_stand_in():
    """Docstrings are left out, but for what --help shows of them; so are the ranges of readers."""
    readers = {"trainables/data/text.py", "trainables/data/files/row.py"}
    shown = {*text()}
    for folder in ("sweep", "trainables", "analysis"):
        for file in {*(ROOT / folder).rglob("*.py")} - {ROOT / reader for reader in readers}:
            nodes = [*ast.walk(ast.parse(file.read_text(encoding="utf-8")))]
            docstrings = {id(node.value) for node in nodes if isinstance(node, ast.Expr)}
            constants = [
                n.value for n in nodes if isinstance(n, ast.Constant) and id(n) not in docstrings
            ]
            shown |= {character for one in constants if isinstance(one, str) for character in one}
    assert {"±", "≈", "α"} < shown
    assert {c for c in shown if not c.isascii() and plain(c) == "?"} == set()


def test_latin_1_keeps_what_it_has():
    code = CODE.replace("raise SystemExit(7)", "print(ascii(sys.stdout.encoding), file=sys.stderr)")
    ended = subprocess.run(
        [sys.executable, "-c", code],
        env=os.environ | {"PYTHONPATH": str(ROOT), "PYTHONIOENCODING": "latin-1"},
        capture_output=True, timeout=60, check=True,
    )  # fmt: skip
    assert ended.stdout.decode("latin-1").splitlines()[0] == "0 ± 0.1 -> Menéndez ? ?"


def test_utf_8_keeps_all_but_halves_of_characters():
    code, output, _ = run(PYTHONIOENCODING="utf-8")
    assert code == 7
    assert output.splitlines()[0] == "0 ± 0.1 → Menéndez ☃ ?"


def test_a_full_disk_is_said_once_and_the_rest_goes_on():
    code, output, errors = run(redirect="> /dev/full")
    assert (code, output) == (7, "")
    assert errors.splitlines() == [
        "the output cannot be written: No space left on device.", "done"
    ]  # fmt: skip


@pytest.mark.parametrize("redirect", [">&-", "2>&-", ">&- 2>&-", "<&- >&- 2>&-", "2> /dev/full"])
def test_streams_that_are_closed_or_full_change_no_exit_code(redirect):
    code, output, errors = run(redirect=redirect)
    assert code == 7
    assert "Error" not in output + errors


def test_a_reader_that_is_slow_gets_everything_through_a_pipe_that_does_not_block():
    """Such a pipe is what some programs give to their children."""
    code = "from trainables.cli.streams import make_safe\nmake_safe()\nprint('x' * 300_000)"
    reads, writes = os.pipe()
    os.set_blocking(writes, False)
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    process = subprocess.Popen([sys.executable, "-c", code], stdout=writes, env=environment)
    os.close(writes)
    with open(reads, "rb") as pipe:
        time.sleep(2)  # until more is written than the pipe holds
        assert len(pipe.read()) == 300_001
    assert process.wait(60) == 0


def test_a_reader_that_has_gone_is_nothing_to_report():
    code, output, errors = run(redirect="| head -n 1; exit ${PIPESTATUS[0]}")
    assert (code, errors) == (7, "done\n")
    assert len(output.splitlines()) == 1


def test_what_a_child_process_prints_ends_in_no_file_that_was_opened_since(tmp_path):
    code = f"""
import subprocess
from trainables.cli.streams import make_safe
make_safe()
with open({str(tmp_path / "data")!r}, "w") as file:
    file.write("whole")
    file.flush()
    subprocess.run(["echo", "printed"])
"""
    assert run(code, ">&-")[0] == 0
    assert (tmp_path / "data").read_text() == "whole"


def test_what_is_printed_without_a_buffer_is_there_however_the_process_ends():
    code = "import os; from trainables.cli.streams import make_safe, say; make_safe(); say('x'); os._exit(3)"
    for unbuffered in ("1", ""):
        assert run(code, PYTHONUNBUFFERED=unbuffered) == (3, "", "x\n")


@pytest.mark.parametrize(
    ("tell", "kind"),
    [
        ("import logging; logging.getLogger('a').warning('%s', text)", ""),
        ("import warnings; warnings.warn(text)", "UserWarning: "),
    ],
)
def test_what_is_logged_or_warned_of_is_shown_without_secrets_and_control_characters(tell, kind):
    code = (
        "from trainables.cli.streams import make_safe\nmake_safe()\n"
        f"text = 'http://me:hunter2@host/ \x1b[31mred'\n{tell}"
    )
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert shown.stderr == f"{kind}http://me:***@host/ \\x1b[31mred\n"
