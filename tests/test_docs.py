"""README, docs/ and AGENTS.md: lengths, links, examples of commands and specs, lists of files."""

import itertools
import json
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from sweep.cli.app import app as sweep_app
from sweep.config.check import check
from sweep.config.spec import SweepSpec
from tests.commands import commands_of
from tests.markdown import PAGES, ROOT, Page, code
from trainables.__main__ import app as trainables_app
from trainables.config import TrialConfig
from trainables.schema.yaml_file import read, validate

PACKAGES = ("trainables", "sweep", "analysis")
WIDEST, LONGEST, LONGEST_README = 120, 300, 200
COMMANDS = {
    f"{program} {name}": command
    for program, app in (("sweep", sweep_app), ("python -m trainables", trainables_app))
    for name, command in commands_of(app).items()
}
# A small spec, into which the piece of a spec is put to be checked as a whole.
SMALL = {
    "name": "example",
    "trial": {
        "model": {"path": "miniature-llama"},
        "alignment": {"data": "miniature"},
        "train": {"lr": 1e-3, "steps": 10},
        "evaluators": [{"name": "perplexity", "data": "miniature"}],
    },
    "goals": ["forgetting/general/nll_rise"],
    "budget": {"trials": 2},
}

each_page = pytest.mark.parametrize("page", [*map(Page, PAGES)], ids=lambda page: page.path.name)


def yaml_examples() -> list[Any]:
    """Return every YAML example of every page, as parameters of a test."""
    return [
        pytest.param(block.text, id=f"{page.path.name}-{number}")
        for page in map(Page, PAGES)
        for number, block in enumerate(page.blocks)
        if block.language == "yaml"
    ]


def test_the_readme_is_short_and_leads_to_every_page():
    readme = Page(ROOT / "README.md")
    assert len(readme.text.splitlines()) <= LONGEST_README
    pages = {str(path.relative_to(ROOT)) for path in PAGES} - {"README.md"}
    assert pages <= {link.partition("#")[0] for link in readme.links}


@each_page
def test_a_page_fits_a_terminal_and_its_tables_are_whole(page):
    lines = page.text.splitlines()
    assert len(lines) <= LONGEST
    assert [line for line in lines if len(line) > WIDEST] == []
    for table in page.tables:
        assert {len(row) for row in table.rows} == {len(table.head)}, table.heading


@each_page
def test_every_link_leads_to_a_file_and_to_a_heading_of_it(page):
    for link in page.links:
        if link.startswith("http"):
            continue
        name, _, anchor = link.partition("#")
        target = (page.path.parent / name).resolve() if name else page.path
        assert target.exists(), link
        assert not anchor or anchor in Page(target).anchors, link


@each_page
def test_every_reference_is_defined_and_used(page):
    defined = {name for name, _ in page.references}
    assert set(re.findall(r"\]\[([^\]]+)\]", page.prose)) <= defined
    for name in defined:
        assert len(re.findall(rf"\[{re.escape(name)}\]", page.prose)) > 1, name


def calls(page: Page) -> Iterator[list[str]]:
    """Yield the words of every call of our programs, of make and of a benchmark that a page shows."""
    for line in code(page):
        if not re.match(r"(sweep|make|python -m) ", line):
            continue
        words = shlex.shlex(line, posix=True, punctuation_chars="|&")
        words.whitespace_split = True
        for is_between, call in itertools.groupby(words, lambda word: word in ("&&", "|")):
            if not is_between:
                yield list(call)


@each_page
def test_every_command_that_is_shown_exists(page):
    """With options that it has, on a spec that exists."""
    targets = set(re.findall(r"^(\w+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    for words in calls(page):
        if words[0] == "make":
            assert set(words[1:]) <= targets, words
        elif words[0] == "python" and words[2].startswith("tests."):
            place = ROOT / words[2].replace(".", "/")
            assert place.with_suffix(".py").is_file() or (place / "__main__.py").is_file(), words
        elif words[:3] == ["python", "-m", "pytest"]:
            files = [word for word in words if word.startswith("tests/")]
            assert files, words
            assert all((ROOT / file).is_file() for file in files), words
        elif words[:3] != ["python", "-m", "trainables"] or words[3:]:
            num = 2 if words[0] == "sweep" else 4
            known = COMMANDS.get(" ".join(words[: num + 1]), COMMANDS.get(" ".join(words[:num])))
            assert known is not None, words
            options = {option for parameter in known.params for option in parameter.opts}
            assert {word for word in words if word.startswith("--")} <= {*options, "--help"}, words
            specs = [word for word in words if word.startswith("sweep/specs/")]
            assert all((ROOT / spec).is_file() for spec in specs), words


@pytest.mark.parametrize("text", yaml_examples())
def test_an_example_of_a_spec_is_valid(text, tmp_path):
    """A whole spec, a whole trial, or a piece of either, which is put into a small one."""
    tree = YAML(typ="safe", pure=True).load(text)
    path = tmp_path / "example.yaml"
    if {"model", "train"} <= tree.keys():
        path.write_text(text)
        validate(TrialConfig, read(path))
        return
    if "trial" not in tree:
        is_of_sweep = tree.keys() <= SweepSpec.model_fields.keys()
        whole = SMALL | (tree if is_of_sweep else {"trial": SMALL["trial"] | tree})
        path.write_text(json.dumps(whole))
    else:
        path.write_text(text)
    check(read(path))


def test_other_examples_are_of_languages_that_are_checked():
    """Python by test_docs_plugins.py, JSON by test_agents.py; text is output, and trees of files."""
    languages = {block.language for path in PAGES for block in Page(path).blocks}
    assert languages == {"console", "text", "yaml", "python", "json"}


def folders(package: str) -> set[str]:
    """Return the names of the folders in a package that hold more than caches of Python."""
    files = [path for path in (ROOT / package).glob("*/**/*") if path.is_file()]
    return {
        path.relative_to(ROOT / package).parts[0]
        for path in files
        if "__pycache__" not in path.parts
    }


def test_the_readme_has_every_folder_of_the_packages():
    tree = Page(ROOT / "README.md").text.partition("## Where things are")[2].partition("```\n\n")[0]
    shown: dict[str, set[str]] = {}
    for line in tree.splitlines():
        names = re.match(r"( *)((?:\w+/ *)+)", line)
        if names and not names[1]:
            package = names[2].strip(" /")
        elif names:
            shown.setdefault(package, set()).update(names[2].replace("/", " ").split())
    assert {name: shown[name] for name in PACKAGES} == {name: folders(name) for name in PACKAGES}


def test_the_pages_of_files_have_every_file_of_the_packages():
    """A line a file; plugins are listed by their names below their folder."""
    pages = [Page(ROOT / "docs" / name) for name in ("files.md", "files-of-trials.md")]
    trees = [b.text for page in pages for b in page.blocks if "__main__.py" in b.text]
    assert len(trees) == len(pages)
    shown, folder = set(), Path()
    for line in "".join(trees).splitlines():
        indent, words = len(line) - len(line.lstrip()), line.split()
        if words[0].endswith("/"):
            folder = Path(*folder.parts[: indent // 2], words[0])
            shown |= {folder / "base.py"} if "base.py" in line else set()
        elif words[0].endswith(".py"):
            shown.add(Path(*folder.parts[: indent // 2], words[0]))
        else:
            shown |= {folder / f"{name}.py" for name in words}
    files = {path.relative_to(ROOT) for name in PACKAGES for path in (ROOT / name).rglob("*.py")}
    assert files
    assert {*map(str, shown)} == {str(path) for path in files if path.name != "__init__.py"}
