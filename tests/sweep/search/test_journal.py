"""A journal that was damaged is one sentence with the file and the line, and is left as it is."""

import re
import uuid

import pytest

from sweep.config.check import load
from sweep.search.study import delete_study, open_study
from sweep.search.versions import version_for
from sweep.tracking.whole_file import DamagedFile
from tests.sweep.search.test_searcher import result, searcher


@pytest.fixture
def spec(tiny):
    return load(tiny)[0]


@pytest.fixture
def journal(spec, tmp_path):
    """A journal of a search of which two trials have ended, and of a second process that opened it."""
    path = tmp_path / "search.journal"
    search, study, _ = searcher(spec, path)
    version_for(spec.trial, study)
    for number in ("0", "1"):
        search.suggest(number)
        search.on_trial_complete(number, result(1.5, 2.5))
    open_study(path, spec)
    return path


def damage(path, number, line):
    """Write another line in place of that with a number, from 1."""
    lines = path.read_bytes().splitlines(keepends=True)
    lines[number - 1] = line.encode() + b"\n"
    path.write_bytes(b"".join(lines))


def refused(path, spec):
    """The sentence with which a journal is refused; what is in the file must stay."""
    before = path.read_bytes()
    with pytest.raises(DamagedFile) as caught:
        open_study(path, spec)
    assert path.read_bytes() == before
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("garbage{", "is no JSON"),
        ("\udcff".encode("utf-8", "surrogateescape").decode("latin-1"), "is no JSON"),
        ("", "is no JSON"),
        ("[" * 100_000, "is no JSON"),
        ("[]", "has no op_code from 0 to 10"),
        ("7", "has no op_code from 0 to 10"),
        ("{}", "has no op_code from 0 to 10"),
        ('{"op_code":99}', "has no op_code from 0 to 10"),
        ('{"op_code":"x"}', "has no op_code from 0 to 10"),
        ('{"op_code":true}', "has no op_code from 0 to 10"),
        ('{"op_code":4}', "cannot be applied (KeyError('study_id'))"),
        ('{"op_code":2,"study_id":0,"user_attr":{}}', "cannot be applied (AssertionError("),
        ('{"op_code":2,"study_id":[],"user_attr":{}}', "cannot be applied (TypeError("),
    ],
)
def test_a_line_that_is_none_of_optunas_is_told_with_its_number(journal, spec, line, reason):
    damage(journal, 3, line)
    start = f"{journal}:3 must be an entry of Optuna's journal, but {reason}"
    assert refused(journal, spec).startswith(start)


def test_a_journal_that_was_doubled_is_refused(journal, spec):
    content = journal.read_bytes()
    journal.write_bytes(content * 2)
    number = len(content.splitlines()) + 1
    assert f"{journal}:{number} must be an entry of Optuna's journal, but repeats line 1:" in (
        refused(journal, spec)
    )


@pytest.mark.parametrize("code", [4, 6], ids=["begin", "end"])
def test_a_trial_that_begins_or_ends_twice_is_refused(journal, spec, code):
    lines = journal.read_text().splitlines()
    number, line = next((n, x) for n, x in enumerate(lines, 1) if f'"op_code":{code},' in x)
    journal.write_text("\n".join([*lines, line]) + "\n")
    assert (
        f":{len(lines) + 1} must be an entry of Optuna's journal, but repeats line {number}:"
        in (refused(journal, spec))
    )


@pytest.mark.parametrize(
    ("costs", "shown"),
    [
        ("[NaN, 2.5]", "[nan, 2.5]"),
        ("[Infinity, 2.5]", "[inf, 2.5]"),
        ('["x", 2.5]', "['x', 2.5]"),
        ("[null, 2.5]", "[None, 2.5]"),
        ("[true, 2.5]", "[True, 2.5]"),
        (f"[1{'0' * 400}, 2.5]", f"[1{'0' * 77}…"),
        ("7", "7"),
        ('{"a": 1}', "{'a': 1}"),
    ],
)
def test_costs_that_are_no_finite_numbers_are_refused(journal, spec, costs, shown):
    text = journal.read_text()
    journal.write_text(re.sub(r"\[1\.5,[^]]*\]", costs, text, count=1))
    assert f"must have finite numbers as costs, and has {shown}" in refused(journal, spec)


def test_each_process_may_open_the_study_and_what_a_killed_writer_left_is_cut_off(journal, spec):
    content = journal.read_bytes()
    journal.write_bytes(content + b'{"op_code":6,"worker_id":"' + uuid.uuid4().hex.encode())
    for _ in range(2):
        assert [trial.values for trial in open_study(journal, spec).trials] == [[1.5, 2.5]] * 2
    assert journal.read_bytes().startswith(content)
    assert len(journal.read_bytes().splitlines()) == len(content.splitlines()) + 2


@pytest.mark.parametrize("use", [open_study, lambda path, spec: delete_study(path, spec.name)])
def test_a_folder_where_the_journal_must_be_is_one_sentence(spec, tmp_path, use):
    (tmp_path / "search.journal").mkdir()
    with pytest.raises(
        DamagedFile, match=r"search\.journal must be a file, .* but is a folder: move"
    ):
        use(tmp_path / "search.journal", spec)


@pytest.mark.parametrize("there", ['{"op_code":', None])
def test_a_link_in_the_place_of_the_journal_is_refused_and_not_followed(spec, tmp_path, there):
    victim = tmp_path / "victim"
    if there:
        victim.write_text(there)
    (tmp_path / "search.journal").symlink_to(victim)
    with pytest.raises(
        DamagedFile, match=r"search\.journal must be a file, .* but is a link: move"
    ):
        open_study(tmp_path / "search.journal", spec)
    assert (victim.read_text() if victim.exists() else None) == there


def test_a_last_line_without_its_line_break_is_kept(journal, spec):
    whole = journal.read_bytes()
    journal.write_bytes(whole[:-1])
    open_study(journal, spec)
    assert journal.read_bytes().startswith(whole)


@pytest.mark.parametrize("content", ["notes of mine, without a line break", '{"a": 1', "[1"])
def test_a_file_of_another_program_is_refused_and_left_as_it_is(content, tmp_path, spec):
    path = tmp_path / "search.journal"
    path.write_text(content)
    assert f"{path}:1 must be an entry of Optuna's journal, but is no JSON" in refused(path, spec)


def test_a_refused_journal_keeps_its_unfinished_line(journal, spec):
    damage(journal, 2, "garbage{")
    with journal.open("ab") as file:
        file.write(b'{"op_code":6,"tri')
    assert "search.journal:2 must be" in refused(journal, spec)


@pytest.mark.parametrize("length", [1, 5, 11, 30, 60])
def test_a_journal_cut_anywhere_in_its_last_line_loses_that_line_alone(length, journal, spec):
    whole = journal.read_bytes()
    start = whole.rstrip(b"\n").rfind(b"\n") + 1
    journal.write_bytes(whole[: start + length])
    open_study(journal, spec)
    assert journal.read_bytes().startswith(whole[:start])


def test_zeros_that_a_power_cut_has_left_behind_the_last_line_are_cut_off(journal, spec):
    open_study(journal, spec)
    whole = journal.read_bytes()
    with journal.open("ab") as file:
        file.write(bytes(3000))
    open_study(journal, spec)
    assert journal.read_bytes().startswith(whole)
    assert b"\0" not in journal.read_bytes()
