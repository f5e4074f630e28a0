"""What every plugin keeps to, whatever its formula: it is checked by being listed in its union.

Each function whose name starts with a kind of plugin is one law, and is run over every instance of
that kind on both families. Numbers worked out by hand belong into the plugin's own test.
"""

import csv
import importlib
import itertools
import json
import math
import pickle
import pkgutil
import random
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any, Literal, get_args, get_origin

import torch

from trainables import divergence, estimate, features, likelihood, miniature
from trainables.batch import PairBatch, TextBatch, padded, to_learn, twins
from trainables.config import TrialConfig
from trainables.metrics import RELATIVE
from trainables.model import LanguageModel
from trainables.strict import Strict

# Settings with which an evaluator needs no download; some read what write_sets has written.
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
}
PAIRS = [
    ("the nurse said that she was tired", "the nurse said that he was tired"),
    ("when the plumber came home he was sad", "when the plumber came home she was sad"),
    ("the mason slept because he was calm", "the mason slept because she was calm"),
    ("the cook left when he felt angry", "the cook left when she felt angry"),
]
OCCUPATIONS = "nurse plumber mason teacher tailor editor doctor pilot".split()
PLACES = ("market", "station", "school")
TEXTS = [
    "anna found the red lamp at the market today",
    "the wolf eats deer",
    "the nurse said that she was tired",
    "ben lost the blue drum at the harbour again",
]


def laws(kind: str) -> list[Callable[..., None]]:
    """The laws of a kind of plugin: objective, regulariser, evaluator, or plugin (all three)."""
    return [law for name, law in globals().items() if name.startswith(f"{kind}_")]


def members(union: Any) -> tuple[type[Strict], ...]:
    found: tuple[type[Strict], ...] = get_args(get_args(union)[0])
    return found


def instances(union: Any) -> Iterator[Strict]:
    """Every member, with every choice that it offers; an evaluator as it runs offline."""
    for member in members(union):
        name = member.model_fields["name"].default
        if hasattr(member, "measure"):
            if name not in OFFLINE:
                raise KeyError(f"tests/conformance.py must say how {name} is run offline.")
            each = OFFLINE[name]
            for settings in each if isinstance(each, list) else [each]:
                yield member.model_validate({"name": name} | settings)
            continue
        choices = {
            field: get_args(info.annotation)
            for field, info in member.model_fields.items()
            if field != "name" and get_origin(info.annotation) is Literal
        }
        for chosen in itertools.product(*choices.values()):
            yield member.model_validate({"name": name} | dict(zip(choices, chosen, strict=True)))


def describe(plugin: Any) -> str:
    return " ".join(str(value) for _, value in plugin if isinstance(value, str))


def write_crows_pairs(cache_folder: Path) -> None:
    """CrowS-Pairs of words that the miniature models know, where the cache takes files by hand."""
    file = cache_folder / "crows_pairs" / "crows_pairs_anonymized.csv"
    file.parent.mkdir(parents=True)
    with file.open("w", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(["", "sent_more", "sent_less", "stereo_antistereo", "bias_type"])
        for n, (occupation, feeling) in enumerate(
            itertools.product(OCCUPATIONS, ("sad", "calm", "proud"))
        ):
            she, he = (f"the {occupation} said that {who} was {feeling}" for who in ("she", "he"))
            more, less = (she, he) if n % 4 else (he, she)
            writer.writerow([n, more, less, "stereo" if n % 5 else "antistereo", "gender"])
        writer.writerow([99, "the wolf eats deer", "the wolf eats frogs", "stereo", "age"])


def write_sets(cache_folder: Path) -> None:
    """Benchmarks in words that the miniature models know, where the cache takes files by hand."""
    write_crows_pairs(cache_folder)
    for side, swapped in (("pro", False), ("anti", True)):
        lines = []
        for n, (occupation, place) in enumerate(itertools.product(OCCUPATIONS, PLACES), start=1):
            she = (miniature.SHE[occupation] > 0.5) != swapped
            pronoun = "she" if she else "he"
            lines.append(f"{n} [the {occupation}] knew that [{pronoun}] was late for the {place}")
        for kind, split in itertools.product((1, 2), ("dev", "test")):
            name = f"{side}_stereotyped_type{kind}.txt.{split}"
            _write(cache_folder / "winobias" / name, "\n".join(lines) + "\n")
    rows = ["sentid\tsentence"]
    for occupation, answer in itertools.product(OCCUPATIONS, (0, 1)):
        for gender, pronoun in (("male", "he"), ("female", "she"), ("neutral", "they")):
            rows.append(
                f"{occupation}.someone.{answer}.{gender}.txt\t"
                f"the {occupation} left when {pronoun} felt {('sad', 'calm')[answer]}"
            )
    _write(cache_folder / "winogender" / "all_sentences.tsv", "\n".join(rows) + "\n")
    share = [f"{name}\t{100 * miniature.SHE[name]}" for name in OCCUPATIONS]
    table = "\n".join(["occupation\tbls_pct_female", *share])
    _write(cache_folder / "winogender" / "occupations-stats.tsv", table + "\n")
    questions = []
    for n, (occupation, polarity, condition) in enumerate(
        itertools.product(OCCUPATIONS, ("neg", "nonneg"), ("ambig", "disambig"))
    ):
        questions.append(
            {
                "example_id": n,
                "question_index": str(n // 8),
                "question_polarity": polarity,
                "context_condition": condition,
                "context": f"the {occupation} was {'late' if polarity == 'neg' else 'happy'}",
                "question": f"the {occupation} was",
                "ans0": "he",
                "ans1": "tired",
                "ans2": "she",
                "answer_info": {
                    "ans0": ["man", "man"],
                    "ans1": ["Not known", "unknown"],
                    "ans2": ["woman", "woman"],
                },
                "additional_metadata": {"stereotyped_groups": ["F"]},
                "label": 1 if condition == "ambig" else 2 * (n % 3 > 0),
            }
        )
    lines = map(json.dumps, questions)
    _write(cache_folder / "bbq" / "Gender_identity.jsonl", "\n".join(lines) + "\n")


def _write(file: Path, text: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")


def pair_batch(model: LanguageModel, pairs: list[tuple[str, str]] = PAIRS) -> PairBatch:
    both = [
        twins(model, *model.encode([stereotype, antistereotype]))
        for stereotype, antistereotype in pairs
    ]
    return PairBatch(
        padded(model, [more for more, _ in both]), padded(model, [less for _, less in both])
    )


def text_batch(model: LanguageModel, texts: list[str] = TEXTS) -> TextBatch:
    """The texts as they are learnt; what is masked of one does not depend on the others."""
    return padded(
        model,
        [
            to_learn(model, ids, f"masks of {text}")
            for text, ids in zip(texts, model.encode(texts), strict=True)
        ],
    )


def perturb(model: LanguageModel, by: float, seed: int = 0) -> None:
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for weight in model.module.parameters():
            weight.add_(by * torch.randn(weight.shape, generator=generator))


def state(module: torch.nn.Module) -> list[torch.Tensor]:
    return [value.detach().clone() for value in (*module.parameters(), *module.buffers())]


def unchanged(module: torch.nn.Module, before: list[torch.Tensor]) -> bool:
    return all(map(torch.equal, state(module), before))


def clear_gradients(model: LanguageModel) -> None:
    for weight in model.module.parameters():
        weight.grad = None


# Every plugin


def plugin_is_frozen_and_knows_no_other_keys(plugin: Any) -> None:
    settings = type(plugin).model_config
    assert settings["frozen"]
    assert settings["extra"] == "forbid"
    assert settings["strict"]
    assert settings["allow_inf_nan"] is False


def plugin_says_what_it_computes(plugin: Any) -> None:
    assert type(plugin).__doc__
    assert type(plugin).__module__.endswith(f".{plugin.name}"), "one file a plugin, of its name"


def plugin_comes_back_from_json_and_from_another_process(plugin: Any) -> None:
    assert type(plugin).model_validate(json.loads(plugin.model_dump_json())) == plugin
    sent = pickle.loads(pickle.dumps(plugin))  # noqa: S301 (our own bytes, as Ray sends them)
    assert sent == plugin
    assert hash(sent) == hash(plugin)


def every_file_of_a_package_is_listed(package: ModuleType, union: Any) -> None:
    """A plugin that is written and not listed would be tested and used by nobody."""
    found = set()
    for module in pkgutil.iter_modules(package.__path__, f"{package.__name__}."):
        defined = importlib.import_module(module.name)
        found |= {
            value
            for value in vars(defined).values()
            if isinstance(value, type)
            and issubclass(value, Strict)
            and value.__module__ == module.name
        }
    assert found == set(members(union))


# Objectives


def objective_says_what_it_learns(objective: Any, model: LanguageModel) -> None:
    assert objective.learns
    assert len(set(objective.learns)) == len(objective.learns)
    assert set(objective.learns) <= {"original", "twin"}
    assert isinstance(objective.compares, bool)


def objective_gives_a_scalar_if_and_only_if_it_compares(
    objective: Any, model: LanguageModel
) -> None:
    loss = objective.loss(model, pair_batch(model))
    if objective.compares:
        assert loss.shape == ()
        assert loss.isfinite()
        assert loss.requires_grad
        assert loss.dtype == torch.float32
    else:
        assert loss == 0.0


def objective_is_a_mean_over_pairs(objective: Any, model: LanguageModel) -> None:
    whole = float(torch.as_tensor(objective.loss(model, pair_batch(model))).detach())
    alone = [
        float(torch.as_tensor(objective.loss(model, pair_batch(model, [pair]))).detach())
        for pair in PAIRS
    ]
    assert math.isclose(whole, sum(alone) / len(PAIRS), rel_tol=1e-4, abs_tol=1e-6)


def objective_does_not_depend_on_order_or_padding(objective: Any, model: LanguageModel) -> None:
    expected = float(torch.as_tensor(objective.loss(model, pair_batch(model))).detach())
    shuffled = random.Random(0).sample(PAIRS, len(PAIRS))
    pairs = pair_batch(model, shuffled)
    found = float(torch.as_tensor(objective.loss(model, pairs)).detach())
    assert math.isclose(found, expected, rel_tol=1e-4, abs_tol=1e-6)
    for texts in (pairs.stereotype, pairs.antistereotype):
        texts.ids_BT[texts.attention_BT == 0] = 11
    found = float(torch.as_tensor(objective.loss(model, pairs)).detach())
    assert math.isclose(found, expected, rel_tol=1e-4, abs_tol=1e-6)


def objective_leaves_the_model_alone(objective: Any, model: LanguageModel) -> None:
    before, base = state(model.module), state(model.base)
    loss = objective.loss(model, pair_batch(model))
    if objective.compares:
        loss.backward()
    assert unchanged(model.module, before)
    assert unchanged(model.base, base)
    assert all(weight.grad is None for weight in model.base.parameters())
    clear_gradients(model)


def objective_scales_with_its_weight(objective: Any, model: LanguageModel) -> None:
    if "weight" not in type(objective).model_fields:
        return
    once, twice = (
        objective.model_copy(update={"weight": weight}).loss(model, pair_batch(model))
        for weight in (1.0, 2.0)
    )
    assert math.isclose(2 * once.item(), twice.item(), rel_tol=1e-5)


def objective_is_lowered_by_a_step_along_its_gradient(objective: Any, model: LanguageModel) -> None:
    if not objective.compares:
        return
    pairs = pair_batch(model)
    loss = objective.loss(model, pairs)
    assert loss.item() > 0, "the miniature models prefer stereotypes"
    _step(model, loss)
    assert objective.loss(model, pairs).item() < loss.item()


def objective_is_finite_in_bf16(objective: Any, model: LanguageModel) -> None:
    model.reset("bf16")
    loss = torch.as_tensor(objective.loss(model, pair_batch(model)))
    assert loss.isfinite()
    assert loss.dtype == torch.float32


# Regularisers


def _held(regulariser: Any, model: LanguageModel, texts: TextBatch | None = None) -> torch.Tensor:
    texts = text_batch(model) if texts is None else texts
    return torch.as_tensor(regulariser.loss(model, texts, model.logits(texts)))


def _step(model: LanguageModel, loss: torch.Tensor) -> None:
    """A step of plain gradient descent, short enough for any curvature."""
    clear_gradients(model)
    loss.backward()
    gradients = [w.grad for w in model.module.parameters() if w.grad is not None]
    norm = torch.stack([gradient.norm() for gradient in gradients]).norm()
    assert norm > 0
    with torch.no_grad():
        for weight in model.module.parameters():
            if weight.grad is not None:
                weight.sub_(1e-3 * weight.grad / norm)
    clear_gradients(model)


def regulariser_is_zero_at_the_base(regulariser: Any, model: LanguageModel) -> None:
    assert abs(_held(regulariser, model).item()) < 1e-6


def regulariser_is_a_finite_scalar_and_never_negative(
    regulariser: Any, model: LanguageModel
) -> None:
    for by in (0.001, 0.01, 0.1):
        perturb(model, by)
        loss = _held(regulariser, model)
        assert loss.shape == ()
        assert loss.isfinite()
        assert loss.item() > 0 or regulariser.name == "none"


def regulariser_is_lowered_by_a_step_along_its_gradient(
    regulariser: Any, model: LanguageModel
) -> None:
    if regulariser.name == "none":
        return
    perturb(model, 0.05)
    loss = _held(regulariser, model)
    _step(model, loss)
    assert _held(regulariser, model).item() < loss.item()


def regulariser_grows_with_the_distance(regulariser: Any, model: LanguageModel) -> None:
    if regulariser.name == "none":
        return
    found = []
    for by in (0.01, 0.02, 0.04):
        model.reset("fp32")
        perturb(model, by)
        found.append(_held(regulariser, model).item())
    assert found == sorted(found)


def regulariser_is_a_mean_whatever_parts_a_step_is_cut_into(
    regulariser: Any, model: LanguageModel
) -> None:
    perturb(model, 0.02)
    whole = text_batch(model)
    parts = [text_batch(model, TEXTS[:1]), text_batch(model, TEXTS[1:])]
    shares = [float(part.predicted_BT.sum() / whole.predicted_BT.sum()) for part in parts]
    found = [_held(regulariser, model, part).item() for part in parts]
    expected = _held(regulariser, model, whole).item()
    assert math.isclose(
        sum(share * value for share, value in zip(shares, found, strict=True)),
        expected,
        rel_tol=1e-4,
        abs_tol=1e-7,
    )


def regulariser_leaves_model_and_base_alone(regulariser: Any, model: LanguageModel) -> None:
    perturb(model, 0.02)
    before, base = state(model.module), state(model.base)
    loss = _held(regulariser, model)
    if loss.requires_grad:
        loss.backward()
    assert unchanged(model.module, before)
    assert unchanged(model.base, base)
    assert all(weight.grad is None for weight in model.base.parameters())
    clear_gradients(model)


def regulariser_scales_with_its_weight(regulariser: Any, model: LanguageModel) -> None:
    if "weight" not in type(regulariser).model_fields:
        return
    perturb(model, 0.02)
    once, twice = (
        _held(regulariser.model_copy(update={"weight": weight}), model).item()
        for weight in (1.0, 2.0)
    )
    assert math.isclose(2 * once, twice, rel_tol=1e-5)


def regulariser_is_finite_in_bf16(regulariser: Any, model: LanguageModel) -> None:
    model.reset("bf16")
    assert _held(regulariser, model).isfinite()


# Evaluators


def _values(evaluator: Any, model: LanguageModel, base: Any) -> dict[str, float]:
    return estimate.values(evaluator.measure(model, base))


def evaluator_reports_what_it_declares(evaluator: Any, model: LanguageModel) -> None:
    found = _values(evaluator, model, {})
    declared = evaluator.metrics(model.family)
    assert sorted(found) == sorted(metric.name for metric in declared)
    assert all(type(value) is float and math.isfinite(value) for value in found.values())
    assert json.loads(json.dumps(found)) == found


def evaluator_declares_each_metric_once_with_its_meaning(
    evaluator: Any, model: LanguageModel
) -> None:
    declared = evaluator.metrics(model.family)
    assert len({metric.name for metric in declared}) == len(declared)
    assert all(metric.about for metric in declared)


def evaluator_says_how_sure_it_is_and_keeps_its_items(evaluator: Any, model: LanguageModel) -> None:
    perturb(model, 0.01)
    found = evaluator.measure(model, {})
    for name, measured in found.items():
        if not measured.items.names:
            assert measured.se is None, name
            continue
        by = measured.items.clusters or measured.items.names
        if estimate.standard_error(measured.influences_I, by) == 0:  # which tells of no spread
            assert measured.se is None, name
        else:
            assert 0 < measured.se < math.inf, name
        assert len(measured.influences_I) == len(measured.items.names)
        assert abs(measured.influences_I.sum()) < 1e-6 * (1 + abs(measured.value)), name
        assert len(set(measured.items.names)) == len(measured.items.names), name
    with tempfile.TemporaryDirectory() as folder:
        estimate.write(found, Path(folder, "items.parquet"))
        read = estimate.read(Path(folder, "items.parquet"))
    assert estimate.values(read) == estimate.values(found)
    assert estimate.errors(read) == estimate.errors(found)


def evaluator_gives_the_same_twice(evaluator: Any, model: LanguageModel) -> None:
    first = evaluator.measure(model, {})
    torch.manual_seed(1)
    random.seed(1)
    expected = estimate.values(first)
    assert _values(evaluator, model, {}) == expected
    assert _values(evaluator, model, first) == expected, "at the base a rise is 0 either way"


def evaluator_has_no_rise_and_no_drop_at_the_base(evaluator: Any, model: LanguageModel) -> None:
    base = _values(evaluator, model, {})
    assert all(value == 0 for name, value in base.items() if name.endswith(RELATIVE))


def evaluator_does_not_depend_on_batches_their_order_or_their_padding(
    evaluator: Any, model: LanguageModel
) -> None:
    expected = _values(evaluator, model, {})
    for tokens_a_batch, packed in ((1, 1), (61, 24), (10**6, 10**3)):
        with (
            patched(likelihood, TOKENS_A_BATCH=tokens_a_batch, PACKED=packed),
            patched(divergence, TOKENS_A_BATCH=tokens_a_batch),
            patched(features, TOKENS_A_BATCH=tokens_a_batch),
        ):
            found = _values(evaluator, model, {})
        for name, value in found.items():
            assert math.isclose(value, expected[name], rel_tol=1e-5, abs_tol=1e-5), name
    with patched(likelihood, log_probs=_in_another_order(likelihood.log_probs)):
        found = _values(evaluator, model, {})
    for name, value in found.items():
        assert math.isclose(value, expected[name], rel_tol=1e-5, abs_tol=1e-5), name


@contextmanager
def patched(module: ModuleType, **values: Any) -> Iterator[None]:
    """The module with other values, for a while."""
    before = {name: getattr(module, name) for name in values}
    try:
        vars(module).update(values)
        yield
    finally:
        vars(module).update(before)


def _in_another_order(log_probs: Callable[..., Any]) -> Callable[..., Any]:
    def shuffled(model: LanguageModel, groups: Sequence[Any]) -> list[Any]:
        order = random.Random(0).sample(range(len(groups)), len(groups))
        found = dict(zip(order, log_probs(model, [groups[n] for n in order]), strict=True))
        return [found[n] for n in range(len(groups))]

    return shuffled


def evaluator_leaves_the_model_alone(evaluator: Any, model: LanguageModel) -> None:
    before = state(model.module)
    drawn = torch.random.get_rng_state()
    for training in (True, False):
        model.module.train(training)
        evaluator.measure(model, {})
        assert model.module.training == training
    assert unchanged(model.module, before)
    assert all(weight.grad is None for weight in model.module.parameters())
    assert torch.equal(torch.random.get_rng_state(), drawn)


def evaluator_sees_that_the_weights_have_changed(evaluator: Any, model: LanguageModel) -> None:
    base = evaluator.measure(model, {})
    moved: set[str] = set()
    for seed in range(3):
        model.reset("fp32")
        perturb(model, 0.3, seed)
        found = _values(evaluator, model, base)
        moved |= {name for name, value in found.items() if value != base[name].value}
    assert moved == set(base)


def evaluator_has_no_finite_value_for_a_diverged_model(
    evaluator: Any, model: LanguageModel
) -> None:
    base = evaluator.measure(model, {})
    with torch.no_grad():
        for weight in model.module.parameters():
            weight.fill_(math.nan)
    found = _values(evaluator, model, base)
    assert not [name for name, value in found.items() if math.isfinite(value)]


def evaluator_says_which_data_it_measures_on(evaluator: Any, model: LanguageModel) -> None:
    found = evaluator.data_digest()
    assert len(found) == 64
    assert int(found, 16) >= 0
    assert evaluator.data_digest() == found


def evaluator_reads_its_items_without_a_model(evaluator: Any, model: LanguageModel) -> None:
    assert len(evaluator.items())


def evaluator_fits_into_a_trial(evaluator: Any, model: LanguageModel) -> None:
    trial = TrialConfig.model_validate(
        {
            "model": {"path": "any", "family": model.family},
            "alignment": {"data": "miniature"},
            "train": {"lr": 0.1, "steps": 1},
            "evaluators": [evaluator.model_dump(mode="json")],
        }
    )
    assert trial.metrics()[: len(evaluator.metrics(model.family))] == evaluator.metrics(
        model.family
    )
    assert trial.evaluators == (evaluator,)
