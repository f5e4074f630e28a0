"""The files of a checkpoint: what is in them, which are refused, and that they are enough."""

import json

import pytest
import torch
from safetensors.torch import load_file, save_file

from trainables.models.loading import load
from trainables.training import checkpoint
from trainables.training.checkpoint import refuse_another_trial
from trainables.training.engine import Engine
from trainables.training.unusable import UnusableCheckpoint
from trainables.trial import run_trial

GAP = {"objective": {"name": "likelihood_gap", "weight": 10.0}}
FILES = ["optimiser.safetensors", "resume.json", "trial.json"]
KINDS = ("master", "exp_avg", "exp_avg_sq")
PARAMETERS = {
    "all": {"parameters": "all"},
    "lora": {"parameters": {"name": "lora", "rank": 2}},
    "freeze": {"parameters": {"name": "freeze", "first_blocks": 1}},
}


def stopped_at(step, config, folder):
    """End a trial at the report of a step, its state saved into a folder; return the report."""
    reports = run_trial(config)
    report = next(report for report in reports if report.step == step)
    report.save_state(folder)
    reports.close()
    return report


# What is in it


def test_a_checkpoint_is_three_files_of_safetensors_and_json(configure, tmp_path):
    config = configure(train={"report_every": 3})
    stopped_at(3, config, tmp_path)
    assert sorted(file.name for file in tmp_path.iterdir()) == FILES
    assert json.loads((tmp_path / "resume.json").read_text()) == {"step": 3}
    assert json.loads((tmp_path / "trial.json").read_text()) == config.tree()


@pytest.mark.parametrize("changes", PARAMETERS.values(), ids=PARAMETERS)
def test_it_holds_twelve_bytes_of_each_number_that_is_trained(changes, configure, name, tmp_path):
    """All other weights and buffers are the base's, so nothing is missing."""
    config = configure(name, train={"report_every": 3}, **changes)
    reports = run_trial(config)
    next(reports)
    next(reports).save_state(tmp_path)
    state = load_file(tmp_path / "optimiser.safetensors")
    model = load(config.model.path, config.model.family)
    trained = {key: w for key, w in model.module.named_parameters() if w.requires_grad}
    assert sorted(state) == sorted(f"{kind} {key}" for kind in KINDS for key in trained)
    for key, weight in trained.items():
        assert torch.equal(state[f"master {key}"], weight.cpu())
        assert all(state[f"{kind} {key}"].dtype == torch.float32 for kind in KINDS)
        assert all(state[f"{kind} {key}"].shape == weight.shape for kind in KINDS)
    num_trained = sum(weight.numel() for weight in trained.values())
    size = (tmp_path / "optimiser.safetensors").stat().st_size
    assert 12 * num_trained <= size <= 12 * num_trained + 200 * len(state)
    base = dict([*model.base.named_parameters(), *model.base.named_buffers()])
    held = dict([*model.module.named_parameters(), *model.module.named_buffers()])
    for key in held.keys() - trained.keys():
        assert torch.equal(held[key], base[key.replace(".base_layer.", ".")]), key
    names = {key for key, _ in model.module.named_parameters()}
    assert (trained.keys() == names) == (changes == PARAMETERS["all"])
    reports.close()


# That it is enough


@pytest.mark.parametrize("dtype", ["fp32", "bf16"])
@pytest.mark.parametrize("changes", PARAMETERS.values(), ids=PARAMETERS)
def test_a_resumed_trial_ends_in_the_very_checkpoint_of_one_that_did_not_stop(
    changes, dtype, configure, name, tmp_path
):
    train = {"report_every": 3, "dtype": dtype}
    config = configure(name, train=train, objective="cda", **changes)
    expected = stopped_at(6, config, tmp_path / "expected")
    stopped_at(3, config, tmp_path / "half")
    for report in run_trial(config, resume_from=tmp_path / "half"):
        assert (report.step, report.metrics) == (6, expected.metrics)
        report.save_state(tmp_path / "resumed")
    of_expected, of_resumed = (
        load_file(tmp_path / way / "optimiser.safetensors") for way in ("expected", "resumed")
    )
    assert of_expected.keys() == of_resumed.keys()
    assert all(torch.equal(of_expected[key], of_resumed[key]) for key in of_expected)
    assert any(key.startswith("exp_avg_sq ") and value.any() for key, value in of_resumed.items())


def test_a_checkpoint_of_an_earlier_version_is_resumed_to_equal_numbers(configure, tmp_path):
    """The same names and keys, written by hand, with the merged model and a sweep's own file."""
    config = configure(train={"report_every": 3}, **GAP)
    reports = run_trial(config)
    next(reports)
    half = next(reports)
    half.save_model(tmp_path)
    half.save_state(tmp_path / "state")
    (expected,) = reports
    state = load_file(tmp_path / "state" / "optimiser.safetensors")
    names = [
        name for name, _ in load(config.model.path, config.model.family).module.named_parameters()
    ]
    old = {f"{kind} {name}": state[f"{kind} {name}"] for kind in KINDS for name in names}
    save_file(old, tmp_path / "optimiser.safetensors")
    (tmp_path / "resume.json").write_text('{"step": 3}')
    (tmp_path / "trial.json").write_text(config.model_dump_json(indent=1))
    (tmp_path / "result.json").write_text('{"step": 3, "progress": 0.5}')
    assert (tmp_path / "model.safetensors").exists()
    (report,) = run_trial(config, resume_from=tmp_path)
    assert (report.step, report.metrics) == (6, expected.metrics)


# What is refused


@pytest.mark.parametrize("damage", ["missing", "cut off", "not ours"])
def test_another_recipe_is_refused_before_a_weight_is_read(damage, configure, tmp_path):
    stopped_at(0, configure(**GAP), tmp_path)
    weights = tmp_path / "optimiser.safetensors"
    match damage:
        case "missing":
            weights.unlink()
        case "cut off":
            weights.write_bytes(weights.read_bytes()[:-100])
        case "not ours":
            weights.write_bytes(b"something else")
    with pytest.raises(
        ValueError, match="of this very trial, but its objective, seed differ: "
    ) as caught:
        next(run_trial(configure(seed=1), resume_from=tmp_path))
    assert str(caught.value).endswith(
        f"resume with the configuration in {tmp_path / 'trial.json'}."
    )


def test_another_recipe_is_refused_before_its_model_is_looked_for(configure, tmp_path):
    stopped_at(0, configure(), tmp_path / "saved")
    elsewhere = configure(model={"path": str(tmp_path / "nowhere"), "family": "causal"})
    with pytest.raises(ValueError, match="of this very trial, but its model differ"):
        next(run_trial(elsewhere, resume_from=tmp_path / "saved"))


@pytest.mark.parametrize("missing", FILES)
def test_a_folder_that_lacks_a_file_is_one_clear_sentence(missing, configure, tmp_path):
    stopped_at(0, configure(), tmp_path)
    (tmp_path / missing).unlink()
    sentence = (
        f"{tmp_path} must be a checkpoint of this model saved by a trial, but lacks {missing}: "
        "`python -m trainables run --save FOLDER --save-state` writes it."
    )
    with pytest.raises(UnusableCheckpoint, match=f"^{sentence}$"):
        checkpoint.refuse_another_trial(tmp_path, configure())
    with pytest.raises(UnusableCheckpoint, match=f"^{sentence}$"):
        next(run_trial(configure(), resume_from=tmp_path))


def test_deleting_a_checkpoint_leaves_the_other_files_of_its_folder(configure, tmp_path):
    stopped_at(0, configure(), tmp_path)
    (tmp_path / "model.safetensors").touch()
    checkpoint.delete(tmp_path)
    assert [file.name for file in tmp_path.iterdir()] == ["model.safetensors"]
    (tmp_path / "trial.json").write_text("a file of that name which is not of a checkpoint")
    checkpoint.delete(tmp_path)
    assert len(list(tmp_path.iterdir())) == 2


def test_a_path_that_is_no_folder_is_one_clear_sentence(configure, tmp_path):
    (tmp_path / "file").touch()
    for path in (tmp_path / "file", tmp_path / "nowhere"):
        with pytest.raises(ValueError, match=r"must be a checkpoint .* but lacks trial\.json"):
            next(run_trial(configure(), resume_from=path))


@pytest.mark.parametrize("damaged", FILES)
def test_a_file_that_was_cut_off_is_one_clear_sentence(damaged, configure, tmp_path):
    stopped_at(0, configure(), tmp_path)
    file = tmp_path / damaged
    file.write_bytes(file.read_bytes()[:7])
    with pytest.raises(
        UnusableCheckpoint, match=f"^{file} must be as a trial saved it, but cannot"
    ) as caught:
        next(run_trial(configure(), resume_from=tmp_path))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("content", ["[]", "{}", '{"step": "3"}', '{"step": -1}', "[" * 10**5, "3"])
def test_a_file_without_the_number_of_steps_is_one_clear_sentence(content, configure, tmp_path):
    stopped_at(0, configure(), tmp_path)
    (tmp_path / "resume.json").write_text(content)
    with pytest.raises(UnusableCheckpoint, match=r"resume\.json must be as a trial saved it"):
        next(run_trial(configure(), resume_from=tmp_path))


@pytest.mark.parametrize("content", ["[]", "{}", '{"model": 3, "train": {"lr": "fast"}}'])
def test_a_configuration_that_is_no_trials_is_one_clear_sentence(content, configure, tmp_path):
    stopped_at(0, configure(), tmp_path)
    (tmp_path / "trial.json").write_text(content)
    with pytest.raises(ValueError, match="must be as a trial saved it, but cannot") as caught:
        next(run_trial(configure(), resume_from=tmp_path))
    assert "\n" not in str(caught.value)


def test_a_key_that_an_earlier_release_did_not_save_has_its_default(configure, tmp_path):
    config = configure()
    stopped_at(0, config, tmp_path)
    file = tmp_path / "trial.json"
    tree = json.loads(file.read_text())
    del tree["fusion"], tree["allow_overlap"], tree["train"]["clip"]
    file.write_text(json.dumps(tree))
    refuse_another_trial(tmp_path, config)


def test_a_checkpoint_of_other_weights_is_one_clear_sentence(configure, tmp_path):
    """As where only a part of what is trained now was trained then."""
    stopped_at(0, configure(parameters={"name": "freeze", "head": True}), tmp_path)
    config = configure()
    model = load(config.model.path, config.model.family)
    model.reset("fp32")
    with (
        Engine(model, config.train) as engine,
        pytest.raises(
            UnusableCheckpoint, match=f"^{tmp_path} must be a checkpoint of this model"
        ) as caught,
    ):
        checkpoint.load(tmp_path, engine)
    assert str(caught.value).endswith("but lacks master model.embed_tokens.weight.")


REPLAY = {"replay": {"data": "miniature", "ratio": 0.25}}


@pytest.mark.parametrize(
    ("train", "changes"),
    [
        ({"schedule": "linear"}, {}),
        ({"schedule": "cosine"}, {}),
        ({"schedule": "constant", "warmup": 0.1}, {}),
        ({"schedule": "constant"}, REPLAY),
    ],
    ids=["linear", "cosine", "warm-up", "replay"],
)
def test_a_longer_trial_is_another_one_where_other_settings_depend_on_its_length(
    train, changes, configure, tmp_path
):
    """The learning rate of a step, or the step at which a replayed text comes."""
    stopped_at(0, configure(train=train | {"steps": 6}, **changes), tmp_path)
    longer = configure(train=train | {"steps": 9}, **changes)
    with pytest.raises(ValueError, match="of this very trial, but its train differ"):
        checkpoint.refuse_another_trial(tmp_path, longer)


def test_a_trial_of_constant_learning_rate_may_go_on_for_longer(configure, tmp_path):
    first, longer = (configure(train={"steps": steps, "schedule": "constant"}) for steps in (6, 9))
    stopped_at(0, first, tmp_path)
    assert [report.step for report in run_trial(longer, resume_from=tmp_path)] == [9]


def test_a_trial_shorter_than_its_checkpoint_is_one_clear_sentence(configure, tmp_path):
    """It would have nothing left to report."""
    stopped_at(6, configure(train={"schedule": "constant"}), tmp_path)
    shorter = configure(train={"steps": 5, "schedule": "constant"})
    with pytest.raises(
        ValueError, match=r"^train\.steps must be at least the 6 that .* but got 5\.$"
    ):
        next(run_trial(shorter, resume_from=tmp_path))


def test_measuring_may_differ(configure, tmp_path):
    stopped_at(0, configure(), tmp_path)
    otherwise = configure(
        train={"report_every": 2},
        evaluators=["weights"],
        guard={"nll_rise": 3.0},
        fusion={"also": [0.5]},
    )
    checkpoint.refuse_another_trial(tmp_path, otherwise)
