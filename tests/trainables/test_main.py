"""The command line for one model."""

import pytest
from typer.testing import CliRunner

from trainables.__main__ import app

# As where the package of this name is not installed.
WITHOUT = """
import sys
sys.modules[{package!r}] = None
sys.argv = ["trainables", "measure", "--model", "miniature-llama", "--evaluators", "seat:data=miniature"]
from trainables.__main__ import main
main()
"""


def test_help_names_both_commands_and_loads_no_torch(modules_after):
    result = CliRunner().invoke(app, ["--help"])
    assert result.exit_code == 0
    assert "run" in result.stdout
    assert "measure" in result.stdout
    assert "torch" not in modules_after("import trainables.__main__")


@pytest.mark.parametrize("package", ["torch", "transformers"])
def test_a_package_that_is_not_installed_is_one_sentence(package, python):
    status, output, errors = python("-c", WITHOUT.format(package=package))
    assert (status, output) == (1, "")
    assert errors == f"this needs {package}: `pip install -e '.[train]'` brings it.\n"
