"""Imports between rooms, read in the source; type-only and function-local imports are included."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ("trainables", "sweep", "analysis")

# The rooms of the packages, a list for each floor, the lowest first. A room is a folder with all below
# it, or a file beside folders. A room imports from lower floors and from itself only.
FLOORS = [
    # how settings are read, what numbers mean, where files come from
    ["trainables.schema"],
    ["trainables.metrics"],
    ["trainables.allocator", "trainables.chatter", "trainables.determinism"],
    ["trainables.assets"],
    # texts and pairs; models that read them; measuring without gradient
    ["trainables.data"],
    ["trainables.models"],
    ["trainables.scoring"],
    ["trainables.harness"],
    # plugins: a folder a key of the trial's YAML
    [
        "trainables.objectives",
        "trainables.regularisers",
        "trainables.parameters",
        "trainables.evaluators",
    ],
    ["trainables.config"],
    # one trial
    [
        "trainables.contamination",
        "trainables.left_to_train",
        "trainables.measure",
        "trainables.report",
        "trainables.training",
    ],
    ["trainables.trial"],
    ["trainables.cli"],
    ["trainables.__main__"],
    # the record in MLflow, read back
    ["analysis.folding", "analysis.formats", "analysis.pareto"],
    ["analysis.record"],
    ["analysis.stats"],
    ["analysis.views"],
    ["analysis.drawing"],
    # a sweep: its file, its workers, its record, its search, its driver, what is shown, the verbs
    ["sweep.space", "sweep.trial_request"],
    ["sweep.samplers", "sweep.schedulers"],
    ["sweep.config"],
    ["sweep.planning", "sweep.workers"],
    ["sweep.outcome"],
    ["sweep.tracking"],
    ["sweep.search", "sweep.workspace"],
    ["sweep.driver"],
    ["sweep.display", "sweep.remote"],
    ["sweep.queue"],
    ["sweep.cli"],
    ["sweep.__main__"],
]
FLOOR_OF = {room: number for number, rooms in enumerate(FLOORS) for room in rooms}
PLUGIN_FOLDERS = {
    *("trainables/evaluators", "trainables/objectives", "trainables/regularisers"),
    *("trainables/parameters", "trainables/data/sets", "sweep/samplers", "sweep/schedulers"),
}

MODULES = {
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path
    for package in PACKAGES
    for path in sorted((ROOT / package).rglob("*.py"))
}
assert {name.partition(".")[0] for name in MODULES} == set(PACKAGES), "each has files"


def imports(path: Path) -> list[tuple[int, str]]:
    """Return (line, module) of every import in a file, wherever in it."""
    lines = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            lines += [(node.lineno, alias.name) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{path}:{node.lineno} imports by a relative name"
            names = [f"{node.module}.{alias.name}" for alias in node.names]
            lines += [(node.lineno, n if n in MODULES else str(node.module)) for n in names]
    return lines


def room_of(module: str) -> str | None:
    """Return the room that a module of ours is in; None for a package's own __init__.py."""
    parts = module.split(".")
    return next((r for n in (3, 2, 1) if (r := ".".join(parts[:n])) in FLOOR_OF), None)


def ours(path: Path) -> list[tuple[int, str]]:
    """Return (line, module) of every import of our own packages in a file."""
    return [(line, module) for line, module in imports(path) if module.split(".")[0] in PACKAGES]


def test_every_file_is_in_a_room_on_one_floor():
    without_room = {module for module in MODULES if room_of(module) is None} - {*PACKAGES}
    assert without_room == set()
    assert {room_of(module) for module in MODULES} - {None} == FLOOR_OF.keys()


def test_no_import_goes_up_or_to_another_room_of_the_same_floor():
    wrong = []
    for name, path in MODULES.items():
        room = room_of(name)
        for line, module in ours(path):
            other = room_of(module)
            if room and other and room != other and FLOOR_OF[other] >= FLOOR_OF[room]:
                wrong.append(f"{path.relative_to(ROOT)}:{line} ({room}) imports {module} ({other})")
    assert wrong == []


def test_no_import_goes_round_within_a_room():
    imported = {name: {m for _, m in ours(path)} & MODULES.keys() for name, path in MODULES.items()}
    settled: set[str] = set()
    while left := [n for n in imported if n not in settled and imported[n] - {n} <= settled]:
        settled.update(left)
    assert sorted(imported.keys() - settled) == [], "these import each other, or modules that do"


def test_folders_and_files_are_small():
    for package in PACKAGES:
        for folder in [ROOT / package, *(ROOT / package).rglob("*")]:
            files = [f for f in folder.glob("*.py") if f.name != "__init__.py"]
            if str(folder.relative_to(ROOT)) not in PLUGIN_FOLDERS:
                assert len(files) <= 12, folder
    lengths = sorted(len(path.read_text().splitlines()) for path in MODULES.values())
    assert lengths[-1] <= 300
    lengths = [length for length in lengths if length > 1]
    assert lengths[len(lengths) // 2] < 90, "the median"


def test_every_folder_has_a_docstring():
    for name, path in MODULES.items():
        if path.name == "__init__.py":
            assert ast.get_docstring(ast.parse(path.read_text())), name


@pytest.mark.parametrize(
    ("package", "unknown"),
    [
        ("trainables", {"ray", "optuna", "mlflow", "sweep", "analysis"}),
        ("analysis", {"ray", "torch", "optuna", "sweep", "transformers", "deepspeed"}),
    ],
)
def test_no_file_imports_a_library_that_is_forbidden_in_its_package(package, unknown):
    for name, path in MODULES.items():
        if name.split(".")[0] == package:
            assert not {module.split(".")[0] for _, module in imports(path)} & unknown, path


def test_the_analysis_imports_metrics_and_yaml_text_alone_of_the_trainables():
    light = {
        "trainables.metrics.bounds",
        "trainables.metrics.clusters",
        "trainables.metrics.interval",
        "trainables.metrics.items_table",
        "trainables.metrics.metric",
        "trainables.metrics.names",
        "trainables.metrics.estimate",
        "trainables.schema.counted",
        "trainables.schema.text.escaping",
        "trainables.schema.text.masking",
        "trainables.schema.text.printable",
        "trainables.schema.plain_json",
        "trainables.schema.plain_yaml",
    }
    for name, path in MODULES.items():
        if name.startswith("analysis"):
            assert {m for _, m in ours(path) if m.startswith("trainables")} <= light, path


def test_sweep_imports_the_names_of_the_record_alone_of_the_analysis_except_in_the_command_line():
    for name, path in MODULES.items():
        if name.startswith("sweep") and not name.startswith("sweep.cli"):
            known = {m for _, m in ours(path) if m.startswith("analysis")}
            assert known <= {"analysis.record.names"}, path


@pytest.mark.parametrize(
    ("module", "heavy"),
    [
        ("analysis.record.reader", "torch ray optuna transformers deepspeed"),
        ("trainables.metrics.interval", "torch numpy scipy pydantic"),
        ("trainables.trial", "ray optuna mlflow"),
        ("trainables.metrics", "torch numpy pydantic"),
        ("trainables.config", "torch transformers datasets"),
        ("sweep.config.check", "torch ray optuna mlflow datasets"),
        ("sweep.cli.app", "torch ray optuna mlflow pandas"),
        ("sweep.cli.planning.plan", "torch ray optuna mlflow pandas"),
        ("sweep.planning.plan", "torch ray optuna mlflow datasets"),
        ("sweep.driver.run_sweep", "torch transformers deepspeed"),
        ("sweep.workers.worker", "torch transformers deepspeed"),
    ],
)
def test_importing_a_module_loads_no_heavy_library_that_it_does_not_need(module, heavy):
    code = f"import sys, {module}; print(*(set({heavy.split()}) & sys.modules.keys()))"
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=30
    )
    assert loaded.stdout.strip() == ""


@pytest.mark.parametrize(
    "unsafe", ["torch.load(", "pickle.load", "trust_remote_code=True", "import yaml"]
)
def test_no_file_reads_data_that_could_run_code(unsafe):
    for path in MODULES.values():
        assert unsafe not in path.read_text(encoding="utf-8"), path
