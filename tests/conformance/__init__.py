"""Laws that every plugin of a kind obeys, whatever its formula.

Each public function of `plugin`, `objective`, `regulariser`, `parameters`, `evaluator`, `sampler` and
`scheduler` is one law. It is run over every plugin that is listed in the union of its kind, with those
of the trainables on both model families. Each public function of `data_set`, `alignment_set` and
`text_set` is a law for every such set. Numbers worked out by hand belong into the plugin's own test.

This file has the means of the laws: instances of plugins, texts, predictions, steps of the model.
"""

import importlib
import inspect
import itertools
import pkgutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any, Literal, get_args, get_origin

import pytest
import torch

from trainables.data.comparisons import compare
from trainables.data.queries import Query, training_query
from trainables.harness import folder
from trainables.models.joint_forward import PairPredictions, Predictions, predict_jointly
from trainables.models.language_model import LanguageModel
from trainables.schema.strict import Strict

# Of lm-evaluation-harness: tasks of every output type, and a group, on files of this folder.
HARNESS_TASKS = Path(__file__).parents[1] / "harness_tasks"
TASKS = ("capitals", "pronouns", "last_word", "passages", "animals", "choices")
# Settings, by the name of a plugin, with which it needs no download; some read the files of
# tests/small_sets.py. A list has the settings of several instances.
OFFLINE: dict[str, dict[str, Any] | list[dict[str, Any]]] = {
    "stereoset": [{"data": "miniature"}, {"data": "miniature", "start": "first", "limit": 60}],
    "crows_pairs": [{"start": start} for start in ("every", "first")],
    "perplexity": {"data": "miniature", "limit": 20},
    "multiple_choice": {"task": "miniature_facts"},
    "kl": [{"data": "miniature", "limit": 20, "of": of} for of in ("general", "alignment")],
    "weights": {},
    "winobias": {},
    "winogender": [{"ask": "pronoun"}, {"ask": "referent"}],
    "bbq": [{"unknown": unknown} for unknown in ("as_given", "ten_ways")],
    "probe": {"data": "miniature", "train": 60, "test": 60},
    "finetune": {"data": "miniature", "train": 60, "test": 60, "steps": 15, "lr": 1e-3},
    "harness": [{"task": f"mini_{task}"} for task in TASKS],
    "seat": [
        {"data": "miniature", "permutations": 199, "start": start} for start in ("every", "none")
    ],
    "kl_to_base": [{"direction": "forward"}, {"direction": "reverse"}, {"data": "miniature"}],
    "fisher": [{"data": "miniature", "examples": 8, "of": of} for of in ("data", "model")],
    "lora": [{"rank": 4}, {"rank": 2, "rslora": True, "alpha": 8.0}],
    "freeze": [
        {"first_blocks": 1},
        {"last_blocks": 1, "head": True},
        {"embeddings": True},
        {"attention": True},
        {"mlp": True},
    ],
    "tpe": [{}, {"startup": 4}],
}
PAIRS = [
    ("the nurse said that she was tired", "the nurse said that he was tired"),
    ("when the plumber came home he was sad", "when the plumber came home she was sad"),
    ("the mason slept because he was calm", "the mason slept because she was calm"),
    ("the cook left when he felt angry", "the cook left when she felt angry"),
]
TEXTS = [
    "anna found the red lamp at the market today",
    "the wolf eats deer",
    "the nurse said that she was tired",
    "ben lost the blue drum at the harbour again",
]
LONGER = "the mechanic knew that he was late for the market when ben lost the blue drum again"
REAL_SHARE = 0.7  # of each pair


def laws(kind: str) -> list[Callable[..., None]]:
    """Return the laws of a kind of plugin (see above); those of `plugin` are for all kinds."""
    module = importlib.import_module(f"{__name__}.{kind}")
    return [
        law
        for name, law in inspect.getmembers(module, inspect.isfunction)
        if not name.startswith("_") and law.__module__ == module.__name__
    ]


def members(union: Any) -> tuple[type[Strict], ...]:
    """Return the plugin classes in a union."""
    listed = get_args(union)[0]
    return get_args(listed) or (listed,)


def instances(union: Any) -> list[Strict]:
    """Return plugins of every class in a union: with its settings in OFFLINE, else with every choice.

    A choice is a value for each field whose type is a Literal.

    Raises:
        KeyError: an evaluator has no settings in OFFLINE.
    """
    with harness_tasks():
        return list(_instances(union))


def _instances(union: Any) -> Iterator[Strict]:
    """Yield the plugins of `instances`."""
    for member in members(union):
        name = member.model_fields["name"].default
        if name in OFFLINE:
            offline = OFFLINE[name]
            for settings in offline if isinstance(offline, list) else [offline]:
                yield member.model_validate({"name": name} | settings)
            continue
        if hasattr(member, "measure"):
            raise KeyError(f"tests/conformance must say how {name} is run offline.")
        choices = {
            field: get_args(info.annotation)
            for field, info in member.model_fields.items()
            if field != "name" and get_origin(info.annotation) is Literal
        }
        for chosen in itertools.product(*choices.values()):
            yield member.model_validate({"name": name} | dict(zip(choices, chosen, strict=True)))


@contextmanager
def harness_tasks(own: Path = HARNESS_TASKS) -> Iterator[None]:
    """Return a context in which the tasks of a folder are found, by default of tests/harness_tasks."""
    before = folder.current_path()
    folder.use(own)
    try:
        yield
    finally:
        folder.use(before)


def describe(plugin: Any) -> str:
    """Return the name of a plugin and of its settings, for the id of a test."""
    return " ".join(
        value if isinstance(value, str) else field
        for field, value in plugin
        if isinstance(value, str) or (value and field in plugin.model_fields_set)
    )


def every_file_of_a_package_is_listed(package: ModuleType, union: Any) -> None:
    """Assert that a union lists every plugin class that the files of a package define."""
    assert defined_in(package, Strict) == set(members(union))


def defined_in(package: ModuleType, base: type) -> set[type]:
    """Return the subclasses of `base` that the files of a package define, without its base.py.

    A class with abstract methods is a part of others, such as Classification, and no plugin.
    """
    classes = set()
    for module in pkgutil.iter_modules(package.__path__, f"{package.__name__}."):
        if module.name == f"{package.__name__}.base":  # has the contract and no plugin
            continue
        defined = importlib.import_module(module.name)
        classes |= {
            value
            for value in vars(defined).values()
            if isinstance(value, type)
            and issubclass(value, base)
            and value.__module__ == module.name
            and not inspect.isabstract(value)
        }
    return classes


def queries(model: LanguageModel, texts: list[str] = TEXTS) -> list[Query]:
    """Return a query to train on for each text; its masks do not depend on the other texts."""
    encoded = zip(texts, model.tokenizer.encode(texts), strict=True)
    return [training_query(model.tokenizer, ids, f"masks of {text}") for text, ids in encoded]


def text_predictions(
    model: LanguageModel, texts: list[str] = TEXTS, recurs: bool = False
) -> Predictions:
    """Return the predictions of texts to train on. recurs: whether the base's are cached."""
    recurring = frozenset({"texts"} if recurs else ())
    return predict_jointly(model, {"texts": queries(model, texts)}, recurring=recurring)["texts"]


def pair_predictions(
    model: LanguageModel,
    objective: Any,
    pairs: list[tuple[str, str]] = PAIRS,
    *,
    recurs: bool = True,
    besides: tuple[str, ...] = (),
    prepared: Any = None,
) -> PairPredictions:
    """Return the predictions of pairs as the objective compares them.

    recurs: whether the base's predictions are cached. besides: other texts in the same forward.
    """
    compared = [
        compare(
            model.tokenizer,
            *model.tokenizer.encode(list(pair)),
            objective.compares,
            f"masks of {pair}",
        )
        for pair in pairs
    ]
    groups = {
        "stereotypes": [more for more, _ in compared],
        "antistereotypes": [less for _, less in compared],
        "besides": queries(model, list(besides)),
    }
    recurring = frozenset(groups) if recurs else frozenset()
    predictions = predict_jointly(model, groups, recurring=recurring, hidden=objective.reads_states)
    share_P = torch.full((len(pairs),), REAL_SHARE, device=model.device)
    return PairPredictions(
        predictions["stereotypes"], predictions["antistereotypes"], share_P, prepared
    )


def perturb(model: LanguageModel, scale: float, seed: int = 0) -> None:
    """Add noise to every weight, drawn from a normal distribution with this standard deviation."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for weight in model.module.parameters():
            weight.add_(scale * torch.randn(weight.shape, generator=generator).to(weight.device))


def state(module: torch.nn.Module) -> list[torch.Tensor]:
    """Return copies of all weights and buffers."""
    return [value.detach().clone() for value in (*module.parameters(), *module.buffers())]


def unchanged(module: torch.nn.Module, before: list[torch.Tensor]) -> bool:
    """Whether all weights and buffers are those that `state` returned before."""
    now = state(module)
    return len(now) == len(before) and all(map(torch.equal, now, before))


def clear_gradients(model: LanguageModel) -> None:
    """Remove the gradient of every weight."""
    for weight in model.module.parameters():
        weight.grad = None


def gradient_step(model: LanguageModel, loss: torch.Tensor, length: float = 1e-3) -> None:
    """Move the weights down the gradient of the loss by this length, short enough for any curvature."""
    clear_gradients(model)
    loss.backward()
    gradients = [w.grad for w in model.module.parameters() if w.grad is not None]
    norm = torch.stack([gradient.norm() for gradient in gradients]).norm()
    assert norm > 0
    with torch.no_grad():
        for weight in model.module.parameters():
            if weight.grad is not None:
                weight.sub_(length * weight.grad / norm)
    clear_gradients(model)


def cases(union: Any, kind: str) -> list[Any]:
    """Return a pytest parameter for every instance of a kind with every law of it.

    All forms of an objective but the first are of the long suite.
    """
    found, classes = [], set()
    for plugin in instances(union):
        is_further = kind == "objective" and type(plugin) in classes
        classes.add(type(plugin))
        found += [
            pytest.param(
                plugin, law, id=f"{law.__name__}: {describe(plugin)}",
                marks=[pytest.mark.long] * is_further,
            )
            for law in laws(kind)
        ]  # fmt: skip
    return found
