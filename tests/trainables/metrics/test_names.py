"""Names of metrics: put together and taken apart in one file."""

import ast
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainables.metrics import names
from trainables.metrics.names import (
    DEGENERATE,
    DF,
    ERROR,
    FAMILIES,
    FUSION,
    SHORTFALL,
    at_alpha,
    df_name,
    error_name,
    fused_alphas,
    fused_name,
    is_fused,
    metric_of_df,
    metric_of_error,
    other_candidates,
    parse,
    plain_name,
)

ROOT = Path(names.__file__).parents[2]
parts = st.text("abcde_", min_size=1, max_size=8)
some_names = st.builds("{}/{}/{}".format, st.sampled_from(FAMILIES), parts, parts)
alphas = st.integers(0, 1000).map(lambda thousandths: thousandths / 1000)


@given(some_names, alphas)
def test_a_name_at_an_alpha_has_the_parts_of_the_plain_one(name, alpha):
    fused = fused_name(name, alpha)
    assert plain_name(fused) == plain_name(name) == name
    assert "/".join(parse(fused)) == "/".join(parse(name)) == name
    assert fused_alphas([fused, name]) == ([alpha] if alpha else []), "0 is the base model"


@given(some_names, alphas)
def test_a_standard_error_and_its_df_are_fused_if_their_metric_is(name, alpha):
    fused = fused_name(name, alpha)
    assert is_fused(fused)
    assert is_fused(error_name(fused))
    assert is_fused(df_name(fused))
    assert not is_fused(name)
    assert not is_fused(error_name(name))
    assert not is_fused(df_name(name))


@given(some_names, alphas)
def test_an_error_and_its_df_lead_back_to_their_metric_and_to_no_other_name(name, alpha):
    for metric in (name, fused_name(name, alpha)):
        assert metric_of_error(error_name(metric)) == metric_of_df(df_name(metric)) == metric
        assert {metric_of_error(metric), metric_of_df(metric)} == {None}
        assert {metric_of_error(df_name(metric)), metric_of_df(error_name(metric))} == {None}


@pytest.mark.parametrize("name", [SHORTFALL, DEGENERATE])
def test_the_names_that_other_files_use_are_names_of_metrics(name):
    assert "/".join(parse(name)) == name


@pytest.mark.parametrize(
    "name", ["se/bias/x/y", "df/bias/x/y", "bias/x", "bias/x/y/z", "trial", "fusion/0.5"]
)
def test_a_name_of_no_metric_is_refused(name):
    with pytest.raises(ValueError, match=f"bias, forgetting, task, cost, but got '{name}'"):
        parse(name)


def test_alphas_are_found_in_names_and_0_is_the_base():
    several = [fused_name("bias/x/y", alpha) for alpha in (0.5, 0, 0.25, 1e-5)]
    assert fused_alphas([*several, "task/x/y"]) == [1e-5, 0.25, 0.5]


def test_at_an_alpha_errors_go_with_their_values_and_costs_and_parameters_stay():
    without_alpha = {"cost/a/b": 3, "train.lr": 4, "progress": 5}
    values = without_alpha | {"bias/x/y": 1, "se/bias/x/y": 2, "fusion/0.25/bias/x/y": 8}
    values |= {"df/bias/x/y": 9, "fusion/0.5/bias/x/y": 6, "se/fusion/0.5/bias/x/y": 7}
    values |= {"df/fusion/0.5/bias/x/y": 4}
    expected = {"bias/x/y": 6, "se/bias/x/y": 7, "df/bias/x/y": 4}
    assert at_alpha(values, 0.5) == without_alpha | expected
    assert at_alpha(values, 0.25) == without_alpha | {"bias/x/y": 8}
    assert at_alpha(values, 0.75) == without_alpha


def test_a_candidate_is_neither_the_base_nor_the_trial_itself():
    values = {fused_name("bias/x/y", alpha): alpha for alpha in (0, 0.25, 0.5, 1)}
    candidates = other_candidates(values | {"bias/x/y": 0.5}, own=0.5)
    assert candidates == {0.25: {"bias/x/y": 0.25}, 1.0: {"bias/x/y": 1}}
    assert list(other_candidates(values)) == [0.25, 0.5, 1.0]


def test_importing_the_names_loads_the_standard_library_alone(modules_after):
    loaded = modules_after("import trainables.metrics.names")
    assert not loaded & {"torch", "numpy", "pydantic", "transformers", "datasets", "mlflow", "ray"}


def prefixes_in(source: str) -> list[str]:
    """Return the strings of a Python source, docstrings apart, that begin as a metric's prefix does."""
    tree = ast.parse(source)
    prose = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    return [
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in prose
        if node.value.startswith((ERROR, DF, FUSION))
    ]


@pytest.mark.parametrize("package", ["trainables", "sweep", "analysis"])
def test_no_other_file_spells_a_prefix(package):
    paths = sorted((ROOT / package).rglob("*.py"))
    assert paths
    for path in paths:
        source = path.read_text(encoding="utf-8")
        if path != Path(names.__file__):
            assert prefixes_in(source) == [], path
            assert not {"ERROR", "DF", "FUSION"} & imported_from(source, "metrics.names"), path


def imported_from(source: str, module: str) -> set[str]:
    """Return the names that a Python source imports from modules whose dotted name ends so."""
    return {
        alias.name
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.ImportFrom) and (node.module or "").endswith(module)
        for alias in node.names
    }


def test_a_prefix_is_found_wherever_it_is_spelt():
    assert prefixes_in('x = f"se/{name}" + "df/a"\ny = ["fusion/0.5/a"]') == [
        *("df/a", "fusion/0.5/a", "se/"),
    ]
    assert prefixes_in('def f():\n    """se/NAME"""') == []
    assert imported_from("from trainables.metrics.names import ERROR as e", "metrics.names") == {
        "ERROR"
    }
