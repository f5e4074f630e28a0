"""Which code runs, in a repository of the test's own; its changes are in test_code_diff.py."""

from sweep.tracking.provenance import versions


def test_a_clean_work_tree_is_its_commit_and_a_changed_one_is_dirty(repository_file):
    assert len(versions.commit(repository_file)) == 40
    repository_file.write_text("one = 2\n")
    assert versions.commit(repository_file).endswith("-dirty")


def test_what_surrounds_an_installed_package_is_another_project(repository_file):
    installed = repository_file.with_name("installed.py")
    installed.write_text("")
    assert versions.commit(installed) == ""
    assert versions.commit(repository_file.parents[2] / "nowhere.py") == ""


def test_versions_are_those_that_are_installed():
    packages = versions.of_packages()
    assert packages["mlflow"].startswith("3.")
    assert set(packages) == set(versions.PACKAGES)
