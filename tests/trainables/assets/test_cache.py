"""The cache folder, with real processes, some of which are killed."""

import ast
import hashlib
import importlib
import logging
import operator
import os
import signal
import subprocess
import sys
import textwrap
import time
from hashlib import sha256
from pathlib import Path

import platformdirs
import pytest

from trainables.assets import cache
from trainables.assets.cache import cache_dir, digest, once, source_digest
from trainables.assets.errors import AssetError

ROOT = Path(cache.__file__).parents[2]


def start(code: str) -> subprocess.Popen:
    command = [sys.executable, "-c", textwrap.dedent(code)]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    return subprocess.Popen(command, cwd=ROOT, text=True, **pipes)


def must_not_build(folder: Path) -> None:
    raise AssertionError(f"{folder} was built again")


def write_pair(folder: Path) -> None:
    (folder / "sub").mkdir()
    (folder / "a.txt").write_text("first")
    (folder / "sub" / "b.txt").write_text("second")


# cache_dir


def test_the_cache_is_where_the_user_says(monkeypatch, tmp_path):
    assert cache_dir() == tmp_path / "cache"
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("EQUIPOISE_CACHE", "~/mine")
    assert cache_dir() == tmp_path / "mine"


def test_without_a_setting_the_cache_is_where_the_system_has_caches(monkeypatch):
    monkeypatch.setenv("EQUIPOISE_CACHE", "")
    assert cache_dir() == Path(platformdirs.user_cache_dir("equipoise"))
    monkeypatch.delenv("EQUIPOISE_CACHE")
    assert cache_dir() == Path(platformdirs.user_cache_dir("equipoise"))


# source_digest


def test_a_digest_of_sources_depends_on_the_files_alone():
    one, two = source_digest("assets/cache.py"), source_digest("assets/cache.py", "assets/hub.py")
    assert one == sha256(Path(cache.__file__).read_bytes()).hexdigest()
    assert one != two
    assert source_digest("assets/hub.py", "assets/cache.py", "assets/cache.*") == two
    assert source_digest("regularisers") == source_digest("regularisers/*.py")


@pytest.mark.parametrize(
    "pattern", ["no/such/*.txt", "moved.py", "objectives/*.txt", "no_such_room"]
)
def test_a_pattern_without_a_match_is_refused_whatever_else_matches(pattern):
    with pytest.raises(ValueError, match=r"must match source files .* but matches none") as refusal:
        source_digest("assets/cache.py", pattern)
    assert repr(pattern) in str(refusal.value)


def callers() -> list[tuple[str, ast.Call]]:
    """Return (module, call) of every call of `source_digest` in our packages."""
    calls = []
    for package in ("trainables", "sweep", "analysis"):
        files = sorted((ROOT / package).rglob("*.py"))
        assert files, package
        for file in files:
            for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Call) and ast.unparse(node.func).endswith("source_digest"):
                    module = ".".join(file.relative_to(ROOT).with_suffix("").parts)
                    calls.append((module, node))
    return calls


def patterns_of(argument: ast.expr, module: str) -> list[str]:
    """Return the patterns that an argument of such a call stands for: a string, or *NAME."""
    if isinstance(argument, ast.Constant):
        return [argument.value]
    assert isinstance(argument, ast.Starred), ast.unparse(argument)
    return list(operator.attrgetter(ast.unparse(argument.value))(importlib.import_module(module)))


def test_every_call_of_source_digest_names_files_that_exist():
    calls = callers()
    assert len(calls) >= 5
    for module, call in calls:
        patterns = [p for argument in call.args for p in patterns_of(argument, module)]
        assert patterns, module
        assert source_digest(*patterns) != sha256(b"").hexdigest(), module


# once


def test_four_processes_at_a_time_build_once(tmp_path):
    builds = tmp_path / "builds"
    code = f"""
        import time
        from trainables.assets.cache import once

        def build(folder):
            with open({str(builds)!r}, "a") as log:
                log.write("built\\n")
            time.sleep(0.5)
            (folder / "a.txt").write_text("whole")

        print((once("thing", build) / "a.txt").read_text())
    """
    processes = [start(code) for _ in range(4)]
    assert [process.communicate()[0] for process in processes] == ["whole\n"] * 4
    assert builds.read_text() == "built\n"


def test_a_killed_builder_leaves_nothing_usable_and_the_next_call_builds():
    builder = start("""
        import time
        from trainables.assets.cache import once

        def build(folder):
            (folder / "a.txt").write_text("half")
            print("half", flush=True)
            time.sleep(60)

        once("thing", build)
    """)
    assert builder.stdout.readline() == "half\n"
    builder.send_signal(signal.SIGKILL)
    builder.communicate()
    assert list(cache_dir().glob(".thing.*.partial/a.txt")), "the killed builder left its half"
    assert not (cache_dir() / "thing").exists()
    folder = once("thing", write_pair)
    assert (folder / "a.txt").read_text() == "first"
    assert not list(cache_dir().glob("*.partial")) + list(cache_dir().glob(".*.partial"))


def test_a_build_that_fails_leaves_nothing_and_its_error_comes_through():
    def build(folder: Path) -> None:
        (folder / "a.txt").write_text("half")
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        once("thing", build)
    assert [path.name for path in cache_dir().iterdir()] == [".thing.lock"]


def test_a_folder_that_was_built_is_used_again():
    folder = once("some/thing", write_pair)
    assert folder == cache_dir() / "some/thing"
    assert once("some/thing", must_not_build) == folder


def test_hidden_files_in_a_folder_do_not_matter():
    folder = once("thing", write_pair)
    (folder / ".DS_Store").write_text("left by a file browser")
    assert once("thing", must_not_build) == folder


@pytest.mark.parametrize(
    "damage",
    [
        lambda folder: (folder / "a.txt").write_text("FIRST"),
        lambda folder: (folder / "a.txt").write_text("fir"),
        lambda folder: (folder / "sub/b.txt").unlink(),
        lambda folder: (folder / "c.txt").write_text("a guest"),
        lambda folder: (folder / cache.MANIFEST).write_text("{"),
        lambda folder: (folder / cache.MANIFEST).unlink(),
    ],
    ids=["changed", "cut short", "missing", "added", "manifest broken", "manifest missing"],
)
def test_a_folder_that_has_changed_is_built_again(damage, caplog):
    folder = once("thing", write_pair)
    damage(folder)
    with caplog.at_level(logging.WARNING):
        once("thing", write_pair)
    assert "built again" in caplog.text
    assert (folder / "a.txt").read_text() == "first"
    assert {path.name for path in folder.iterdir()} == {"a.txt", "sub", cache.MANIFEST}
    once("thing", must_not_build)


def test_a_large_file_cut_short_is_built_again(caplog):
    def build(folder: Path) -> None:
        with (folder / "weights").open("wb") as stream:
            stream.truncate(cache.MIN_LARGE_BYTES + 1)

    folder = once("thing", build)
    os.truncate(folder / "weights", cache.MIN_LARGE_BYTES)
    once("thing", build)
    assert (folder / "weights").stat().st_size == cache.MIN_LARGE_BYTES + 1


def test_a_large_file_that_keeps_its_size_and_is_another_is_built_again():
    def build(folder: Path) -> None:
        (folder / "tokens").write_bytes(bytes(cache.MIN_LARGE_BYTES))

    tokens = once("thing", build) / "tokens"
    times = tokens.stat()
    with tokens.open("r+b") as stream:
        stream.write(b"other")
    os.utime(tokens, ns=(times.st_atime_ns, times.st_mtime_ns))
    once("thing", build)
    assert tokens.read_bytes() == bytes(cache.MIN_LARGE_BYTES)


def test_a_cache_that_cannot_be_written_is_one_clear_sentence(tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv("EQUIPOISE_CACHE", str(tmp_path / "file"))
    with pytest.raises(AssetError, match=r"cannot be written.*set EQUIPOISE_CACHE"):
        once("thing", write_pair)


# digest


def test_a_digest_depends_on_names_and_contents_and_not_on_the_place(tmp_path):
    for name in ("here", "there"):
        (tmp_path / name).mkdir()
        write_pair(tmp_path / name)
    here, there = tmp_path / "here", tmp_path / "there"
    assert digest(here) == digest(there)
    (there / ".hidden").write_text("ignored")
    assert digest(here) == digest(there)
    (there / "a.txt").rename(there / "c.txt")
    assert digest(here) != digest(there)
    assert digest(here / "a.txt") == sha256(b"first").hexdigest() == digest(there / "c.txt")
    with pytest.raises(FileNotFoundError):
        digest(tmp_path / "nowhere")


@pytest.fixture
def num_hashed(monkeypatch):
    """Return a function that returns how many files have been hashed."""
    hashed = []
    real = hashlib.file_digest
    monkeypatch.setattr(hashlib, "file_digest", lambda *args: hashed.append(args) or real(*args))
    return lambda: len(hashed)


def settled(*paths):
    """Wait until files were written so long ago that they count as settled."""
    last = max(path.stat().st_ctime_ns for path in paths)
    while time.time_ns() - last <= cache.SETTLED_NS:
        time.sleep(0.1)


def test_a_large_file_is_hashed_once_until_it_changes(tmp_path, num_hashed):
    large = tmp_path / "large"
    with large.open("wb") as stream:
        stream.truncate(cache.MIN_LARGE_BYTES)
    settled(large)
    first = digest(large)
    assert [file.read_text() for file in (cache_dir() / "digests").iterdir()] == [first]
    cache._known.clear()  # as in another process
    assert digest(large) == first == sha256(bytes(cache.MIN_LARGE_BYTES)).hexdigest()
    assert num_hashed() == 1
    for file in (cache_dir() / "digests").iterdir():
        file.write_bytes(bytes(64))  # as a power cut may leave it
    cache._known.clear()
    assert digest(large) == first
    with large.open("r+b") as stream:
        stream.write(b"changed")
    os.utime(large, ns=(0, 1))
    assert digest(large) != first


def test_a_folder_that_stays_as_it_is_is_hashed_once(tmp_path, num_hashed):
    write_pair(tmp_path)
    settled(*tmp_path.rglob("*.txt"))
    first = digest(tmp_path)
    assert [digest(tmp_path) for _ in range(3)] == [first] * 3
    assert num_hashed() == 2


def test_a_change_that_keeps_size_and_time_of_a_file_is_seen(tmp_path):
    file = tmp_path / "a.csv"
    file.write_text("first")
    settled(file)
    first, status = digest(file), file.stat()
    file.write_text("other")
    os.utime(file, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert file.stat().st_mtime_ns == status.st_mtime_ns
    assert digest(file) != first


def test_a_file_that_was_just_written_is_hashed_again(tmp_path):
    """Two writes in a tick of the disk's clock give a file the same size and times."""
    file = tmp_path / "a.csv"
    for number in range(200):
        file.write_text(f"{number:03}")
        assert digest(file) == sha256(f"{number:03}".encode()).hexdigest()


def test_files_that_change_while_they_are_read_are_one_sentence(tmp_path):
    file = tmp_path / "a.csv"
    file.write_text("first")
    first = digest(file)
    with cache.unchanged_while_read(first, "a.csv", lambda: digest(file)):
        assert file.read_text() == "first"
    with (
        pytest.raises(cache.Changed, match=r"a.csv must stay as it is while it is read, but has"),
        cache.unchanged_while_read(first, "a.csv", lambda: digest(file)),
    ):
        file.write_text("other")


@pytest.mark.parametrize("is_folder", [False, True])
def test_files_that_were_others_while_they_were_read_are_one_sentence(is_folder, tmp_path):
    file = tmp_path / "folder" / "a.csv"
    file.parent.mkdir()
    file.write_text("first")
    read = file.parent if is_folder else file
    settled(file)
    first, status = digest(read), file.stat()

    def put_and_put_back():
        file.write_text("other")
        file.write_text("first")
        os.utime(file, ns=(status.st_atime_ns, status.st_mtime_ns))

    with (
        pytest.raises(cache.Changed, match=r"a.csv must stay as it is while it is read, but has"),
        cache.unchanged_while_read(first, "a.csv", lambda: digest(read)),
    ):
        put_and_put_back()
    assert digest(read) == first


def test_a_block_has_the_looks_within_it_alone(tmp_path):
    file = tmp_path / "a.csv"
    file.write_text("first")
    digest(file)
    with cache.looks_within() as outer:
        first = digest(file)
        with cache.looks_within() as inner:
            file.write_text("other")
            other = digest(file)
    digest(file)
    assert [look.digest for look in inner] == [other]
    assert {look.digest for look in outer} == {first, other}
    assert {look.path for look in outer} == {file}


def test_what_has_no_end_has_no_digest(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", Path("/dev/zero")):
        with pytest.raises(ValueError, match=r"must be a file or a folder, but is a pipe"):
            cache.digest(path)
