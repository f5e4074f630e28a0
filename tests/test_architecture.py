"""Who may import whom, proved in fresh processes and on the source."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FORBIDDEN = {
    "trainables": {"ray", "optuna", "mlflow", "sweep", "analysis"},
    "sweep": {"analysis"},  # but for the command line, inside its functions
    "analysis": {"ray", "torch", "optuna", "sweep", "transformers", "deepspeed"},
}
COMMAND_LINE = {"cli_finish.py", "cli_results.py", "lifecycle.py", "shown.py"}


def imports(path: Path) -> set[str]:
    """Top-level names of everything that a file imports, wherever in it."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module.split(".")[0])
    return found


@pytest.mark.parametrize("package", FORBIDDEN)
def test_no_file_imports_what_its_package_must_not_know(package):
    for path in sorted((ROOT / package).rglob("*.py")):
        if package == "sweep" and path.name in COMMAND_LINE:
            continue
        assert not imports(path) & FORBIDDEN[package], path


def test_the_analysis_knows_only_the_metrics_of_the_trainables():
    for path in sorted((ROOT / "analysis").glob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("trainables"):
                assert node.module == "trainables.metrics", path


@pytest.mark.parametrize(
    ("module", "heavy"),
    [
        ("analysis.runs", "torch ray optuna transformers deepspeed"),
        ("trainables.trial", "ray optuna mlflow"),
        ("trainables.metrics", "torch numpy pydantic"),
        ("trainables.config", "torch transformers datasets"),
        ("sweep.spec", "torch ray optuna mlflow datasets"),
        ("sweep.__main__", "torch ray optuna mlflow pandas"),
        ("sweep.run_sweep", "torch transformers deepspeed"),
        ("sweep.worker", "torch transformers deepspeed"),
    ],
)
def test_an_import_loads_none_of_what_it_does_not_need(module, heavy):
    code = f"import sys, {module}; print(*(set({heavy.split()}) & sys.modules.keys()))"
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=30
    )
    assert loaded.stdout.strip() == ""


@pytest.mark.parametrize(
    "unsafe", ["torch.load(", "pickle.load", "trust_remote_code=True", "import yaml"]
)
def test_no_file_reads_what_could_run_code(unsafe):
    for package in FORBIDDEN:
        for path in sorted((ROOT / package).rglob("*.py")):
            assert unsafe not in path.read_text(encoding="utf-8"), path
