"""Text and bytes of files in every encoding, packed and plain."""

import gzip

import pytest
from hypothesis import HealthCheck, assume, example, given, settings
from hypothesis import strategies as st

from trainables.data.files.decoding import open_bytes, open_text

in_one_folder = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])


def read(path):
    with open_text(path) as text:
        return text.read()


@pytest.mark.parametrize("name", ["a.txt", "a.txt.gz", "A.TXT.GZ"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
@in_one_folder
@given(st.text(min_size=1))
def test_what_is_written_is_read_back_in_every_encoding(encoding, name, tmp_path, text):
    assume("\0" not in text[:2])
    assume(encoding != "utf-8" or not text.startswith(("\ufeff", "PK\x03\x04", "PAR1")))
    contents = text.encode(encoding)
    packed = name.lower().endswith(".gz")
    (tmp_path / name).write_bytes(gzip.compress(contents, 1) if packed else contents)
    assert read(tmp_path / name) == text


@pytest.mark.parametrize("mark", ["utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be"])
def test_the_byte_order_mark_says_the_order_of_bytes(mark, tmp_path):
    (tmp_path / "a.txt").write_bytes("\ufeffé 你".encode(mark))
    assert read(tmp_path / "a.txt") == "é 你"


def test_ends_of_lines_are_kept_as_they_are(tmp_path):
    (tmp_path / "a.txt").write_bytes(b"a\r\nb\rc\n")
    assert read(tmp_path / "a.txt") == "a\r\nb\rc\n"


@in_one_folder
@given(st.text(st.characters(codec="latin-1"), min_size=1), st.integers(0, 5))
@example("\x80", 0)
@example("\xef", 0)
@example("\xef\xbb", 0)
def test_another_encoding_is_refused_with_its_first_wrong_byte_and_line(tmp_path, text, before):
    contents = b"ok\n" * before + text.encode("latin-1")
    try:
        contents.decode()
    except UnicodeDecodeError as error:
        byte, line = contents[error.start], contents[: error.start].count(b"\n") + 1
    else:
        assume(False)
    assume(not contents.startswith((b"\xff\xfe", b"\xfe\xff", b"\x1f\x8b")))
    assume(b"\0" not in contents[:2])
    (tmp_path / "a.txt").write_bytes(contents)
    with pytest.raises(
        ValueError, match=rf"a.txt, line {line}: must be UTF-8, but has the byte 0x"
    ) as e:
        read(tmp_path / "a.txt")
    assert f"0x{byte:02x}" in str(e.value)
    assert str(e.value).isprintable()


def test_a_letter_of_another_encoding_is_shown(tmp_path):
    (tmp_path / "a.txt").write_bytes("ok\r\nMenéndez".encode("latin-1"))
    with pytest.raises(ValueError, match="must be UTF-8") as caught:
        read(tmp_path / "a.txt")
    assert str(caught.value) == (
        f"{tmp_path}/a.txt, line 2: must be UTF-8, but has the byte 0xe9 ('é' in Windows-1252): save the "
        "file as UTF-8."
    )


def test_half_of_a_character_of_utf_16_is_one_sentence_with_its_line(tmp_path):
    half = "ok\n".encode("utf-16") + b"\x3d\xd8"
    (tmp_path / "a.txt").write_bytes(half)
    with pytest.raises(ValueError, match="line 2: must be UTF-16, but has the byte 0x3dd8"):
        read(tmp_path / "a.txt")


@pytest.mark.parametrize(
    ("contents", "sentence"),
    [
        (
            "a,b".encode("utf-16-le"),
            "must be UTF-8, but begins as UTF-16 without a byte-order mark",
        ),
        (
            "a,b".encode("utf-16-be"),
            "must be UTF-8, but begins as UTF-16 without a byte-order mark",
        ),
        (b"\0", "must be a file of text, but begins with NUL bytes"),
        (bytes(1000), "must be a file of text, but begins with NUL bytes"),
        ("a,b".encode("utf-32-be"), "get the file again, or save it as UTF-8"),
        (b"PK\x03\x04rest", "but is a zip file, as Excel's .xlsx is: save the table as CSV"),
        (b"PAR1rest", "but is Parquet: let its name end in .parquet"),
        (gzip.compress(b"a", mtime=0), "but is packed by gzip: let its name end in .gz"),
    ],
)
def test_a_file_of_another_kind_is_one_sentence(contents, sentence, tmp_path):
    (tmp_path / "a.csv").write_bytes(contents)
    with pytest.raises(ValueError, match="must be") as caught:
        read(tmp_path / "a.csv")
    assert sentence in str(caught.value)


WHOLE = gzip.compress(b"she left\n" * 500, mtime=0)


@pytest.mark.parametrize(
    "contents",
    [b"she left", WHOLE[:-9], WHOLE[:40], WHOLE[:15] + b"\xff" * 9 + WHOLE[24:], WHOLE + b"rest"],
    ids=["plain", "cut at its end", "cut", "damaged", "followed"],
)
def test_a_packed_file_that_is_not_whole_is_one_sentence(contents, tmp_path):
    (tmp_path / "a.txt.gz").write_bytes(contents)
    for opened in (open_bytes, open_text):
        with (
            pytest.raises(ValueError, match=r"a.txt.gz: must be whole and packed by gzip, but "),
            opened(tmp_path / "a.txt.gz") as file,
        ):
            file.read()
