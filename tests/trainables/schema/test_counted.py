"""Singular and plural in everything that is printed."""

import ast
from itertools import pairwise

from tests.test_architecture import MODULES
from trainables.schema.counted import counted

# Plurals that no number may stand before as it is: it may be 1. (Numbers of seeds are shown above 1.)
PLURALS = "trials candidates entries members points hours files texts pairs weights metrics configurations"


def test_one_is_singular_and_any_other_number_plural():
    assert [counted(n, "seed") for n in (0, 1, 2, 1.0, 0.5)] == [
        *("0 seeds", "1 seed", "2 seeds", "1 seed", "0.5 seeds"),
    ]
    assert [counted(n, "entry is", "entries are") for n in (1, 3)] == [
        "1 entry is",
        "3 entries are",
    ]


def test_no_sentence_has_a_number_before_a_plural():
    plurals = tuple(f" {word}" for word in PLURALS.split())
    wrong = []
    for path in MODULES.values():
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            parts = node.values if isinstance(node, ast.JoinedStr) else []
            for value, text in pairwise(parts):
                if isinstance(value, ast.FormattedValue) and isinstance(text, ast.Constant):
                    wrong += [f"{path}:{text.lineno}"] * text.value.startswith(plurals)
    assert wrong == []
