"""Markdown pages, taken apart for the tests of the documentation: sections, tables, links, examples."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", ROOT / "AGENTS.md", *sorted((ROOT / "docs").glob("*.md"))]

FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)


@dataclass(frozen=True)
class Block:
    """A fenced example: its language, its text, and the text of the page before it."""

    language: str
    text: str
    before: str


@dataclass(frozen=True)
class Table:
    """Rows of cells, and the heading of the section that the table stands in."""

    heading: str
    head: list[str]
    rows: list[list[str]]


@dataclass(frozen=True)
class Page:
    """One page, by its path."""

    path: Path

    @cached_property
    def text(self) -> str:
        """The whole text."""
        return self.path.read_text(encoding="utf-8")

    @cached_property
    def prose(self) -> str:
        """The text without fenced examples."""
        return FENCE.sub("", self.text)

    @property
    def blocks(self) -> list[Block]:
        """Return the fenced examples in their order."""
        matches = FENCE.finditer(self.text)
        return [Block(match[1], match[2], self.text[: match.start()]) for match in matches]

    @cached_property
    def sections(self) -> dict[str, str]:
        """Heading -> the text below it, up to the next heading of any level."""
        _, *rest = re.split(r"^#+ (.+)$", self.prose, flags=re.MULTILINE)
        return dict(zip(rest[::2], rest[1::2], strict=True))

    @property
    def anchors(self) -> set[str]:
        """Return the anchors that GitHub gives to the headings."""
        return {
            re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in self.sections
        }

    @property
    def links(self) -> list[str]:
        """Return the targets of all links and pictures, written in place or by reference."""
        without_code = re.sub(r"`[^`]*`", "", self.prose)
        in_place = re.findall(r"\[[^\]]*\]\(([^)\s]+)\)", without_code)
        return in_place + [target for _, target in self.references]

    @property
    def references(self) -> list[tuple[str, str]]:
        """Return (name, target) of each link that is defined apart from its use."""
        return re.findall(r"^\[([^\]]+)\]: (\S+)$", self.prose, re.MULTILINE)

    @property
    def tables(self) -> Iterator[Table]:
        """Yield the tables, each with the heading above it."""
        for heading, text in self.sections.items():
            for lines in re.findall(r"(?:^\|.*\|$\n?)+", text, re.MULTILINE):
                head, _, *rows = map(_cells, lines.splitlines())
                yield Table(heading, head, rows)


def _cells(line: str) -> list[str]:
    """Return the cells of a line of a table."""
    return [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]


def word(cell: str) -> str:
    """Return the first word in backticks of a cell or heading, or nothing.

    >>> word("`train`: the optimiser"), word("Keys of the trial")
    ('train', '')
    """
    match = re.search(r"`([^`]+)`", cell)
    return match[1] if match else ""


def code(page: Page) -> list[str]:
    """Return every line of the console examples, and every piece of inline code."""
    consoles = [block.text for block in page.blocks if block.language == "console"]
    lines = [line.partition("  #")[0].strip() for text in consoles for line in text.splitlines()]
    return lines + [" ".join(inline.split()) for inline in re.findall(r"`([^`]+)`", page.prose)]
