"""One trial as a typed tree."""

import json
import math
from typing import get_args

import pytest
from pydantic import BaseModel, ValidationError
from ruamel.yaml import YAML

from tests.trainables.config.trees import FULL, TREE, config, with_leaf
from trainables.config import ALIGNMENT, REGULARISER, REPLAY, TrialConfig
from trainables.objectives import AnyObjective, Cda
from trainables.regularisers import AnyRegulariser


def names_of(union):
    return [plugin.model_fields["name"].default for plugin in get_args(get_args(union)[0])]


@pytest.mark.parametrize("objective", names_of(AnyObjective))
@pytest.mark.parametrize("regulariser", names_of(AnyRegulariser))
def test_a_tree_comes_back_as_the_same_trial(objective, regulariser):
    trial = config(objective=objective, regulariser={"name": regulariser})
    assert TrialConfig.model_validate(trial.tree()) == trial
    assert TrialConfig.model_validate(json.loads(json.dumps(trial.tree()))) == trial


def test_a_trial_written_as_yaml_comes_back_as_the_same_trial(tmp_path):
    file = tmp_path / "trial.yaml"
    YAML(typ="safe", pure=True).dump(config().tree(), file)
    assert TrialConfig.model_validate(YAML(typ="safe", pure=True).load(file)) == config()


def test_a_tree_leaves_nothing_out():
    tree = TrialConfig.model_validate(TREE).tree()
    assert tree["replay"] is None
    assert tree["objective"] == tree["regulariser"] == {"name": "none"}
    assert tree["seed"] == 0
    assert tree["train"] == {
        "lr": 1e-3,
        "steps": 4,
        "batch_size": 16,
        "accumulation": 1,
        "report_every": None,
        "schedule": "linear",
        "warmup": 0.0,
        "weight_decay": 0.0,
        "clip": 1.0,
        "dtype": "fp32",
        "zero_stage": 0,
        "offload": "none",
        "max_tokens": 128,
    }


def test_a_name_is_short_for_a_plugin_with_its_defaults():
    assert config(objective="cda").objective == config(objective={"name": "cda"}).objective
    (stereoset,) = config(evaluators=["stereoset"]).evaluators
    assert stereoset == config(evaluators=[{"name": "stereoset"}]).evaluators[0]


def test_flat_has_dotted_names_and_scalars():
    assert config().flat() == {
        "model.format": "plain",
        "model.start": "auto",
        "model.path": "miniature-llama",
        "model.family": "causal",
        "alignment.data": "miniature",
        "alignment.seed": 0,
        "alignment.swap": "improved",
        "alignment.words": "gender",
        "objective.name": "likelihood_gap",
        "objective.weight": 2.0,
        "objective.form": "hinge",
        "objective.margin": 0.5,
        "objective.per": "token",
        "regulariser.name": "kl_to_base",
        "regulariser.weight": 0.3,
        "regulariser.direction": "reverse",
        "parameters.name": "all",
        "replay.data": "bold_wikipedia",
        "replay.ratio": 0.25,
        "train.lr": 1e-3,
        "train.steps": 4,
        "train.batch_size": 16,
        "train.accumulation": 1,
        "train.schedule": "linear",
        "train.warmup": 0.0,
        "train.weight_decay": 0.0,
        "train.clip": 1.0,
        "train.dtype": "fp32",
        "train.zero_stage": 0,
        "train.offload": "none",
        "train.max_tokens": 128,
        "fusion.alpha": 1.0,
        "guard.lms_drop": 20.0,
        "guard.nll_rise": 1.0,
        "allow_overlap": False,
        "evaluators": "stereoset multiple_choice",
        "seed": 7,
    }


def test_trials_that_differ_in_their_seed_alone_have_one_fingerprint():
    assert config(seed=0).fingerprint() == config(seed=1).fingerprint()


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("model", "path"), "miniature-bert"),
        (("model", "family"), "masked"),
        (("alignment", "data"), "bug"),
        (("alignment", "size"), 3),
        (("alignment", "seed"), 1),
        (("objective",), "cda"),
        (("objective", "weight"), 2.5),
        (("objective", "per"), "sentence"),
        (("regulariser",), "none"),
        (("regulariser", "weight"), 0.31),
        (("replay",), None),
        (("replay", "ratio"), 0.26),
        (("train", "lr"), 2e-3),
        (("train", "steps"), 5),
        (("train", "batch_size"), 8),
        (("train", "stop_after"), 1),
        (("train", "accumulation"), 2),
        (("train", "report_every"), 2),
        (("train", "schedule"), "cosine"),
        (("train", "warmup"), 0.1),
        (("train", "weight_decay"), 0.1),
        (("train", "clip"), 0.0),
        (("train", "dtype"), "bf16"),
        (("train", "zero_stage"), 2),
        (("train", "max_tokens"), 64),
        (("allow_overlap",), True),
        (("evaluators",), ["stereoset"]),
        (("fusion",), {"alpha": 0.5}),
        (("fusion",), {"also": [0.5]}),
    ],
    ids=lambda value: ".".join(value) if isinstance(value, tuple) else "",
)
def test_any_other_difference_is_another_fingerprint(path, value):
    changed = TrialConfig.model_validate(with_leaf(FULL, path, value))
    assert changed.fingerprint() != config().fingerprint()


def test_a_fingerprint_does_not_depend_on_whether_defaults_are_spelt_out():
    short = TrialConfig.model_validate(TREE)
    assert TrialConfig.model_validate(short.tree()).fingerprint() == short.fingerprint()
    assert len(short.fingerprint()) == 16


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("seed",), -1),
        (("seed",), 2**31),
        (("seed",), "0"),
        (("seed",), True),
        (("alignment", "size"), 0),
        (("alignment", "data"), "bold_wikipedia"),
        (("replay", "data"), "bug"),
        (("replay", "ratio"), 1.0),
        (("replay", "ratio"), -0.1),
        (("train", "lr"), -1e-3),
        (("train", "lr"), 1.1),
        (("train", "lr"), "1e-3"),
        (("train", "lr"), math.nan),
        (("train", "steps"), 0),
        (("train", "steps"), 1.0),
        (("train", "warmup"), 1.0),
        (("train", "weight_decay"), -0.1),
        (("train", "clip"), math.inf),
        (("train", "dtype"), "fp16"),
        (("train", "zero_stage"), 4),
        (("train", "max_tokens"), 1),
        (("objective", "weight"), -0.1),
        (("regulariser", "weight"), -0.1),
        (("model", "family"), "t5"),
        (("evaluators",), []),
        (("evaluators",), "stereoset"),
        (("fusion",), {"alpha": 1.01}),
        (("fusion",), {"alpha": -0.01}),
        (("fusion",), {"also": [1.01]}),
        (("fusion",), {"also": ["0.5"]}),
        (("fusion",), {"also": [True]}),
        (("fusion",), {"also": [0.5, 0.5]}),
        (("fusion",), {"also": [0.1234567]}),
        (("fusion",), {"also": 0.5}),
    ],
)
def test_a_value_out_of_range_or_of_another_type_is_refused(path, value):
    with pytest.raises(ValidationError):
        TrialConfig.model_validate(with_leaf(FULL, path, value))


def models_in(config):
    yield config
    for _, value in config:
        for part in value if isinstance(value, tuple) else (value,):
            if isinstance(part, BaseModel):
                yield from models_in(part)


def test_every_part_is_frozen_and_knows_no_other_keys():
    for part in models_in(config()):
        field = next(iter(type(part).model_fields))
        with pytest.raises(ValidationError, match="frozen"):
            setattr(part, field, getattr(part, field))
        with pytest.raises(ValidationError, match="Extra inputs"):
            type(part).model_validate(part.model_dump() | {"bogus": 1})


def test_a_trial_declares_its_metrics_in_the_order_of_its_evaluators():
    declared = [metric.name for metric in config(evaluators=["perplexity", "stereoset"]).metrics()]
    assert declared[0] == "forgetting/general/nll_rise"
    assert declared[4:8] == [f"bias/stereoset/{name}" for name in ("gap", "ss", "lms", "icat")]
    assert declared[-3:] == [
        "forgetting/selective/selectivity_rise",
        "forgetting/guard/degenerate",
        "cost/replay/shortfall",
    ]


def test_only_a_trial_with_replay_can_run_short_of_it():
    declared = [metric.name for metric in config(replay=None, evaluators=["stereoset"]).metrics()]
    assert not any("shortfall" in name for name in declared)


def test_importing_config_is_light(modules_after):
    loaded = modules_after("import trainables.config")
    heavy = {"torch", "datasets", "transformers", "deepspeed", "ray", "optuna", "mlflow", "pandas"}
    assert "pydantic" in loaded
    assert not loaded & heavy


def test_an_objective_for_another_family_is_one_clear_sentence(monkeypatch):
    monkeypatch.setattr(Cda, "families", ("masked",))
    with pytest.raises(ValidationError, match="objective cda is for masked models, but model"):
        config(objective="cda")
    config(objective="none")


def test_two_selectivities_of_one_name_are_refused():
    sets = [{"name": "perplexity", "data": f"{n}.txt", "label": n} for n in ("test_x", "x")]
    both = ["stereoset", {"name": "stereoset", "split": "test"}]
    sentence = (
        "two of them measure forgetting/selective_stereoset_test_x/selectivity_rise: give one"
    )
    with pytest.raises(ValidationError, match=sentence):
        config(evaluators=[*both, *sets])
    sets[1]["label"] = "y"
    assert (
        len([m for m in config(evaluators=[*both, *sets]).metrics() if "selective" in m.name]) == 4
    )


def test_a_trial_knows_the_sets_that_it_trains_and_is_measured_on():
    regulariser = {"name": "kl_to_base", "data": "a.txt"}
    evaluators = ["weights", {"name": "perplexity", "data": "c.txt"}]
    for ratio, replayed in ((0.5, {REPLAY: "b.txt"}), (0.0, {})):
        replay = {"data": "b.txt", "ratio": ratio}
        trial = config(regulariser=regulariser, replay=replay, evaluators=evaluators)
        names = {ALIGNMENT: trial.alignment.data, REPLAY: "b.txt", REGULARISER: "a.txt"}
        assert trial.named_sets() == names
        assert trial.trained_texts() == replayed | {REGULARISER: "a.txt"}
        assert trial.measured_texts() == {trial.evaluators[1]: "c.txt"}
    trial = config(replay=None, evaluators=["weights"])
    assert trial.named_sets() == {ALIGNMENT: trial.alignment.data}
    assert trial.trained_texts() == trial.measured_texts() == {}
