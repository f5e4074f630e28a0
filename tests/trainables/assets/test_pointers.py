"""Pointers of Git LFS in place of files."""

import pytest

from trainables.assets.pointers import BEGIN, refuse_pointer


def test_a_pointer_is_told_with_what_fetches_the_file(tmp_path):
    file = tmp_path / "a.csv"
    file.write_bytes(BEGIN + b"v1\noid sha256:0123\nsize 12345\n")
    with pytest.raises(ValueError, match=r"^a.csv: must be the file itself, .* `git lfs pull`\.$"):
        refuse_pointer(file, "a.csv")


@pytest.mark.parametrize("contents", [b"", b"version: 1\n", b"text,label\n" + BEGIN])
def test_any_other_file_is_none(contents, tmp_path):
    (tmp_path / "a.csv").write_bytes(contents)
    refuse_pointer(tmp_path / "a.csv", "a.csv")
