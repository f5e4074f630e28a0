"""Everything that can be wrong with a spec is a sentence with its line, before anything starts."""

import re

import pytest
from ruamel.yaml import YAML

from sweep.config.check import changes_of, fault_of_trial, load
from tests.sweep.config.conftest import refusal
from tests.sweep.conftest import GRID, SPECS, TINY, sweep
from trainables.schema.faults import MAX_SENTENCES, dotted
from trainables.schema.yaml_file import FURTHER, SpecError, read


@pytest.mark.parametrize("path", sorted(SPECS.glob("*.yaml")), ids=lambda path: path.stem)
def test_every_shipped_spec_is_right_and_named_as_its_file(path):
    spec, _ = load(path)
    assert spec.name == path.stem


def test_numbers_and_words_of_the_file_are_read_as_they_look(tiny):
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
        ("at_once: 1", "gpus_per_trial: 1.5", ":16: resources gpus_per_trial must be a part of one GPU or a whole number"),
        ("at_once: 1", "gpus_per_trial: 2, workers_per_trial: 3", ":16: resources gpus_per_trial must be a multiple of workers_per_trial"),
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
    assert any(fault.startswith(sentence) for fault in sentences), sentences


def test_faults_are_in_the_order_of_lines_whatever_the_name_of_the_file_looks_like(tmp_path):
    path = tmp_path / "a:12: b.yaml"
    text = TINY.replace("name: tiny", "name: tiny  # password: hunter2\nodd: 1")
    path.write_text(text.replace("steps: 2", "steps: -2"))
    with pytest.raises(SpecError) as caught:
        load(path)
    numbers = [
        int(fault.removeprefix(f"{path}:").split(":")[0]) for fault in caught.value.sentences
    ]
    assert len(numbers) >= 3
    assert numbers == sorted(numbers)


@pytest.mark.parametrize("sampler", ["magic", "{name: grid, startup: 3}"])
def test_with_a_sampler_that_is_written_wrongly_the_number_of_trials_is_no_fault(tmp_path, sampler):
    (fault,) = refusal(tmp_path, GRID.replace("sampler: grid", f"sampler: {sampler}"))
    assert fault.startswith(":14: search.sampler")


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ("lr: {choice:", "lr: {loguniform:", ":9: trial.train.lr must be a choice, as a grid runs each value, but got {loguniform: [0.0001, 0.01]}: write {choice: [0.0001, …, 0.01]}, or take another search.sampler."),
        ("weight: {choice:", "weight: {int:", ":8: trial.objective.choice.1.weight must be a choice, as a grid runs each value"),
        ("name: tiny", "name: tiny\nbudget: {trials: 7}", ":2: budget.trials must be at most 6, as the grid has 6 points, but got 7."),
    ],
)  # fmt: skip
def test_a_space_or_a_budget_that_no_grid_can_run_is_one_sentence(tmp_path, old, new, sentence):
    (fault,) = refusal(tmp_path, GRID.replace(old, new))
    assert fault.startswith(sentence), fault


def test_a_grid_of_more_than_a_million_points_is_refused(tmp_path):
    seeds, steps = list(range(1000)), list(range(1, 201))
    text = GRID.replace("steps: 2", f"steps: {{choice: {steps}}}")
    text = text.replace("  train:", f"  seed: {{choice: {seeds}}}\n  train:")
    (fault,) = refusal(tmp_path, text)
    assert fault == (
        ":1: budget.trials must be at most 1000000, as the grid has 1200000 points, but was left out."
    )


def numbers(low, high):
    """A choice of all whole numbers from low to high."""
    return f"{{choice: {list(range(low, high + 1))}}}"


def test_a_space_of_too_many_trials_is_one_sentence_beside_other_faults(tmp_path):
    text = TINY.replace("steps: 2", f"steps: {numbers(1, 2000)}").replace(
        "batch_size: 4", f"batch_size: {numbers(1, 2000)}, warmup: {{int: [2, 1]}}"
    )
    warmup, large = refusal(tmp_path, text)
    assert large.startswith(":9: trial.train.steps must leave at most ")
    assert " trials to check, but there are 4004001: each option, " in large
    assert warmup.startswith(":9: trial.train.warmup.int must have low < high")


def test_some_hundred_options_are_checked(tmp_path):
    path = tmp_path / "spec.yaml"
    options = "".join(f"      - {{name: likelihood_gap, weight: {n}}}\n" for n in range(1, 800))
    path.write_text(
        TINY.replace("      - none\n", options).replace("steps: 2", f"steps: {numbers(1, 20)}")
    )
    assert len(load(path)[0].trials()) > 800


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("steps: 2", f"steps: {{choice: [{', '.join(f'a{n}' for n in range(999))}]}}"),
        ("  train:", "".join(f"  k{n}: 1\n" for n in range(999)) + "  train:"),
        ("name: tiny", "name: tiny\n" + "".join(f"k{n}: 1\n" for n in range(999))),
        ("goals: [", "goals: [" + "".join(f"a/b/c{n}, " for n in range(999))),
        (
            "goals:",
            f"constraints: {{{', '.join(f'a/b/c{n}: {{max: 1}}' for n in range(999))}}}\ngoals:",
        ),
        ("steps: 2", f"steps: 2, {', '.join(f'k{n}: {{int: [2, 1]}}' for n in range(999))}"),
    ],
    ids=["options", "trial keys", "keys", "goals", "constraints", "domains"],
)
def test_of_many_faults_the_first_are_told(tmp_path, old, new):
    sentences = refusal(tmp_path, TINY.replace(old, new, 1))
    assert len(sentences) == MAX_SENTENCES + 1
    assert sentences[-1] == FURTHER


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("steps: 2", f"steps: {list(range(5000))}"),
        ("steps: 2", f"steps: {'x' * 9000}"),
        ("steps: 2", "steps: {choice: [" + ", ".join(["[1]"] * 2000) + "]}"),
        ("name: tiny", f"name: {'x' * 9000}"),
        ("goals: [", "goals: [" + "bias/miniature/gap, " * 2000),
        ("goals: [", f"goals: [{'x' * 9000}, "),
        ("data: miniature, size", f"data: {'x' * 9000}, size"),
        ("sampler: random", f"sampler: {'x' * 9000}"),
        ("  train:", f"  seed: {{choice: {list(range(900))}}}\n  train:"),
        ("limit: 20", f"limit: 20, label: {'x' * 9000}"),
        ("- none", f"- {{choise: ['{'x' * 9000}']}}"),
    ],
)
def test_a_sentence_on_a_long_value_is_short(tmp_path, old, new):
    text = TINY.replace(old, new, 1).replace("budget:", "replicates: {seeds: 2}\nbudget:")
    assert all(len(sentence) < 1200 for sentence in refusal(tmp_path, text))


@pytest.mark.parametrize(
    "trial", ["{choice: [{model: {path: a}}]}", "{int: [1, 2]}", "{choise: [1]}", "[]", "1"]
)
def test_a_trial_is_a_mapping_and_no_domain(tmp_path, trial):
    sentences = refusal(tmp_path, f"name: x\ntrial: {trial}\ngoals: [a/b/c]\n")
    assert any(sentence.startswith(":2: trial") for sentence in sentences)


def test_no_trial_has_more_evaluators_or_fusions_than_are_ever_measured(tmp_path):
    alphas = ", ".join(f"0.{n:03}" for n in range(1, 999))
    evaluators = "".join(
        f"    - {{name: perplexity, data: miniature, label: l{n}}}\n" for n in range(60)
    )
    text = TINY.replace("  train:", f"  fusion: {{also: [{alphas}]}}\n  train:")
    fusion, evaluator = refusal(
        tmp_path, text.replace("  evaluators:\n", f"  evaluators:\n{evaluators}")
    )
    assert fusion.startswith(":9: trial.fusion.also must have at most 50 entries, but has 998.")
    assert evaluator.startswith(":11: trial.evaluators must have at most 50 entries, but has 62.")


def changed_keys(recorded, path):
    """The keys of a spec in which something has changed that must not."""
    return list(dict.fromkeys(change.place[0] for change in changes_of(recorded, read(path).tree)))


@pytest.mark.parametrize(
    ("old", "new", "sentences"),
    [
        ("steps: 2", "steps: 3", ["trial.train.steps must stay 2, but is 3."]),
        (
            "      - none\n",
            "",
            [
                "trial.objective.choice.0 must stay 'none', but is {'name': 'likelihood_gap', "
                "'weight': {'loguniform': [1, 100]}}.",
                "trial.objective.choice.1 must stay {'name': 'likelihood_gap', 'weight': "
                "{'loguniform': [1, 100]}}, but is gone.",
            ],
        ),
        ("[1, 100]", "[1, 50]", [
            "trial.objective.choice.1.weight must stay {'loguniform': [1, 100]}, but is "
            "{'loguniform': [1, 50]}."]),
        ("size: 50", "size: 50, seed: 1", ["trial.alignment.seed must not be new, but is 1."]),
        (", batch_size: 4", "", ["trial.train.batch_size must stay 4, but is gone."]),
        ("name: tiny\n", "name: tiny\nconstraints: {bias/miniature/gap: {max: 9}}\n", [
            "constraints.bias/miniature/gap must not be new, but is {'min': None, 'max': 9.0}."]),
        ("sampler: random", "sampler: {name: tpe, startup: 20}", [
            "search.sampler.name must stay 'random', but is 'tpe'.",
            "search.sampler.startup must not be new, but is 20."]),
        ("goals: [bias/miniature/gap, ", "goals: [", [
            "goals must stay ['bias/miniature/gap', 'forgetting/general/nll_rise'], but is "
            "['forgetting/general/nll_rise']."]),
    ],
)  # fmt: skip
def test_what_may_not_change_is_named_with_both_values(tmp_path, old, new, sentences):
    path = tmp_path / "changed.yaml"
    path.write_text(TINY.replace(old, new, 1))
    found = changes_of(TINY, read(path).tree)
    assert [f"{dotted(change.place)} {change.sentence}" for change in found] == sentences


def test_the_order_of_keys_numbers_the_points_of_a_grid_and_may_not_change(tmp_path):
    path = tmp_path / "grid.yaml"
    for text, keys in ((GRID, ["trial"]), (TINY, [])):
        lines = text.splitlines(keepends=True)
        train = next(n for n, line in enumerate(lines) if line.startswith("  train:"))
        path.write_text("".join([*lines[:2], lines[train], *lines[2:train], *lines[train + 1 :]]))
        assert changed_keys(text, path) == keys
        path.write_text(text)
        assert changed_keys(text, path) == []


@pytest.mark.parametrize(
    ("old", "new", "keys"),
    [
        ("      - none\n", "      - none\n      - dropout\n", ["trial"]),
        ("  train:", "      - dropout\n  train:", []),
        ("weight: {loguniform: [1, 100]}", "weight: {loguniform: [1, 1000]}", ["trial"]),
        ("sampler: random", "sampler: tpe", ["search"]),
        ("sampler: random", "sampler: {name: tpe, startup: 20}", ["search"]),
        ("sampler: random", "sampler: {name: random}, seed: 0", []),
        ("search:", "scheduler: none\nsearch:", []),
        ("search:", "scheduler: {name: none}\nsearch:", []),
        ("trials: 4}", "trials: 9, hours: 2}", []),
        ("at_once: 1}", "at_once: 2}", []),
    ],
)
def test_options_may_be_appended_and_nothing_else_of_the_trial_may_change(tmp_path, old, new, keys):
    path = tmp_path / "grown.yaml"
    path.write_text(TINY.replace(old, new, 1))
    assert changed_keys(TINY, path) == keys


def test_a_sampler_or_scheduler_that_only_another_release_knows_may_not_change(tmp_path):
    path = tmp_path / "tiny.yaml"
    path.write_text(TINY)
    recorded = TINY.replace("sampler: random", "sampler: cmaes") + "scheduler: {name: halving}\n"
    assert changed_keys(recorded, path) == ["search", "scheduler"]


def test_options_may_not_be_appended_to_a_grid(tmp_path):
    path = tmp_path / "grown.yaml"
    path.write_text(GRID.replace("choice: [1, 100]", "choice: [1, 100, 200]"))
    assert changed_keys(GRID, path) == ["trial"]


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
        ("- a\n", ": must hold a mapping (key: value), but holds a list."),
        ("a: [", ":2: must be YAML"),
    ],
)
def test_a_file_that_holds_no_mapping_is_one_sentence(tmp_path, text, sentence):
    (fault,) = refusal(tmp_path, text)
    assert fault.startswith(sentence) or "must be YAML" in fault, fault


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
    (fault,) = refusal(
        tmp_path, text.replace("goals: [", "goals: [fusion/0.5/bias/miniature/gap, ")
    )
    assert "must be a metric that the trial's evaluators measure" in fault
    assert fault.count("fusion/") == 1
    (fault,) = refusal(tmp_path, text.replace("also: [0, 0.5]", "also: [0.5, 2]"))
    assert fault.startswith(
        ":10: trial.fusion.also.1 must be less than or equal to 1, but got 2"
    ), fault


def test_of_many_metrics_a_sentence_lists_the_closest_and_how_to_list_the_others(tmp_path):
    close, none = (
        refusal(tmp_path, TINY.replace("forgetting/general/nll_rise]", f"{name}]"))[0]
        for name in ("forgetting/general/nll_rising", "quite_another")
    )
    assert close.endswith(
        f" measure in every branch (`sweep metrics {tmp_path}/bad.yaml` lists all 20), but got "
        "'forgetting/general/nll_rising'; did you mean 'forgetting/general/nll_rise'?"
    )
    listed = re.search(r"\(such as (.*); `sweep metrics (.*)` lists all (\d+)\)", none)
    assert len(listed[1].split(", ")) == 3
    assert listed[2] == f"{tmp_path}/bad.yaml"
    (tmp_path / "tiny.yaml").write_text(TINY)
    spec, _ = load(tmp_path / "tiny.yaml")
    assert int(listed[3]) == len([name for name in spec.metrics() if not name.startswith("cost/")])
    assert {*listed[1].split(", ")} < spec.metrics().keys()
    assert max(len(fault.replace(str(tmp_path), "")) for fault in (close, none)) < 300


def test_a_goal_must_be_measured_in_every_branch(tmp_path):
    text = TINY.replace("{name: stereoset, data: miniature, limit: 40}", "{name: stereoset, data: {choice: [miniature, stereoset]}}")  # fmt: skip
    assert any("goals.0 must be a metric" in sentence for sentence in refusal(tmp_path, text))


@pytest.fixture
def drawn(tiny):
    """A tree as it is drawn from the tiny spec, with one value for every domain."""
    tree = YAML(typ="safe", pure=True).load(tiny)["trial"]
    return tree | {"objective": "none", "train": {"lr": 1e-3, "steps": 2, "batch_size": 4}}


def test_a_drawn_tree_that_is_a_trial_has_no_fault(drawn):
    assert fault_of_trial(drawn) == ""


def test_a_drawn_tree_that_is_no_trial_is_one_sentence_with_each_of_its_faults(drawn):
    drawn["train"]["accumulation"] = 3
    sentence = (
        "the drawn settings are no valid trial: train batch_size must be a multiple of accumulation, "
        "but got 4 and 3."
    )
    assert fault_of_trial(drawn) == sentence
    drawn["objective"] = {"name": "likelihood_gap", "weight": -1.0}
    assert fault_of_trial(drawn) == sentence.replace(
        "train batch_size",
        "objective.weight must be greater than or equal to 0, but got -1.0. train batch_size",
    )


def test_the_command_exits_with_2_and_starts_nothing(tmp_path, sweep_home):
    path = tmp_path / "bad.yaml"
    path.write_text(TINY.replace("weight:", "wieght:").replace("steps: 2", "steps: two"))
    for verb in ("check", "run"):
        ended = sweep(verb, path, timeout=25)
        assert ended.returncode == 2
        assert len(ended.stderr.splitlines()) == 2, ended.stderr
    assert [file.name for file in sweep_home.iterdir()] == ["mlflow.db"], "as it was"


RECIPES = TINY.replace(
    "  train:",
    """\
  recipe:
    choice:
    - objective: {name: likelihood_gap, weight: 1}
      train: {lr: 1e-3, stpes: 2}
    - objektive: none
    - objective:
        name: likelihood_gap
        wieght: 2
    - regulariser:
        choice:
        - none
        - {name: kl_to_base, weight: -1}
  train:""",
)


def test_a_fault_inside_a_recipe_has_its_own_line_and_path(tmp_path):
    faults = refusal(tmp_path, RECIPES)
    lines = {n: line.strip() for n, line in enumerate(RECIPES.splitlines(), 1)}
    found = {}
    for fault in faults:
        number = int(fault.split(":")[1])
        found[fault.split(": ", 1)[1].split(" ")[0]] = lines[number]
    assert found == {
        "trial.recipe.choice.0.train.stpes": "train: {lr: 1e-3, stpes: 2}",
        "trial.recipe.choice.1.objektive": "- objektive: none",
        "trial.recipe.choice.2.objective.wieght": "wieght: 2",
        "trial.recipe.choice.3.regulariser.choice.1.weight": "- {name: kl_to_base, weight: -1}",
    }


def test_a_fault_beside_a_recipe_stays_where_it_is(tmp_path):
    text = RECIPES.replace("stpes: 2}", "steps: 2}").replace("wieght: 2", "weight: 2")
    text = text.replace("objektive", "objective").replace("weight: -1", "weight: 1")
    (fault,) = refusal(tmp_path, text.replace("batch_size: 4}", "batch_sise: 4}"))
    number = next(n for n, line in enumerate(text.splitlines(), 1) if "batch_size" in line)
    assert fault.startswith(f":{number}: trial.train.batch_sise is no known key (known: lr, ")


def test_recipe_is_among_the_known_keys_of_a_trial(tmp_path):
    (fault,) = refusal(tmp_path, TINY.replace("  train:", "  recipes: {}\n  train:"))
    assert ", recipe); did you mean 'recipe'?" in fault
