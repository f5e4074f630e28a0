"""Who may import whom, proved in fresh processes and on the source."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ("trainables", "sweep", "analysis")
FORBIDDEN = {
    "trainables": {"ray", "optuna", "mlflow", "sweep", "analysis"},
    "analysis": {"ray", "torch", "optuna", "sweep", "transformers", "deepspeed"},
}
COMMAND_LINE = {"cli_finish.py", "cli_results.py", "lifecycle.py", "shown.py"}


def imports(path: Path) -> set[str]:
    """Modules that a file imports, wherever in it, by their dotted names."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module in PACKAGES:  # a module out of it
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module)
    return names


def imports_of(path: Path, package: str) -> set[str]:
    """Modules of one package that a file imports."""
    return {name for name in imports(path) if name.split(".")[0] == package}


@pytest.mark.parametrize("package", FORBIDDEN)
def test_no_file_imports_what_its_package_must_not_know(package):
    for path in sorted((ROOT / package).rglob("*.py")):
        for unknown in FORBIDDEN[package]:
            assert not imports_of(path, unknown), path


def test_a_sweep_knows_the_names_of_its_record_and_its_command_line_alone_the_rest_of_the_analysis():
    for path in sorted((ROOT / "sweep").rglob("*.py")):
        if path.name not in COMMAND_LINE:
            assert imports_of(path, "analysis") <= {"analysis.record_names"}, path


def test_the_analysis_knows_only_the_metrics_and_the_yaml_of_the_trainables():
    known = {"trainables.metrics", "trainables.metric_names", "trainables.yaml_text"}
    for path in sorted((ROOT / "analysis").rglob("*.py")):
        assert imports_of(path, "trainables") <= known, path


@pytest.mark.parametrize(
    ("module", "heavy"),
    [
        ("analysis.record_names", "pandas numpy mlflow trainables"),
        ("analysis.runs", "torch ray optuna transformers deepspeed"),
        ("trainables.trial", "ray optuna mlflow"),
        ("trainables.metrics", "torch numpy pydantic"),
        ("trainables.metric_names", "torch numpy pydantic"),
        ("trainables.config", "torch transformers datasets"),
        ("sweep.spec", "torch ray optuna mlflow datasets"),
        ("sweep.samplers", "sweep.spec torch ray optuna mlflow"),
        ("sweep.schedulers", "sweep.spec torch ray optuna mlflow"),
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
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            assert unsafe not in path.read_text(encoding="utf-8"), path
