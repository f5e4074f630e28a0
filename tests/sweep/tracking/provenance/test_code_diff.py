"""The changes of the code, in a repository of the test's own."""

import time

import pytest

from sweep.tracking.provenance.code_diff import MAX_CHARS, code_diff

KEY = "S3cr3tValue99"


def test_a_clean_work_tree_has_no_changes(repository_file):
    assert code_diff(repository_file) == ("", "")
    installed = repository_file.with_name("installed.py")
    installed.write_text("")
    assert code_diff(installed) == ("", ""), "whatever surrounds a package is another project"


def test_a_changed_one_says_what_differs_and_names_what_git_does_not_know(repository_file):
    repository_file.write_text("one = 2\n")
    (repository_file.parents[1] / "notes.txt").write_text(KEY)
    text, about = code_diff(repository_file)
    assert text.startswith("# not in the repository, and not shown: notes.txt\n")
    assert "-one = 1\n+one = 2\n" in text
    assert KEY not in text
    assert about == "1 changed file, 0 kB"


def test_keys_in_changed_lines_are_masked_whether_they_come_or_go(repository_file, monkeypatch):
    monkeypatch.setenv("MY_TOKEN", "plainword77")
    settings = repository_file.parents[1] / "settings.yaml"
    settings.write_text(
        f"password: {KEY}\nurl: postgresql://me:{KEY}@host/x\nnamed: hf_{'aB3' * 10}\n"
        f'{{"token": "{KEY}", "x": 1}}\nexport X_KEY={KEY}\nplain: plainword77\nkept: 1\n'
    )
    repository_file.write_text(
        f"-----BEGIN RSA PRIVATE KEY-----\n{KEY}\n-----END RSA PRIVATE KEY-----\n"
    )
    text, about = code_diff(repository_file)
    assert about.startswith("2 changed files")
    assert KEY not in text
    assert "plainword77" not in text
    assert "hf_" not in text
    assert "+password: ***\n+url: postgresql://me:***@host/x\n" in text
    assert "+kept: 1" in text


@pytest.mark.parametrize("name", [".env", "package/id_rsa", "package/Client.PEM"])
def test_a_file_that_holds_secrets_by_its_name_is_left_out_and_named(repository_file, name):
    root = repository_file.parents[1]
    (root / name).write_text("anything at all\n")
    text, about = code_diff(repository_file)
    assert text == f"# it may hold secrets, and is not shown: {name}\n"
    assert about == f"0 changed files, 0 kB; without {name}"
    repository_file.write_text("one = 2\n")
    text, about = code_diff(repository_file)
    assert "+one = 2\n" in text
    assert "anything" not in text
    assert about == f"1 changed file, 0 kB; without {name}"


def test_new_files_alone_are_named_and_nothing_is_said_of_them(repository_file):
    repository_file.with_name("notes.txt").write_text("new")
    text, about = code_diff(repository_file)
    assert "notes.txt" in text
    assert about == ""


@pytest.mark.long
def test_a_long_patch_is_cut_and_a_large_file_is_not_read(repository_file):
    repository_file.write_text("one = 2\n" * MAX_CHARS)
    large = repository_file.parents[1] / "large.txt"
    with large.open("wb") as file:
        file.truncate(3 * 10**8)
        file.write(b"tail\n")
    began = time.monotonic()
    text, _ = code_diff(repository_file)
    assert time.monotonic() - began < 20
    assert len(text) <= MAX_CHARS + len("\n# … cut\n")
    assert "large.txt differ" in text
    repository_file.write_text("# a line of code, and no more than that\n" * 20_000)
    assert code_diff(repository_file).text.endswith("\n# … cut\n")


def test_half_a_secret_at_the_end_of_a_long_patch_is_left_out_though_masking_shortens_it(
    repository_file, monkeypatch
):
    monkeypatch.setattr("sweep.tracking.provenance.code_diff.MAX_CHARS", 20_000)
    secrets = [f"print('hf_{'aB3' * 100}')\n"] * 200
    for num_before in range(0, 320, 20):
        repository_file.write_text("".join(["#" * num_before + "\n", *secrets]))
        text = code_diff(repository_file).text
        assert "aB3" not in text
        assert text.endswith("\n# … cut\n")


def test_a_patch_that_git_does_not_write_to_its_end_in_time_is_said_to_be_cut(
    repository_file, monkeypatch
):
    repository_file.write_text("".join(f"{number} = 1\n" for number in range(20_000)))
    monkeypatch.setattr("sweep.tracking.provenance.code_diff.MAX_S", 0.0)
    assert code_diff(repository_file).text.endswith("\n# … cut\n")


def test_many_files_that_git_does_not_know_leave_room_for_the_changes(repository_file):
    for number in range(150):
        (repository_file.parent / f"new{number}.py").touch()
    repository_file.write_text("one = 2\n")
    text = code_diff(repository_file).text
    assert text.count("not in the repository") == 100
    assert "# and 50 more files\n" in text
    assert "+one = 2" in text
