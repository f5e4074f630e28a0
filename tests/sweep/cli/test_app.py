"""The verbs, their order and their options, which people and scripts rely on."""

import re
import signal
import subprocess
import sys
import time
import tomllib
from importlib.metadata import packages_distributions, requires
from pathlib import Path

import pytest

from sweep.cli.app import LIBRARIES, PARTS, app
from tests.commands import commands_of
from tests.sweep.conftest import sweep, verb
from tests.test_architecture import MODULES, PACKAGES, imports

PROJECT = tomllib.loads((Path(__file__).parents[3] / "pyproject.toml").read_text())["project"]

# In the order of --help; NAME, SPEC and TRIAL are arguments.
VERBS = {
    "check": "SPEC --harness-tasks",
    "run": "SPEC --tracking-uri --storage --address --insecure --replace/--no-replace --no-diff --harness-tasks --at-once",
    "resume": "NAME --tracking-uri --storage --address --insecure --harness-tasks --at-once",
    "plan": "SPEC --slots --price-per-hour --calibrate --format --harness-tasks",
    "metrics": "[SPEC] --model --format --harness-tasks",
    "ls": "--tracking-uri --format",
    "front": "NAME --tracking-uri --format --out-dir --all --with --register --model-name",
    "compare": "NAME TRIAL TRIAL --tracking-uri --format --recipes --all",
    "rerun": "NAME [TRIAL…] --front --seeds --tracking-uri --storage --address --insecure",
    "ui": "[NAME] --tracking-uri --host --port --write --no-open",
    "use": "[ADDRESS] --tracking-uri --storage --forget",
    "submit": "SPEC --address --insecure --tracking-uri --storage --resume --follow --no-diff --harness-tasks --yes "
    "--queue --priority --cap",
    "jobs": "--address --insecure --format",
    "logs": "NAME --address --insecure --follow/-f",
    "queue": "--address --insecure --here --format",
    "queue add": "SPEC --priority --cap --resume --tracking-uri --storage --no-diff --insecure --harness-tasks --key "
    "--format",
    "queue remove": "NAME --address --insecure --here --format",
    "queue move": "NAME --priority --address --insecure --here --format",
    "queue serve": "--at-once --address --insecure",
    "status": "NAME --tracking-uri --format --address --insecure",
    "pause": "NAME --tracking-uri",
    "stop": "NAME --tracking-uri",
    "cancel": "NAME --tracking-uri --trial",
    "retry": "NAME --tracking-uri --trial",
    "sync": "NAME --tracking-uri",
}


def test_the_verbs_come_in_this_order():
    assert list(commands_of(app)) == list(VERBS)


@pytest.mark.parametrize("name", VERBS)
def test_a_verb_has_these_arguments_and_options(name):
    parameters = commands_of(app)[name].params
    words = [
        "/".join(parameter.opts + parameter.secondary_opts)
        if parameter.param_type_name == "option"
        else parameter.metavar
        for parameter in parameters
    ]
    assert " ".join(words) == VERBS[name]


def test_the_console_script_is_this_app():
    assert PROJECT["scripts"]["sweep"] == "sweep.__main__:main"
    code = "import sys; sys.argv = ['sweep', '--help']; from sweep.__main__ import main; main()"
    printed = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True
    ).stdout
    assert all(f" {verb} " in printed for verb in VERBS if " " not in verb)


def distributions(requirements) -> set[str]:
    """The names of distributions in a list of requirements, as the index normalises them."""
    return {normal(re.match(r"[\w.-]+", requirement)[0]) for requirement in requirements}


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def test_the_part_to_install_is_known_of_every_library_that_a_module_imports():
    always = {normal(name) for name in distributions(PROJECT["dependencies"])}
    of = packages_distributions()
    imported = {m.partition(".")[0] for path in MODULES.values() for _, m in imports(path)}
    third_party = imported - sys.stdlib_module_names - {*PACKAGES}
    assert len(third_party) > 20
    optional = {name for name in third_party if not {normal(d) for d in of[name]} & always}
    assert optional - PARTS.keys() == set()


@pytest.mark.parametrize("part", LIBRARIES)
def test_a_part_installs_the_libraries_that_are_listed_for_it_and_all_its_own_are_listed(part):
    of = packages_distributions()
    own = distributions(PROJECT["optional-dependencies"][part])
    brought = own.union(*(distributions(requires(name) or ()) for name in own))
    for library in LIBRARIES[part].split():
        assert {normal(distribution) for distribution in of[library]} & brought, library
    listed = {normal(distribution) for library in PARTS for distribution in of[library]}
    assert own <= listed


def test_without_the_analysis_a_verb_that_needs_it_says_how_to_install_it():
    code = (
        "import sys; sys.modules['pandas'] = None; sys.argv = ['sweep', 'ls']; "
        "from sweep.cli.app import main; main()"
    )
    process = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False
    )
    assert process.returncode == 1
    assert "this needs pandas: `pip install -e '.[analysis]'` brings it." in process.stderr


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_behind_the_verb_changes_neither_its_exit_code_nor_its_output(number):
    code = f"""
import atexit, os, signal, sys, time
for one in (signal.SIGTERM, signal.SIGHUP): signal.signal(one, signal.SIG_DFL)
signal.signal(signal.SIGINT, signal.default_int_handler)
from sweep.cli.app import app, main
@app.command()
def say():
    atexit.register(lambda: (os.kill(os.getpid(), {int(number)}), time.sleep(20)))
    sys.stdout.write("said" * 100)
    raise SystemExit(3)
sys.argv = ["sweep", "say"]
main()
"""
    words = [sys.executable, "-c", code]
    ended = subprocess.run(words, capture_output=True, text=True, timeout=15)
    assert (ended.returncode, ended.stdout, ended.stderr) == (3, "said" * 100, "")


def test_help_comes_at_once():
    began = time.monotonic()
    assert "Example:" in sweep("--help").stdout
    assert time.monotonic() - began < 5


@pytest.mark.parametrize("name", VERBS)
def test_every_verb_has_an_example(name):
    assert "Example:" in verb(*name.split(), "--help").stdout
