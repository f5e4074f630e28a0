"""The whole life of a trial."""

import itertools
import json
import math

import pytest
import torch
from safetensors.torch import load_file
from torch import nn

from tests.trainables.conftest import EVALUATORS
from trainables.measure import base_values, measure
from trainables.metrics import estimate, items_file
from trainables.metrics.guard import derive
from trainables.metrics.names import RELATIVE
from trainables.models.loading import load
from trainables.training.stream import Stream
from trainables.trial import run_trial

SHORTFALL = "cost/replay/shortfall"
GAP = {"objective": {"name": "likelihood_gap", "weight": 10.0}}
EVERYTHING = GAP | {
    "regulariser": {"name": "l2_to_base", "weight": 0.01},
    "replay": {"data": "miniature", "ratio": 0.25},
}


def metrics(config, **more):
    """Return (step, metrics) of every report of a trial."""
    return [(report.step, report.metrics) for report in run_trial(config, **more)]


def weights(config):
    return torch.cat(
        [
            w.detach().float().flatten()
            for w in load(config.model.path, config.model.family).module.parameters()
        ]
    )


# Reports


def test_reports_come_at_the_start_when_due_and_at_the_end(configure):
    config = configure(train={"steps": 7, "report_every": 3})
    reports = list(run_trial(config))
    assert [report.step for report in reports] == [0, 3, 6, 7]
    assert [report.progress for report in reports] == [0, 3 / 7, 6 / 7, 1]
    declared = sorted(metric.name for metric in config.metrics())
    assert all(sorted(report.metrics) == declared for report in reports)


def test_a_training_that_ends_early_is_the_whole_one_up_to_there(configure):
    """Its learning rates, texts and replayed texts are those of all steps."""
    train = {"steps": 8, "report_every": 2, "schedule": "cosine", "warmup": 0.25}
    whole = metrics(configure(train=train, **EVERYTHING))
    part = list(run_trial(configure(train=train | {"stop_after": 5}, **EVERYTHING)))
    assert [(report.step, report.metrics) for report in part[:3]] == whole[:3]
    assert [report.progress for report in part] == [0, 2 / 5, 4 / 5, 1]
    one = metrics(configure(train=train | {"report_every": 8, "stop_after": 4}, **EVERYTHING))
    assert one == [whole[0], whole[2]]


def test_without_a_rhythm_only_start_and_end_are_reported(configure):
    assert [report.step for report in run_trial(configure())] == [0, 6]


def test_a_report_that_falls_on_the_end_is_made_once(configure):
    steps = [report.step for report in run_trial(configure(train={"report_every": 3}))]
    assert steps == [0, 3, 6]


def test_the_report_at_step_zero_is_the_base(configure, name, model):
    config = configure(name)
    first = next(run_trial(config))
    expected = {}
    for evaluator in config.evaluators:
        expected |= evaluator.measure(model, {})
    expected = estimate.values(expected | derive(expected, config.guard))
    assert first.metrics == pytest.approx(expected)
    assert first.metrics["forgetting/general/nll_rise"] == 0


NOTHING_MOVES = [
    {"objective": "dpo"},
    {"objective": "cda", "regulariser": "recadam"},
    {"objective": "cda", "regulariser": "mixout", "train": {"weight_decay": 0.5}},
    {"objective": "dropout", "parameters": "lora"},
    {"objective": "task_vector", "fusion": {"also": [0.5]}},
]


@pytest.mark.parametrize("changes", NOTHING_MOVES, ids=str)
def test_a_learning_rate_of_zero_changes_nothing(changes, configure, name):
    train = changes.get("train", {}) | {"lr": 0.0, "steps": 3}
    (_, base), (_, end) = metrics(configure(name, **changes | {"train": train}))
    assert end == pytest.approx(base, abs=1e-6)


def test_changes_of_a_model_that_has_not_moved_are_exact_and_those_of_another_are_not(
    configure, name
):
    """An error that is not known is that of a model which may have moved."""
    rise, own = "forgetting/general/nll_rise", "forgetting/general/nll"
    for lr, is_exact in [(0.0, True), (1e-3, False)]:
        *_, end = run_trial(configure(name, train={"lr": lr, "steps": 2}))
        assert (end.metrics[rise] == 0) == is_exact
        assert (rise in end.df or rise in end.errors) != is_exact
        assert (own in end.df) or (own in end.errors)
        assert any(metric.endswith("_drop") for metric in end.df) != is_exact


@pytest.mark.parametrize("dtype", ["fp32", "bf16"])
@pytest.mark.parametrize("stage", [0, 1, 2])
def test_no_stage_and_no_precision_measures_a_model_that_has_not_moved_otherwise(
    stage, dtype, configure
):
    (_, base), (_, end) = metrics(
        configure(train={"lr": 1e-30, "dtype": dtype, "zero_stage": stage, "weight_decay": 0.5})
    )
    assert end == pytest.approx(base, abs=1e-6)


# The same configuration, the same reports


def test_the_same_trial_gives_the_same_reports_and_another_seed_others(configure, name):
    config = configure(name, train={"report_every": 3}, **EVERYTHING)
    first = metrics(config)
    assert metrics(config) == first
    other = metrics(config.model_copy(update={"seed": 1}))
    assert other[0] == first[0]
    assert other[1:] != first[1:]


def test_global_random_numbers_do_not_matter(configure):
    config = configure("miniature-bert", **EVERYTHING)
    torch.manual_seed(1)
    first = metrics(config)
    torch.manual_seed(2)
    assert metrics(config) == first


def test_a_replay_ratio_of_zero_equals_no_replay(configure):
    def without_shortfall(config):
        return [(step, values | {SHORTFALL: 0}) for step, values in metrics(config)]

    expected = without_shortfall(configure(**GAP))
    for ratio in (0.0, 0.5):
        actual = without_shortfall(configure(replay={"data": "miniature", "ratio": ratio}, **GAP))
        assert (actual == expected) == (ratio == 0)


OTHERS = {
    "bf16": {"train": {"dtype": "bf16", "steps": 3}},
    "bf16 in stage 1": {"train": {"dtype": "bf16", "zero_stage": 1, "steps": 3}},
    "stage 1": {"train": {"zero_stage": 1, "steps": 3}},
    "stage 2": {"train": {"zero_stage": 2, "steps": 3}},
    "accumulation": {"train": {"accumulation": 4, "steps": 3}},
    "another objective": EVERYTHING,
    "another model": {"name": "miniature-bert"},
    "diverged": {"objective": {"name": "likelihood_gap", "weight": 3e38, "per": "sentence"}},
}


@pytest.mark.parametrize("between", list(OTHERS))
def test_a_trial_gives_its_numbers_whatever_ran_before_it(between, configure):
    config = configure(**GAP)
    first = metrics(config)
    other = metrics(configure(**OTHERS[between]))
    assert json.dumps(other) != json.dumps(first)
    assert metrics(config) == first


def test_a_trial_gives_its_numbers_after_one_that_was_stopped_or_failed(configure):
    config = configure(train={"report_every": 2}, **GAP)
    first = metrics(config)
    stopped = run_trial(config)
    next(stopped), next(stopped)
    stopped.close()
    assert metrics(config) == first
    failed = run_trial(config)
    next(failed)
    with pytest.raises(ZeroDivisionError):
        failed.throw(ZeroDivisionError)
    assert metrics(config) == first


# Interrupted and resumed


@pytest.mark.parametrize(("stage", "dtype"), [(0, "fp32"), (0, "bf16"), (1, "fp32"), (2, "bf16")])
def test_a_resumed_trial_makes_the_reports_that_it_would_have_made(
    stage, dtype, configure, name, tmp_path
):
    train = {"zero_stage": stage, "dtype": dtype, "report_every": 2, "accumulation": 2}
    config = configure(name, train=train, **EVERYTHING)
    expected = metrics(config)
    end = weights(config)
    interrupted = run_trial(config)
    for report in interrupted:
        if report.step == 2:
            report.save_state(tmp_path)
            interrupted.close()
    assert metrics(config, resume_from=tmp_path) == expected[2:]
    assert torch.equal(weights(config), end)


STATEFUL = {
    "recadam": {"regulariser": {"name": "recadam", "rate": 1.0, "midpoint": 2, "strength": 50.0}},
    "mixout": {"regulariser": {"name": "mixout", "p": 0.5, "form": "authors"}},
    "fisher": {"regulariser": {"name": "fisher", "data": "miniature", "examples": 4}},
    "own texts": {"regulariser": {"name": "kl_to_base", "data": "miniature", "texts": 3}},
    "dropout": {"objective": "dropout"},
    "drawn masks": {"objective": "counterfactual_js"},
    "prepared": {"objective": "orthogonal"},
    "reference": {"objective": "npo", "replay": {"data": "miniature", "ratio": 0.25}},
    "negated": {"objective": "task_vector", "fusion": {"alpha": 0.7, "also": [0.3]}},
    "adapters": {"parameters": {"name": "lora", "rank": 2}},
    "frozen": {"parameters": {"name": "freeze", "first_blocks": 1}},
}


RARE = {"mixout", "own texts", "drawn masks", "prepared", "reference", "frozen"}


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param(changes, id=name, marks=[pytest.mark.long] * (name in RARE))
        for name, changes in STATEFUL.items()
    ],
)
def test_whatever_a_trial_is_made_of_it_resumes_as_if_it_had_not_stopped(
    changes, configure, name, tmp_path
):
    config = configure(name, train={"report_every": 3}, **({"objective": "cda"} | changes))
    expected = metrics(config)
    end = weights(config)
    interrupted = run_trial(config)
    next(interrupted)
    next(interrupted).save_state(tmp_path)
    interrupted.close()
    assert metrics(config, resume_from=tmp_path) == expected[2:]
    assert torch.equal(weights(config), end)


def test_dropout_is_drawn_anew_and_alike_after_resuming(configure, edited, tmp_path):
    dropout = {"hidden_dropout_prob": 0.3, "attention_probs_dropout_prob": 0.3}
    folder = edited("miniature-bert", config=dropout)
    model = {"path": str(folder), "family": "masked"}
    config = configure(model=model, train={"report_every": 3})
    expected = metrics(config)
    end = weights(config)
    reports = run_trial(config)
    next(reports)
    next(reports).save_state(tmp_path / "saved")
    reports.close()
    assert metrics(config, resume_from=tmp_path / "saved") == expected[2:]
    assert torch.equal(weights(config), end)
    without = configure("miniature-bert", train={"report_every": 3})
    assert metrics(without)[1:] != expected[1:]


def test_a_trial_saved_at_its_start_can_be_resumed(configure, tmp_path):
    config = configure(**GAP)
    first = run_trial(config)
    next(first).save_state(tmp_path)
    first.close()
    (_, end) = metrics(config)
    assert metrics(config, resume_from=tmp_path) == [end]


def test_a_trial_saved_at_its_end_reports_it_again(configure, tmp_path):
    config = configure(**GAP)
    for report in run_trial(config):
        if report.progress == 1:
            report.save_state(tmp_path)
    (again,) = run_trial(config, resume_from=tmp_path)
    assert (again.step, again.progress) == (report.step, 1.0)
    assert again.metrics == report.metrics


def test_saving_in_between_changes_nothing(configure, tmp_path):
    config = configure(train={"report_every": 2}, **GAP)
    expected = metrics(config)
    actual = []
    for report in run_trial(config):
        report.save_state(tmp_path / str(report.step))
        report.save_model(tmp_path / str(report.step))
        actual.append((report.step, report.metrics))
    assert actual == expected
    moved = [
        load_file(tmp_path / str(step) / "model.safetensors")["model.norm.weight"]
        for step in (0, 2, 4, 6)
    ]
    assert not any(torch.equal(a, b) for a, b in itertools.pairwise(moved))


@pytest.mark.parametrize("dtype", ["fp32", "bf16"])
def test_the_saved_model_is_measured_as_the_last_report_says(dtype, configure, name, tmp_path):
    config = configure(name, train={"dtype": dtype}, **GAP)
    for report in run_trial(config):
        if report.progress == 1:
            report.save_model(tmp_path)
    saved = load(str(tmp_path), config.model.family)
    saved.reset(dtype)
    base = base_values(config, load(config.model.path, config.model.family))
    actual = estimate.values(measure(config, saved, base))
    assert actual == pytest.approx(report.metrics, abs=1e-6)


def test_a_report_is_not_saved_once_its_trial_has_ended(configure, tmp_path):
    *_, last = run_trial(configure())
    for save in (last.save_state, last.save_model):
        with pytest.raises(
            RuntimeError, match="must be saved before its trial goes on, but the trial has ended"
        ):
            save(tmp_path)
    assert not list(tmp_path.iterdir())


def test_a_changed_checkpoint_changes_every_metric(configure, name, edited):
    every_item = [settings | {"limit": 10**6} for settings in EVALUATORS]
    config = configure(name, evaluators=every_item)
    base = next(run_trial(config)).metrics
    folder = edited(name, noise=0.3)
    model = {"path": str(folder), "family": config.model.family}
    noisy = configure(model=model, evaluators=every_item)
    actual = next(run_trial(noisy)).metrics
    alike = [metric for metric in actual if actual[metric] == base[metric]]
    assert all(metric.endswith((*RELATIVE, "degenerate")) for metric in alike), "0 at any base"
    assert len(alike) < len(actual) / 2 + 1


def test_results_of_single_items_can_be_written(configure, tmp_path):
    base, end = run_trial(configure(**GAP))
    for report in (base, end):
        report.save_items(tmp_path / "items.parquet")
        read = items_file.read(tmp_path / "items.parquet")
        assert estimate.values(read) == report.metrics
        assert estimate.errors(read) == report.errors
        assert report.df.items() <= estimate.degrees_of_freedom(read).items()
        assert "forgetting/general/nll" in report.errors


def test_a_trial_that_breaks_its_model_is_flagged(configure):
    broken = configure(train={"lr": 0.3, "steps": 6, "schedule": "constant"})
    (_, base), (_, end) = metrics(broken)
    assert base["forgetting/guard/degenerate"] == 0
    assert end["forgetting/guard/degenerate"] == 1
    lenient = configure(
        train={"lr": 0.3, "steps": 6, "schedule": "constant"},
        guard={"lms_drop": 1000.0, "nll_rise": 1000.0},
    )
    assert metrics(lenient)[1][1]["forgetting/guard/degenerate"] == 0


# Whatever happens


@pytest.mark.parametrize("clip", [0.0, 1.0])
@pytest.mark.parametrize("dtype", ["fp32", "bf16"])
@pytest.mark.parametrize("stage", [0, 1, 2])
def test_a_loss_beyond_all_numbers_shows_in_every_metric(stage, dtype, clip, configure):
    train = {"zero_stage": stage, "dtype": dtype, "clip": clip, "steps": 4, "report_every": 1}
    config = configure(
        objective={"name": "likelihood_gap", "weight": 3e38, "per": "sentence"}, train=train
    )
    (_, base), *rest = metrics(config)
    assert all(map(math.isfinite, base.values()))
    assert [step for step, _ in rest] == [1, 2, 3, 4]
    for _, values in rest:
        assert not any(map(math.isfinite, values.values()))


@pytest.mark.parametrize("how", ["closed", "forgotten", "failed", "finished"])
def test_a_trial_that_ends_frees_its_engine(how, configure, new_objects):
    config = configure(train={"report_every": 2})
    reports = run_trial(config)
    next(reports), next(reports)
    assert len(new_objects("DeepSpeedEngine")) == 1
    match how:
        case "closed":
            reports.close()
        case "failed":
            with pytest.raises(ZeroDivisionError):
                reports.throw(ZeroDivisionError)
        case "finished":
            assert [report.step for report in reports] == [4, 6]
    del reports
    assert not new_objects("DeepSpeedEngine")
    module = load(config.model.path, config.model.family).module
    assert not module._forward_pre_hooks
    assert not module._forward_hooks
    assert all(weight.grad is None for weight in module.parameters())


def test_nothing_is_trained_before_the_first_report_is_taken(configure):
    config = configure()
    reports = run_trial(config)
    next(reports)
    expected = load(config.model.path, config.model.family).base.parameters()
    assert all(
        map(torch.equal, load(config.model.path, config.model.family).module.parameters(), expected)
    )
    reports.close()


def test_a_replay_set_that_runs_short_shows_in_every_report_but_that_of_the_base(
    configure, own_cache, tmp_path
):
    texts = tmp_path / "few.txt"
    texts.write_text("\n".join(f"anna found the red lamp {n}" for n in range(10)))
    few = configure(replay={"data": str(texts), "ratio": 0.5})
    enough = configure(replay={"data": "miniature", "ratio": 0.5})
    short = Stream(few, load(few.model.path, few.model.family)).shortfall
    assert short > 0
    assert [values[SHORTFALL] for _, values in metrics(few)] == [0, short]
    assert [values[SHORTFALL] for _, values in metrics(enough)] == [0, 0]
    assert SHORTFALL not in metrics(configure())[0][1]


def test_data_that_do_not_fit_are_one_clear_sentence(configure):
    config = configure(alignment={"data": "miniature", "size": 10**6})
    with pytest.raises(ValueError, match="at most the 4000 pairs of miniature"):
        list(run_trial(config))


def test_a_trial_needs_neither_ray_nor_optuna_nor_mlflow(modules_after):
    loaded = modules_after("import trainables.trial, trainables.__main__")
    assert "torch" in loaded
    assert not loaded & {"ray", "optuna", "mlflow", "sweep", "analysis", "deepspeed"}


FINETUNE = {
    "name": "finetune",
    "data": "miniature",
    "train": 40,
    "test": 40,
    "steps": 5,
    "lr": 1e-3,
}


@pytest.mark.parametrize(
    "changes",
    [{"regulariser": "mixout"}, {"objective": "dropout"}, {"parameters": "lora"}],
    ids=str,
)
def test_changes_of_the_model_for_training_do_not_reach_an_evaluator_that_trains(
    changes, configure, name
):
    """With a learning rate of 0 the fine-tuned copy measures as that of the base."""
    train = {"lr": 0.0, "steps": 2}
    (_, base), (_, end) = metrics(configure(name, train=train, evaluators=[FINETUNE], **changes))
    assert end == base


def test_dropout_of_the_models_own_is_off_where_a_term_compares_with_the_base_or_replaces_it(
    configure, edited
):
    """Its noise would count as a difference from the base."""
    rates = {"hidden_dropout_prob": 0.3, "attention_probs_dropout_prob": 0.3}
    model = {"path": str(edited("miniature-bert", config=rates)), "family": "masked"}
    modes = []

    def modes_in_training(**changes):
        """Return whether parts that drop something are in training mode, in each training forward."""
        config = configure(model=model, train={"steps": 2}, **changes)
        module = load(config.model.path, config.model.family).module
        hook = module.register_forward_pre_hook(
            lambda part, _: modes.append(dropping(part)) if part is module else None
        )
        modes.clear()
        list(run_trial(config))
        hook.remove()
        assert len(modes) >= 2
        return set(modes)

    def dropping(module):
        return any(part.training for part in module.modules() if isinstance(part, nn.Dropout))

    nothing = {"evaluators": ["weights"]}
    assert modes_in_training(objective="cda", **nothing) == {True}
    assert modes_in_training(objective="cda", regulariser="mixout", **nothing) == {True}
    for changes in (
        {"objective": "dpo"},
        {"objective": "npo"},
        {"objective": "cda", "regulariser": {"name": "kl_to_base", "data": "miniature"}},
        {"objective": "dpo", "regulariser": "mixout"},
        {"objective": "cda", "regulariser": {"name": "mixout", "form": "authors"}},
    ):
        assert modes_in_training(**changes, **nothing) == {False}
    asked = {"objective": {"name": "dropout", "hidden": 0.2, "attention": 0.15}}
    assert modes_in_training(**asked, regulariser="kl_to_base", **nothing) == {True}


def test_mixout_mixes_where_a_term_compares_with_the_base(configure, name):
    """Though all dropout is off then."""
    changes = {"objective": "dpo", "train": {"steps": 3, "lr": 1e-2}, "evaluators": ["weights"]}
    ends = [
        metrics(configure(name, regulariser=regulariser, **changes))[-1]
        for regulariser in ("none", {"name": "mixout", "p": 0.0}, {"name": "mixout", "p": 0.9})
    ]
    assert ends[0] == ends[1] != ends[2]


def test_a_model_is_freed_with_all_results_that_depend_on_it(configure, new_objects):
    for changes in (
        {"objective": "equalising"},
        {"regulariser": STATEFUL["fisher"]["regulariser"]},
    ):
        list(run_trial(configure(**changes, train={"steps": 1})))
    list(run_trial(configure("miniature-bert", train={"steps": 1})))
    assert len(new_objects("LlamaForCausalLM")) == 0
