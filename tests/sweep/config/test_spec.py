"""Everything that can be wrong with a spec is a sentence with its line, before anything starts."""

from pathlib import Path

import pytest

from sweep.config.check import changed, load
from sweep.config.spec import SweepSpec
from sweep.samplers import Tpe
from tests.sweep.conftest import GRID, SPECS, TINY, sweep
from trainables.schema.yaml_file import SpecError, read


def refusal(tmp_path: Path, text: str) -> list[str]:
    path = tmp_path / "bad.yaml"
    path.write_text(text)
    with pytest.raises(SpecError) as caught:
        load(path)
    return [sentence.removeprefix(str(path)) for sentence in caught.value.sentences]


@pytest.mark.parametrize("path", sorted(SPECS.glob("*.yaml")), ids=lambda path: path.stem)
def test_every_shipped_spec_is_right_and_named_as_its_file(path):
    spec, _ = load(path)
    assert spec.name == path.stem


def test_numbers_and_words_mean_what_people_expect(tiny):
    spec, document = load(tiny)
    assert document.tree["trial"]["train"]["lr"] == {"loguniform": [0.0001, 0.01]}
    assert spec.trial["train"]["lr"]["loguniform"][0] == 1e-4
    assert spec.budget.trials == 4


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ("weight:", "wieght:", ":8: trial.objective.choice.1.wieght is no known key"),
        ("- none", "- nope", ":7: trial.objective.choice.0 must be one of none, cda, dropout, "),
        ("[1, 100]", "[100, 1]", ":8: trial.objective.choice.1.weight.loguniform must have low < high, but got [100, 1]."),
        ("steps: 2", "steps: two", ":9: trial.train.steps must be a whole number, but got 'two'."),
        ("steps: 2", 'steps: "2"', ":9: trial.train.steps must be a whole number without quotes, but got '2'."),
        ("steps: 2", "steps: 0", ":9: trial.train.steps must be greater than or equal to 1, but got 0."),
        ("[1e-4, 1e-2]", "[1e-4, 100.0]", ":9: trial.train.lr.loguniform.1 must be less than or equal to 1, but got 100.0."),
        ("[1, 100]", "[1, low]", ":8: trial.objective.choice.1.weight.loguniform must be two numbers"),
        ("forgetting/general/nll_rise]", "forgetting/general/nll_ris]", ":13: goals.1 must be a metric that the trial's evaluators measure"),
        ("name: tiny", "name: tiny\nname: other", ":2: a key must occur once"),
        ("budget: {trials: 4}", "budgit: {trials: 4}", ":15: budgit is no known key"),
        ("budget: {trials: 4}", "budget: {hours: 4}", ":15: budget.trials must be given: only a grid (search: {sampler: grid}) ends by itself."),
        ("budget: {trials: 4}", "", ":1: budget.trials must be given: only a grid"),
        ("budget: {trials: 4}", "budget: {trials: no}", ":15: budget.trials must be a whole number, but got 'no'."),
        ("steps: 2", "steps: {uniform: [2, 9]}", ":9: trial.train.steps.uniform.0 must be a whole number, but got 2.0."),
        ("name: tiny", "name: artifacts", ":1: name must not be artifacts"),
        ("name: tiny", "name: ../tiny", ":1: name must be 1 to 100 of a–z"),
        ("name: tiny", "name: !!python/object/apply:os.getcwd []", ":1: must hold plain values and no tags"),
        ("data: miniature, size: 50", "data: minature, size: 50", ":4: trial.alignment.data must name pairs that are known"),
        ("steps: 2, batch_size: 4", "steps: 2, batch_size: 4, accumulation: 3", ":9: trial.train batch_size must be a multiple of accumulation"),
        ("search: {sampler: random}", "search: {sampler: magic}", ":14: search.sampler must be one of auto, tpe, gp, nsga2, random, grid, but got 'magic'."),
        ("search: {sampler: random}", "search: {sampler: ranom}", ":14: search.sampler must be one of auto, tpe, gp, nsga2, random, grid, but got 'ranom'; did you mean 'random'?"),
        ("search: {sampler: random}", "search: {sampler: 3}", ":14: search.sampler must be a mapping (key: value), but got 3."),
        ("search: {sampler: random}", "search: {sampler: {startup: 3}}", ":14: search.sampler must have a name, as in {name: auto}."),
        ("search: {sampler: random}", "search: {sampler: {name: tpe, startp: 3}}", ":14: search.sampler.startp is no known key (known: name, startup); did you mean 'startup'?"),
        ("search: {sampler: random}", "search: {sampler: {name: tpe, startup: 0}}", ":14: search.sampler.startup must be greater than or equal to 1, but got 0."),
        ("search: {sampler: random}", "search: {sampler: {name: random, startup: 3}}", ":14: search.sampler.startup is no known key (known: name)."),
        ("search: {sampler: random}", "scheduler: halving", ":14: scheduler must be 'none', but got 'halving'."),
        ("search: {sampler: random}", "scheduler: {nam: none}", ":14: scheduler.nam is no known key (known: name); did you mean 'name'?"),
        ("model: {path: miniature-llama}", "model: {choice: [{path: miniature-llama}, {path: a/b}]}", ":3: trial.model must be the same for all trials, which are compared with one base, but got 2 of them"),
        ("batch_size: 4", "batch_size: 4, dtype: {choice: [fp32, bf16]}", ":9: trial.train.dtype must be the same for all trials"),
        ("limit: 40", "limit: {int: [20, 40]}", ":10: trial.evaluators must be the same for all trials"),
        ("goals: [bias/miniature/gap, ", "goals: [bias/miniature/gap, bias/miniature/gap, ", ":13: goals must be different metrics"),
    ],
)  # fmt: skip
def test_each_fault_is_one_sentence_with_its_line(tmp_path, old, new, sentence):
    assert old in TINY
    sentences = refusal(tmp_path, TINY.replace(old, new, 1))
    assert any(found.startswith(sentence) for found in sentences), sentences


@pytest.mark.parametrize("budget", ["", "budget: {hours: 1}", "budget: {trials: 6}"])
def test_a_grid_knows_how_many_trials_it_has(tmp_path, budget):
    path = tmp_path / "grid.yaml"
    path.write_text(GRID + budget)
    assert load(path)[0].num_trials == 6


@pytest.mark.parametrize("sampler", ["magic", "{name: grid, startup: 3}"])
def test_whether_a_sampler_that_is_written_wrongly_ends_by_itself_is_not_judged(tmp_path, sampler):
    (found,) = refusal(tmp_path, GRID.replace("sampler: grid", f"sampler: {sampler}"))
    assert found.startswith(":14: search.sampler")


def test_settings_of_a_sampler_follow_its_name(tmp_path):
    path = tmp_path / "tiny.yaml"
    path.write_text(TINY.replace("sampler: random", "sampler: {name: tpe, startup: 20}"))
    assert load(path)[0].search.sampler == Tpe(startup=20)


def test_the_first_points_of_a_grid_can_be_asked_for(tmp_path):
    path = tmp_path / "grid.yaml"
    path.write_text(GRID + "budget: {trials: 2}\n")
    assert load(path)[0].num_trials == 2


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ("lr: {choice:", "lr: {loguniform:", ":9: trial.train.lr must be a choice of values, each of which a grid runs, but got {loguniform: [0.0001, 0.01]}: write {choice: [0.0001, …, 0.01]}, or take another search.sampler."),
        ("weight: {choice:", "weight: {int:", ":8: trial.objective.choice.1.weight must be a choice of values, each of which a grid runs"),
        ("name: tiny", "name: tiny\nbudget: {trials: 7}", ":2: budget.trials must be at most 6, as the grid has 6 points, but got 7."),
    ],
)  # fmt: skip
def test_what_no_grid_can_be_made_of_is_one_sentence(tmp_path, old, new, sentence):
    (found,) = refusal(tmp_path, GRID.replace(old, new))
    assert found.startswith(sentence), found


def test_a_grid_that_would_never_end_is_refused(tmp_path):
    seeds, steps = list(range(1000)), list(range(1, 201))
    text = GRID.replace("steps: 2", f"steps: {{choice: {steps}}}")
    text = text.replace("  train:", f"  seed: {{choice: {seeds}}}\n  train:")
    (found,) = refusal(tmp_path, text)
    assert found == (
        ":1: budget.trials must be at most 1000000, as the grid has 1200000 points, but was left out."
    )


def test_the_order_of_keys_numbers_the_points_of_a_grid_and_may_not_change(tmp_path):
    path = tmp_path / "grid.yaml"
    for text, told in ((GRID, ["trial"]), (TINY, [])):
        lines = text.splitlines(keepends=True)
        train = next(n for n, line in enumerate(lines) if line.startswith("  train:"))
        path.write_text("".join([*lines[:2], lines[train], *lines[2:train], *lines[train + 1 :]]))
        assert changed(text, read(path).tree) == told
        path.write_text(text)
        assert changed(text, read(path).tree) == []


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("      - none\n", "      - none\n      - dropout\n", ["trial"]),
        ("  train:", "      - dropout\n  train:", []),
        ("weight: {loguniform: [1, 100]}", "weight: {loguniform: [1, 1000]}", ["trial"]),
        ("sampler: random", "sampler: tpe", ["search"]),
        ("sampler: random", "sampler: {name: tpe, startup: 20}", ["search"]),
        ("sampler: random", "sampler: {name: random}, seed: 0", []),
        ("search:", "scheduler: none\nsearch:", []),
        ("search:", "scheduler: {name: none}\nsearch:", []),
        ("trials: 4}", "trials: 9, hours: 2}\nresources: {at_once: 1}", []),
    ],
)
def test_options_may_be_appended_and_nothing_else_of_the_trial(tmp_path, old, new, told):
    path = tmp_path / "grown.yaml"
    path.write_text(TINY.replace(old, new, 1))
    assert changed(TINY, read(path).tree) == told


def test_a_sampler_or_scheduler_of_another_release_may_not_be_given_up(tmp_path):
    path = tmp_path / "tiny.yaml"
    path.write_text(TINY)
    recorded = TINY.replace("sampler: random", "sampler: cmaes") + "scheduler: {name: halving}\n"
    assert changed(recorded, read(path).tree) == ["search", "scheduler"]


def test_options_may_not_be_appended_to_a_grid(tmp_path):
    path = tmp_path / "grown.yaml"
    path.write_text(GRID.replace("choice: [1, 100]", "choice: [1, 100, 200]"))
    assert changed(GRID, read(path).tree) == ["trial"]


@pytest.mark.parametrize(
    ("checkpoints", "sentence"),
    [
        ("{resume: true, storage_path: kept}", "must be the absolute path of a folder that all nodes share, or s3://BUCKET/PREFIX (or another that fsspec knows), but got 'kept'"),
        ("{resume: true, storage_path: 's4://kept/x'}", "but got 's4://kept/x'"),
        ("{resume: true, storage_path: 's3://key:secret@kept/x'}", "must hold no keys, which would be recorded: set AWS_ACCESS_KEY_ID"),
        ("{storage_path: /kept}", "must say what is kept in storage_path: resume: true, model: true, or both"),
    ],
)  # fmt: skip
def test_where_checkpoints_cannot_be_kept_is_one_sentence(tmp_path, checkpoints, sentence):
    (found,) = refusal(tmp_path, TINY + f"checkpoints: {checkpoints}\n")
    assert found.startswith(":16: checkpoints")
    assert sentence in found
    assert "secret" not in found


def test_a_misspelt_key_names_the_right_one(tmp_path):
    (sentence, *_) = refusal(tmp_path, TINY.replace("weight:", "wieght:"))
    assert "did you mean 'weight'?" in sentence


def test_several_faults_are_reported_together(tmp_path):
    text = TINY.replace("weight:", "wieght:").replace("steps: 2", "steps: two")
    text = text.replace("budget: {trials: 4}", "budget: {trials: 0}")
    sentences = refusal(tmp_path, text)
    assert len(sentences) == 3, sentences


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", ": must hold a mapping (key: value), but holds nothing."),
        ("- a\n", ": must hold a mapping (key: value), but holds list."),
        ("a: [", ":2: must be YAML"),
    ],
)
def test_what_is_no_mapping_is_one_sentence(tmp_path, text, sentence):
    (found,) = refusal(tmp_path, text)
    assert found.startswith(sentence) or "must be YAML" in found, found


def test_a_missing_file_is_one_sentence(tmp_path):
    with pytest.raises(SpecError, match="must be a YAML file that can be read, but: No such file"):
        load(tmp_path / "nothing.yaml")


def test_a_constraint_must_bound_a_metric_that_is_measured(tmp_path):
    text = TINY + "constraints: {forgetting/general/nll_rise: {}, task/piqa/accuracy: {max: 1}}\n"
    sentences = refusal(tmp_path, text)
    assert any("must have a min or a max" in sentence for sentence in sentences), sentences
    sentences = refusal(tmp_path, TINY + "constraints: {task/piqa/accuracy: {max: 1.0}}\n")
    assert "must be a metric that the trial's evaluators measure" in sentences[0]


def test_fusion_is_searched_and_its_names_are_no_goals(tmp_path):
    text = TINY.replace(
        "  evaluators:", "  fusion: {alpha: {uniform: [0, 1]}, also: [0, 0.5]}\n  evaluators:"
    )
    path = tmp_path / "fused.yaml"
    path.write_text(text)
    spec, _ = load(path)
    assert "fusion/0.5/bias/miniature/gap" in spec.metrics()
    (found,) = refusal(
        tmp_path, text.replace("goals: [", "goals: [fusion/0.5/bias/miniature/gap, ")
    )
    assert "must be a metric that the trial's evaluators measure" in found
    assert found.count("fusion/") == 1
    (found,) = refusal(tmp_path, text.replace("also: [0, 0.5]", "also: [0.5, 2]"))
    assert found.startswith(
        ":10: trial.fusion.also.1 must be less than or equal to 1, but got 2"
    ), found


def test_a_goal_must_be_measured_in_every_branch(tmp_path):
    text = TINY.replace("{name: stereoset, data: miniature, limit: 40}", "{name: stereoset, data: {choice: [miniature, stereoset]}}")  # fmt: skip
    assert any("goals.0 must be a metric" in sentence for sentence in refusal(tmp_path, text))


def test_the_command_exits_with_2_and_starts_nothing(tmp_path, sweep_home):
    path = tmp_path / "bad.yaml"
    path.write_text(TINY.replace("weight:", "wieght:").replace("steps: 2", "steps: two"))
    for verb in ("check", "run"):
        ended = sweep(verb, path, timeout=25)
        assert ended.returncode == 2
        assert len(ended.stderr.splitlines()) == 2, ended.stderr
    assert not sweep_home.exists()


def test_a_spec_survives_its_own_dump(tiny):
    spec, _ = load(tiny)
    assert SweepSpec.model_validate(spec.model_dump()) == spec
