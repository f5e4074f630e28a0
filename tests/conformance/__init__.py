"""What every plugin keeps to, whatever its formula: it is checked by being listed in its union.

Each public function of `plugin`, `objective`, `regulariser`, `parameters`, `evaluator`, `sampler` and
`scheduler` is one law, run over every instance of that kind: those of the trainables on both families;
each of `data_set`, `alignment_set` and `text_set` is one for every such set. Numbers worked out by hand
belong into the plugin's own test.
"""

import importlib
import inspect
import itertools
import pkgutil
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any, Literal, get_args, get_origin

import torch

from trainables.data.comparisons import compare
from trainables.data.queries import Query, training_query
from trainables.models.joint_forward import PairPredictions, Predictions, predict_jointly
from trainables.models.language_model import LanguageModel
from trainables.schema.strict import Strict

# Settings with which a plugin needs no download; some read what small_sets has written.
OFFLINE: dict[str, dict[str, Any] | list[dict[str, Any]]] = {
    "stereoset": {"data": "miniature"},
    "crows_pairs": {"bias_type": "gender"},
    "perplexity": {"data": "miniature", "limit": 20},
    "multiple_choice": {"task": "miniature_facts"},
    "kl": [{"data": "miniature", "limit": 20, "of": of} for of in ("general", "alignment")],
    "weights": {},
    "winobias": {},
    "winogender": [{"ask": "pronoun"}, {"ask": "referent"}],
    "bbq": [{"unknown": unknown} for unknown in ("as_given", "ten_ways")],
    "probe": {"data": "miniature", "train": 60, "test": 60},
    "finetune": {"data": "miniature", "train": 60, "test": 60, "steps": 15, "lr": 1e-3},
    "seat": {"data": "miniature", "permutations": 199},
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
REAL_SHARE = 0.7  # of each pair, where an objective asks for it


def laws(kind: str) -> list[Callable[..., None]]:
    """The laws of a kind of plugin, as in the list above; those of `plugin` are for all kinds."""
    module = importlib.import_module(f"{__name__}.{kind}")
    return [
        law
        for name, law in inspect.getmembers(module, inspect.isfunction)
        if not name.startswith("_") and law.__module__ == module.__name__
    ]


def members(union: Any) -> tuple[type[Strict], ...]:
    listed = get_args(union)[0]
    return get_args(listed) or (listed,)


def instances(union: Any) -> Iterator[Strict]:
    """Every member as OFFLINE says or else with every choice that it offers."""
    for member in members(union):
        name = member.model_fields["name"].default
        if name in OFFLINE:
            each = OFFLINE[name]
            for settings in each if isinstance(each, list) else [each]:
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


def describe(plugin: Any) -> str:
    return " ".join(
        value if isinstance(value, str) else field
        for field, value in plugin
        if isinstance(value, str) or (value and field in plugin.model_fields_set)
    )


def every_file_of_a_package_is_listed(package: ModuleType, union: Any) -> None:
    """A plugin that is written and not listed would be tested and used by nobody."""
    assert defined_in(package, Strict) == set(members(union))


def defined_in(package: ModuleType, base: type) -> set[type]:
    """The classes of this kind that the files of a package define."""
    found = set()
    for module in pkgutil.iter_modules(package.__path__, f"{package.__name__}."):
        if module.name == f"{package.__name__}.base":  # the contract, which is no plugin
            continue
        defined = importlib.import_module(module.name)
        found |= {
            value
            for value in vars(defined).values()
            if isinstance(value, type)
            and issubclass(value, base)
            and value.__module__ == module.name
        }
    return found


def queries(model: LanguageModel, texts: list[str] = TEXTS) -> list[Query]:
    """The texts as they are learnt; what is masked of one does not depend on the others."""
    encoded = zip(texts, model.tokenizer.encode(texts), strict=True)
    return [training_query(model.tokenizer, ids, f"masks of {text}") for text, ids in encoded]


def text_reading(
    model: LanguageModel, texts: list[str] = TEXTS, recurs: bool = False
) -> Predictions:
    again = frozenset({"texts"} if recurs else ())
    return predict_jointly(model, {"texts": queries(model, texts)}, recurring=again)["texts"]


def pair_reading(
    model: LanguageModel,
    objective: Any,
    pairs: list[tuple[str, str]] = PAIRS,
    *,
    recurs: bool = True,
    besides: tuple[str, ...] = (),
    prepared: Any = None,
) -> PairPredictions:
    """The pairs as the objective compares them, with other texts in the same forward."""
    both = [
        compare(
            model.tokenizer,
            *model.tokenizer.encode(list(pair)),
            objective.compares,
            f"masks of {pair}",
        )
        for pair in pairs
    ]
    asked = {
        "stereotypes": [more for more, _ in both],
        "antistereotypes": [less for _, less in both],
        "besides": queries(model, list(besides)),
    }
    again = frozenset(asked) if recurs else frozenset()
    found = predict_jointly(model, asked, recurring=again, hidden=objective.reads_states)
    share_P = torch.full((len(pairs),), REAL_SHARE)
    return PairPredictions(found["stereotypes"], found["antistereotypes"], share_P, prepared)


def perturb(model: LanguageModel, by: float, seed: int = 0) -> None:
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for weight in model.module.parameters():
            weight.add_(by * torch.randn(weight.shape, generator=generator))


def state(module: torch.nn.Module) -> list[torch.Tensor]:
    return [value.detach().clone() for value in (*module.parameters(), *module.buffers())]


def unchanged(module: torch.nn.Module, before: list[torch.Tensor]) -> bool:
    now = state(module)
    return len(now) == len(before) and all(map(torch.equal, now, before))


def clear_gradients(model: LanguageModel) -> None:
    for weight in model.module.parameters():
        weight.grad = None


def gradient_step(model: LanguageModel, loss: torch.Tensor, length: float = 1e-3) -> None:
    """A step of plain gradient descent, short enough for any curvature."""
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
