"""The reference in docs/ has every key, command, metric and plugin, with its default or unit."""

import ast
import re
from collections.abc import Iterator
from typing import Any, Literal, get_args, get_origin

import pytest
from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined
from ruamel.yaml import YAML

from sweep.cli.app import app as sweep_app
from sweep.config.spec import SweepSpec
from sweep.space.domains import DOMAINS
from tests import conformance
from tests.commands import commands_of
from tests.markdown import PAGES, ROOT, Page, Table, word
from trainables import evaluators
from trainables.__main__ import app as trainables_app
from trainables.assets.catalogue import CATALOGUE
from trainables.config import REPLAY_METRIC, TrialConfig
from trainables.data.sets import ALIGNMENT_SETS, TEXT_SETS, labelled
from trainables.metrics.guard import GUARD, SELECTIVITY
from trainables.metrics.metric import Metric
from trainables.models import miniature
from trainables.schema.settings import settings

DOCS = {path.stem: Page(path) for path in PAGES}
TOP = {"Keys of the sweep": "sweep", "Keys of the trial": "trial"}
# Evaluators, with settings under which their metrics have other names.
MEASURED: list[tuple[str, dict[str, Any]]] = [
    ("stereoset", {}), ("stereoset", {"split": "test", "domain": "all"}), ("crows_pairs", {}),
    ("stereoset", {"start": "first"}), ("crows_pairs", {"start": "first"}), ("seat", {"start": "none"}),
    ("crows_pairs", {"bias_type": "race-color"}), ("winobias", {"type": 2, "split": "test"}),
    ("winogender", {}), ("winogender", {"ask": "referent"}), ("bbq", {}),
    ("bbq", {"unknown": "ten_ways"}), ("seat", {}), ("seat", {"data": "miniature"}),
    ("perplexity", {}), ("kl", {}), ("kl", {"of": "alignment", "data": "bug"}), ("weights", {}),
    ("multiple_choice", {"task": "piqa"}), ("probe", {"data": "imdb"}),
    ("finetune", {"data": "glue/sst2"}),
    *(("harness", {"task": f"mini_{task}"}) for task in conformance.TASKS),
]  # fmt: skip

Key = tuple[str, str]  # (the mapping or plugin that has the key, its name)


def models_in(annotation: Any) -> Iterator[type[BaseModel]]:
    """Yield every pydantic model in a type."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for inner in get_args(annotation):
        yield from models_in(inner)


def options_in(annotation: Any) -> Iterator[str]:
    """Yield every option of a type that names them."""
    if get_origin(annotation) is Literal:
        yield from map(str, get_args(annotation))
    else:
        for inner in get_args(annotation):
            yield from options_in(inner)


def plugin_name(model: type[BaseModel]) -> str:
    """Return the name that a plugin has in YAML, or nothing for other models."""
    named = model.model_fields.get("name")
    return str(named.default) if named and get_origin(named.annotation) is Literal else ""


def keys_of(model: type[BaseModel], owner: str) -> Iterator[tuple[Key, FieldInfo]]:
    """Yield every key of a model and of the models in it, each with its owner."""
    for key, field in model.model_fields.items():
        if key == "name" and plugin_name(model):
            continue
        yield (owner, key), field
        for inner in models_in(field.annotation):
            yield from keys_of(inner, plugin_name(inner) or key)


def documented_keys() -> Iterator[tuple[Key, tuple[str, str]]]:
    """Yield the key of every row about one, and the cells for its type and default."""
    for page in DOCS.values():
        for table in page.tables:
            if table.head[:4] == ["key", "type", "default", "meaning"]:
                owner = TOP.get(table.heading) or word(table.heading)
                yield from (((owner, word(row[0])), (row[1], row[2])) for row in table.rows)
            elif table.head[1:4] == ["key", "type", "default"]:
                for row in table.rows:
                    yield (word(row[0]), word(row[1])), (row[2], row[3])


KEYS = dict([*keys_of(SweepSpec, "sweep"), *keys_of(TrialConfig, "trial")])
PLUGINS = sorted(
    {
        plugin_name(model)
        for field in KEYS.values()
        for model in models_in(field.annotation)
        if plugin_name(model)
    }
)


(ANY_EVALUATOR, *_) = get_args(evaluators.AnyEvaluator)
EVALUATORS = {plugin_name(model): model for model in get_args(ANY_EVALUATOR)}


def test_every_key_of_a_spec_has_one_row_and_no_other_key_has():
    rows = [key for key, _ in documented_keys()]
    assert len(rows) == len(set(rows))
    assert set(rows) == {*KEYS, ("trial", "recipe")}


@pytest.mark.parametrize("key", KEYS, ids=".".join)
def test_a_key_is_shown_with_its_default_and_its_options(key):
    field = KEYS[key]
    rows = dict(documented_keys())
    assert key in rows, f"docs/ lacks a row for the key {key[1]} in the table of {key[0]}"
    type_, default = rows[key]
    if default == "required" or field.is_required():
        assert (default, field.is_required()) == ("required", True)
    elif isinstance(field.default, BaseModel):
        assert word(default) == plugin_name(type(field.default))
    elif field.default is not PydanticUndefined:
        shown = YAML(typ="safe", pure=True).load(word(default) or default)
        expected = field.default if field.default is not None else "none"
        assert shown == (list(expected) if isinstance(expected, tuple) else expected)
    where = " ".join(text for page in DOCS.values() for text in sections_of(page, key[0]))
    for option in options_in(field.annotation):
        assert f"`{option}`" in (where if type_.endswith("see below") else type_)


@pytest.mark.parametrize("key", [key for key in KEYS if key[0] in EVALUATORS], ids=".".join)
def test_an_evaluators_key_is_shown_with_the_type_that_measure_help_shows(key):
    type_, _ = dict(documented_keys())[key]
    setting = next(each for each in settings(EVALUATORS[key[0]]) if each.key == key[1])
    if type_ != "see below":
        assert type_ == (setting.type or " ".join(f"`{option}`" for option in setting.options))


def sections_of(page: Page, owner: str) -> list[str]:
    """Return the texts of the sections about the owner of a key."""
    return [text for heading, text in page.sections.items() if word(heading) == owner]


@pytest.mark.parametrize("name", PLUGINS)
def test_a_plugin_has_a_row_or_a_heading_of_its_own(name):
    shown = {word(heading) for page in DOCS.values() for heading in page.sections}
    for page in DOCS.values():
        shown |= {word(row[0]) for table in page.tables for row in table.rows}
    assert name in shown, f"docs/ lacks a row or a heading for {name}"


def test_every_domain_is_shown():
    rows = next(table.rows for table in DOCS["spec"].tables if table.heading == "Domains")
    assert {word(row[0]).strip("{").partition(":")[0] for row in rows} == set(DOMAINS)


@pytest.mark.parametrize(("name", "settings"), MEASURED, ids=str)
def test_every_metric_is_shown_with_its_unit_and_ideal(name, settings):
    (union, *_) = get_args(evaluators.AnyEvaluator)
    chosen = next(model for model in get_args(union) if plugin_name(model) == name)
    tables = [t for page in DOCS.values() for t in page.tables if word(t.heading) == name]
    with conformance.harness_tasks():
        evaluator = chosen.model_validate({"name": name} | settings)
        for family in chosen.families:
            for metric in evaluator.metrics(family):
                check_metric(metric, tables)


@pytest.mark.parametrize("metric", [SELECTIVITY, GUARD, REPLAY_METRIC], ids=lambda m: m.name)
def test_metrics_of_several_evaluators_together_are_shown(metric):
    check_metric(metric, list(DOCS["measurements"].tables))


def check_metric(metric: Metric, tables: list[Table]) -> None:
    """Assert that the row of a metric is right: the row of the longest name that fits it."""
    rows = [row for table in tables for row in table.rows if table.head[0] == "metric"]
    fitting = [row for row in rows if re.fullmatch(pattern(word(row[0])), metric.name)]
    assert fitting, f"{metric.name} has no row"
    _, unit, better, ideal, worst, _ = max(fitting, key=lambda row: len(row[0]))
    assert (unit, better, float(ideal)) == (metric.unit, metric.better, metric.ideal), metric.name
    known = {"chance": metric.worst, "1/3": 1 / 3}
    assert known.get(worst) == metric.worst or float(worst) == metric.worst, metric.name


def pattern(name: str) -> str:
    """Return the regular expression of a documented name, in which capitals stand for any word."""
    return re.sub(r"[A-Z]+", "[^/]+", name)


@pytest.mark.parametrize(
    ("program", "app"), [("sweep", sweep_app), ("python -m trainables", trainables_app)]
)
def test_every_command_has_a_section_with_its_arguments_and_options(program, app):
    commands = commands_of(app)
    sections = DOCS["commands"].sections | DOCS["remote"].sections
    shown = {word(heading): text for heading, text in sections.items()}
    expected = {}
    for name, command in commands.items():
        arguments = [p for p in command.params if p.param_type_name == "argument"]
        metavars = [argument.metavar or argument.name.upper() for argument in arguments]
        shown_options = (p for p in command.params if p not in arguments and not p.hidden)
        options = {o for p in shown_options for o in p.opts if o.startswith("--")}
        expected[" ".join([program, name, *metavars])] = options
    documented = {
        title: set(re.findall(r"`(--[\w-]+)", (re.findall(r"(?ms)^Options: (.*?)$\n\n", text) or [""])[0]))
        for title, text in shown.items()
        if title.startswith(f"{program} ")
    }  # fmt: skip
    assert documented == expected
    table = next(DOCS["commands"].tables)
    assert {f"{program} {name}" for name in commands} <= {word(row[0]) for row in table.rows}


def sources() -> Iterator[str]:
    """Yield the text of every file of the packages."""
    for package in ("sweep", "trainables", "analysis"):
        paths = list((ROOT / package).rglob("*.py"))
        assert paths, package
        for path in paths:
            yield path.read_text(encoding="utf-8")


def test_every_environment_variable_that_is_read_or_set_is_shown():
    named = set()
    for text in sources():
        if "environ" in text or "envvar" in text:
            constants = (n.value for n in ast.walk(ast.parse(text)) if isinstance(n, ast.Constant))
            named |= {
                c for c in constants if isinstance(c, str) and re.fullmatch(r"[A-Z]+_[A-Z_]*", c)
            }
    section = DOCS["commands"].sections["Environment variables"]
    shown = {name.rstrip("…") for name in re.findall(r"`([A-Z_]+…?)`", section)}
    assert len(named) > 10
    assert named <= shown


def test_every_tag_of_the_record_is_shown():
    named = {tag for text in sources() for tag in re.findall(r'"(sweep\.[a-z_]+)"', text)}
    assert len(named) > 5
    assert {tag for tag in named if f"`{tag}`" not in DOCS["mlflow"].text} == set()


def test_every_model_and_data_set_is_shown():
    glue = [f"glue/{task}" for task in labelled.GLUE]
    known = [
        *CATALOGUE,
        *ALIGNMENT_SETS,
        *TEXT_SETS,
        *labelled.SETS,
        *glue,
        *miniature.MODELS,
    ]
    assert [name for name in known if f"`{name}`" not in DOCS["data"].text] == []


def test_every_shipped_spec_is_shown():
    specs = [path.stem for path in (ROOT / "sweep" / "specs").rglob("*.yaml")]
    section = DOCS["objectives"].sections["Specs that are shipped"]
    assert len(specs) > 20
    assert [name for name in specs if f"`{name}`" not in section] == []
