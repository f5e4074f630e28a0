"""Docstrings: their examples are true, and every public name has one."""

import ast
import doctest
import importlib

import pytest

from tests.test_architecture import MODULES

WITH_EXAMPLES = [name for name, path in MODULES.items() if ">>>" in path.read_text()]


@pytest.mark.parametrize("name", WITH_EXAMPLES)
def test_the_examples_in_docstrings_are_true(name):
    outcome = doctest.testmod(importlib.import_module(name))
    assert outcome.attempted > 0
    assert outcome.failed == 0


def undocumented() -> list[str]:
    """Return the public classes and functions at the top of our modules without a docstring."""
    missing = []
    for name, path in MODULES.items():
        for node in ast.parse(path.read_text()).body:
            if isinstance(node, ast.ClassDef | ast.FunctionDef) and not node.name.startswith("_"):
                has_docstring = ast.get_docstring(node) is not None
                missing += [] if has_docstring else [f"{name}.{node.name}"]
    return missing


def test_every_public_name_of_a_module_has_a_docstring():
    assert undocumented() == []
