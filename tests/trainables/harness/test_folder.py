"""The folder of the user's own tasks."""

import pytest

from trainables.harness import folder


def test_the_folder_is_known_by_its_absolute_path(tmp_path, monkeypatch):
    (tmp_path / "tasks").mkdir()
    (tmp_path / "tasks" / "mine.yaml").write_text("task: mine\n")
    monkeypatch.chdir(tmp_path)
    folder.use(type(tmp_path)("tasks"))
    assert folder.current_path() == tmp_path / "tasks"
    folder.use(None)
    assert folder.current() is None


def test_a_changed_folder_is_told_from_what_it_was(tmp_path):
    (tmp_path / "mine.yaml").write_text("task: mine\n")
    folder.use(tmp_path)
    before = folder.current()
    folder.use(tmp_path)
    assert folder.current() == before
    (tmp_path / "mine.yaml").write_text("task: yours\n")
    folder.use(tmp_path)
    assert folder.current() != before


def test_what_is_no_folder_of_tasks_is_refused_and_the_one_before_stays(tmp_path):
    before = folder.current()
    for path, found in ((tmp_path, "has none"), (tmp_path / "absent", "is no folder")):
        with pytest.raises(ValueError, match=rf"--harness-tasks must be a folder .* {found}\.$"):
            folder.use(path)
    assert folder.current() == before


def test_a_folder_is_shown_in_one_line(tmp_path):
    with pytest.raises(ValueError, match=r"/a\\nb is no folder\.$"):
        folder.use(tmp_path / "a\nb")


@pytest.mark.parametrize(("limit", "most"), [("MAX_FILES", 1), ("MAX_BYTES", 11)])
def test_a_folder_with_far_more_than_tasks_is_refused(limit, most, tmp_path, monkeypatch):
    monkeypatch.setattr(folder, limit, most)
    (tmp_path / "mine.yaml").write_text("task: mine\n")
    folder.use(tmp_path)
    (tmp_path / "other.txt").write_text("other")
    with pytest.raises(
        ValueError, match=r"at most .* but .* has 2 files and .* the tasks alone\.$"
    ):
        folder.use(tmp_path)
    folder.use(None)


@pytest.mark.parametrize(
    ("name", "sentence"),
    [("d", "must have at most 100 folders in one another"), (".d", "has hidden folders that lie")],
)
def test_a_folder_of_far_too_deep_folders_is_refused(name, sentence, nested, tmp_path):
    (tmp_path / "mine.yaml").write_text("task: mine\n")
    nested(tmp_path, name, 1100)
    with pytest.raises(ValueError, match=sentence):
        folder.use(tmp_path)
