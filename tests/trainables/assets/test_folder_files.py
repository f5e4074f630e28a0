"""The files of a folder that count."""

import pytest

from trainables.assets import cache, folder_files
from trainables.assets.folder_files import TooMany, files_below


def test_hidden_files_and_compiled_code_do_not_count(tmp_path):
    for name in ("b.txt", "a/c.txt", ".hidden/d.txt", "a/.e.txt", "a/__pycache__/f.pyc"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(name)
    assert list(files_below(tmp_path)) == ["a/c.txt", "b.txt"]


def test_what_links_lead_to_counts_wherever_it_lies(tmp_path):
    folder, outside = tmp_path / "folder", tmp_path / "outside"
    folder.mkdir()
    outside.mkdir()
    (outside / "a.jinja").write_text("one")
    (outside / "b.txt").write_text("two")
    (folder / "templates").symlink_to(outside)
    (folder / "b.txt").symlink_to(outside / "b.txt")
    assert list(files_below(folder)) == ["b.txt", "templates/a.jinja", "templates/b.txt"]
    digests = [cache.digest(folder)]
    for name in ("a.jinja", "b.txt"):
        (outside / name).write_text("other")
        digests.append(cache.digest(folder))
    assert len(set(digests)) == 3


def test_links_that_lead_nowhere_or_round_and_round_end(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "up").symlink_to(tmp_path)
    (tmp_path / "a" / "self").symlink_to("self")
    (tmp_path / "a" / "gone").symlink_to("absent")
    (tmp_path / "a" / "b.txt").write_text("b")
    assert list(files_below(tmp_path)) == ["a/b.txt"]


def test_a_folder_that_links_to_more_than_can_be_looked_at_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(folder_files, "MAX_ENTRIES", 20)
    (tmp_path / "system").symlink_to("/usr")
    with pytest.raises(TooMany, match="must be a folder of at most 20 files, its links followed"):
        files_below(tmp_path)


@pytest.mark.parametrize("depth", [101, 1100])
def test_folders_deeper_than_can_be_looked_at_are_refused(depth, nested, tmp_path):
    nested(tmp_path, "d", depth)
    sentence = r"must have at most 100 folders in one another, but has more, d/d/\S+ for one: give"
    with pytest.raises(TooMany, match=sentence):
        files_below(tmp_path)


def test_folders_as_deep_as_can_be_looked_at_are_read(nested, tmp_path):
    nested(tmp_path, "d", 100)
    (tmp_path / "d" / "a.txt").write_text("a")
    (tmp_path / ("d/" * 100) / "b.txt").write_text("b")
    assert len(files_below(tmp_path)) == 2


def test_a_folder_that_is_gone_is_an_error_of_the_system(tmp_path):
    with pytest.raises(FileNotFoundError):
        files_below(tmp_path / "absent")
