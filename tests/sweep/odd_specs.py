"""Specs that are changed at random: in their values, and in their characters."""

import copy
import random
import string

from hypothesis import strategies as st

from tests.sweep.conftest import GRID, SPECS, TINY
from trainables.schema.plain_yaml import from_yaml

TEXTS = [TINY, GRID, *(path.read_text() for path in sorted(SPECS.rglob("*.yaml")))]
TREES = [from_yaml(text) for text in TEXTS]
ODD_TEXTS = [
    *(
        "",
        " ",
        "~",
        "=",
        "<<",
        "*a",
        "&a",
        "!!int",
        "---",
        "...",
        "%YAML 1.1",
        "a: b",
        "[",
        "{",
        "#",
        "- -",
    ),
    *(
        "none",
        "cda",
        "choice",
        "name",
        "\x00",
        "\x1b[31m",
        "\u202e",
        "\ud83d",
        "\u2028",
        "\ufeff",
        "a\nb",
    ),
    *(
        "x" * 3000,
        "true",
        "1e5",
        ".inf",
        "1_0",
        "0x1F",
        "0o17",
        "2026-11-27",
        "s3://b/p",
        "/",
        "a.csv",
    ),
    *("miniature", "bias/miniature/gap", "{}", "../..", "%s", "{x}", "a" * 300 + ".jsonl", "\\"),
]
ODD_NUMBERS = [
    *(
        0,
        -1,
        1,
        2**31,
        2**63 - 1,
        2**63,
        -(2**63),
        10**20,
        10**400,
        1.5,
        -0.0,
        1e308,
        -1e308,
        5e-324,
    ),
    *(float("inf"), float("-inf"), float("nan"), True, False, None),
]
KEYS = [
    "name",
    "choice",
    "uniform",
    "loguniform",
    "int",
    "recipe",
    "trial",
    "model",
    "path",
    "data",
]

scalars = st.sampled_from([*ODD_TEXTS, *ODD_NUMBERS]) | st.text(max_size=8) | st.integers()
values = st.recursive(
    scalars,
    lambda below: (
        st.lists(below, max_size=4)
        | st.dictionaries(st.sampled_from(KEYS) | st.text(max_size=5), below, max_size=4)
        | st.builds(
            lambda kind, ends: {kind: ends}, st.sampled_from(KEYS[1:5]), st.lists(below, max_size=3)
        )
        | st.builds(lambda value, n: {"choice": [value] * n}, below, st.integers(0, 40))
    ),
    max_leaves=8,
)


# Of YAML, and what it does not like.
PIECES = [
    "", " ", "\n", "\t", "'", '"', ":", ": ", "- ", ",", "[", "]", "{", "}", "&a ", "*a", "<<: *a\n",
    "? ", "| ", "> ", "!!x ", "%", "\\", "\x00", "\x85", "\ufeff", "#", "\r", "9" * 30, "1e999", "&a",
    "\n---\n", '"\\UFFFFFFFF"', '"\\x', "0x", "+", "-", ".", "1:2", "\u2029", "é", "😀",
]  # fmt: skip


def nodes_of(tree, place=()):
    """Yield the place of a node and of every one below it."""
    yield place
    if isinstance(tree, dict):
        for key, value in tree.items():
            yield from nodes_of(value, (*place, key))
    elif isinstance(tree, list):
        for number, value in enumerate(tree):
            yield from nodes_of(value, (*place, number))


def node_at(tree, place):
    """Return the node at a place of a tree."""
    for step in place:
        tree = tree[step]
    return tree


@st.composite
def changed_trees(draw):
    """Trees of shipped specs in which some nodes are replaced, added, doubled, deleted or renamed."""
    tree = copy.deepcopy(draw(st.sampled_from(TREES)))
    for _ in range(draw(st.integers(1, 3))):
        *around, last = draw(st.sampled_from(list(nodes_of(tree))[1:] or [("name",)]))
        node = node_at(tree, around)
        change = draw(
            st.sampled_from(["replace", "replace", "add", "double", "delete", "move", "deepen"])
        )
        if change == "replace" or last not in (
            node if isinstance(node, dict) else range(len(node))
        ):
            node[last] = draw(values)
        elif change == "add" and isinstance(node, dict):
            node[draw(st.sampled_from(KEYS) | st.text(max_size=6))] = draw(values)
        elif change == "double" and isinstance(node, list):
            node.extend(copy.deepcopy(node[last : last + 1]) * draw(st.integers(1, 30)))
        elif change == "move":
            node[last] = copy.deepcopy(node_at(tree, draw(st.sampled_from(list(nodes_of(tree))))))
        elif change == "deepen":
            for _ in range(draw(st.integers(1, 60))):
                node[last] = [node[last]] if draw(st.booleans()) else {"choice": [node[last]]}
        else:
            del node[last]
    return tree


@st.composite
def changed_texts(draw):
    """Texts of shipped specs in which some pieces are replaced, taken out, added or repeated."""
    text = draw(st.sampled_from(TEXTS))
    generator = random.Random(draw(st.integers(0, 2**32)))
    for _ in range(draw(st.integers(1, 6))):
        start = generator.randrange(len(text) + 1)
        end = min(len(text), start + generator.choice([0, 1, 1, 2, 8, 40, 400]))
        own = [text[start:end] * 2, text[start:end][::-1], generator.choice(string.printable)]
        piece = generator.choice([*PIECES, *own])
        text = text[:start] + piece + text[end:]
    return text
