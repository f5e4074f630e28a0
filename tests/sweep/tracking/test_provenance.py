"""Which code runs, in a repository of the test's own."""

import subprocess

import pytest

from sweep.tracking import provenance


@pytest.fixture
def file(tmp_path, monkeypatch):
    """A committed file of a fresh repository."""
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", "/dev/null")
    file = tmp_path / "package" / "code.py"
    file.parent.mkdir()
    file.write_text("one = 1\n")
    who = ["-c", "user.name=a", "-c", "user.email=a@b"]
    for words in (["init", "-q"], ["add", "."], [*who, "commit", "-qm", "first"]):
        subprocess.run(["git", "-C", tmp_path, *words], check=True)
    return file


def test_a_clean_work_tree_is_its_commit(file):
    assert len(provenance.commit(file)) == 40
    assert provenance.diff(file) == ""


def test_a_changed_one_is_dirty_and_says_what_differs_and_names_what_git_does_not_know(file):
    file.write_text("one = 2\n")
    (file.parents[1] / "notes.txt").write_text("a secret")
    assert provenance.commit(file).endswith("-dirty")
    shown = provenance.diff(file)
    assert shown.startswith("# not in the repository, and not shown: notes.txt\n")
    assert "-one = 1\n+one = 2\n" in shown
    assert "secret" not in shown


def test_a_large_difference_is_cut(file, monkeypatch):
    monkeypatch.setattr(provenance, "MAX_DIFF_CHARS", 50)
    file.write_text("one = 2\n" * 100)
    assert provenance.diff(file)[50:] == "\n# … cut\n"


def test_what_surrounds_an_installed_package_is_another_project(file):
    installed = file.with_name("installed.py")
    installed.write_text("")
    assert (provenance.commit(installed), provenance.diff(installed)) == ("", "")
    assert provenance.commit(file.parents[2] / "nowhere.py") == ""


def test_versions_are_those_that_are_installed():
    versions = provenance.versions()
    assert versions["mlflow"].startswith("3.")
    assert set(versions) == set(provenance.PACKAGES)
