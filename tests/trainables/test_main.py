"""The command line for one model."""

import signal

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


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_it_with_a_word(number, python):
    code = (
        "import os, signal, sys; from trainables.__main__ import app, main\n"
        # Whoever runs the tests may have had them ignored, which is inherited.
        "signal.signal(signal.SIGHUP, signal.SIG_DFL)\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "@app.command()\n"
        f"def die(): os.kill(os.getpid(), {int(number)})\n"
        "sys.argv = ['trainables', 'die']; main()"
    )
    assert python("-c", code) == (130, "", "interrupted.\n")
