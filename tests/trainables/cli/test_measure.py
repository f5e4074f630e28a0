"""The verb that measures a model."""

import json
import math

import pytest

from tests.markdown import ROOT
from tests.trainables.cli.trials import EVALUATORS, is_a_sentence
from trainables.harness import folder as tasks_folder


def test_values_are_written_as_json_with_all_their_digits(main, folder):
    status, output, errors = main(
        *(
            "measure",
            "--model",
            "miniature-bert",
            "--evaluators",
            EVALUATORS,
            "--json",
            "values.json",
        )
    )
    assert status == 0, errors
    written = json.loads((folder / "values.json").read_text())
    assert written["model"] == "miniature-bert"
    values = written["values"]
    assert values["forgetting/general/perplexity"] == pytest.approx(
        math.exp(values["forgetting/general/nll"])
    )
    printed = {line.split()[0]: line.split()[1] for line in output.splitlines()}
    assert printed.keys() == values.keys()
    for name, value in values.items():
        assert float(printed[name]) == pytest.approx(value, rel=5e-3, abs=5e-5), name


@pytest.mark.parametrize(
    ("model", "evaluators", "start"),
    [
        ("miniature-llama", "perplexity:data=miniature:limit=2", "'<s>' (format: plain)."),
        ("miniature-bert", "perplexity:data=miniature:limit=2", ""),
    ],
)
def test_what_texts_begin_behind_is_said_of_a_causal_model_and_notes_have_80_columns(
    model, evaluators, start, main
):
    status, _, errors = main("measure", "--model", model, "--evaluators", evaluators)
    assert status == 0
    assert ("Texts begin behind" in errors) == bool(start)
    assert start in errors
    assert max(map(len, errors.splitlines())) <= 80


@pytest.mark.parametrize("option", ["--json", "--items"])
@pytest.mark.parametrize("file", [".", "nowhere/x.json"])
def test_a_file_that_cannot_be_written_is_refused_before_anything_is_measured(option, file, main):
    status, output, errors = main(
        *("measure", "--model", "miniature-llama", "--evaluators", EVALUATORS, option, file)
    )
    assert (status, output) == (2, "")
    assert errors == f"{option} must be a file in a folder that exists, but got {file}.\n"


@pytest.mark.slow
@pytest.mark.timeout(120)
@pytest.mark.parametrize("changed", [{"num_hidden_layers": 3}, {"vocab_size": 10}])
def test_a_model_that_does_not_fit_is_one_sentence_without_the_report_of_transformers(
    changed, process, edited
):
    """Its log goes to the standard error of a process, past what a test can capture within one."""
    broken = edited("miniature-llama", config=changed | {"bos_token_id": 99_999})
    status, output, errors = process(
        *("measure", "--model", broken, "--evaluators", "stereoset:data=miniature")
    )
    assert (status, output) == (2, "")
    assert is_a_sentence(errors), errors
    assert "must be those that its config.json describes" in errors


def test_scores_that_are_no_numbers_are_null_and_fail(main, folder, edited):
    broken = edited("miniature-llama", noise=float("nan"))
    status, _, errors = main(
        *("measure", "--model", str(broken), "--evaluators", EVALUATORS, "--json", "values.json")
    )
    assert status == 1
    assert "must be numbers, but those of bias/miniature/gap, " in errors
    written = json.loads((folder / "values.json").read_text(), parse_constant=pytest.fail)
    assert set(written["values"].values()) == {None}


def test_the_number_of_items_is_printed_and_a_fault_loses_only_what_comes_after_it(main, folder):
    (folder / "hellaswag_val.jsonl").write_text("{}")
    evaluators = "perplexity:data=miniature:limit=1,multiple_choice:task=hellaswag"
    status, output, errors = main(
        *("measure", "--model", "miniature-llama", "--json", "values.json"),
        *("--evaluators", f"{evaluators}:path=hellaswag_val.jsonl"),
    )
    assert status == 1
    assert "hellaswag_val.jsonl, line 1: must have the fields activity_label" in errors
    assert "± ?" in output
    assert output.splitlines()[0].endswith("n=1")
    assert json.loads((folder / "values.json").read_text())["items"]["forgetting/general/nll"] == 1


@pytest.mark.parametrize(
    ("evaluators", "sentence"),
    [
        ("perplexty", "evaluators.0 must be one of stereoset, crows_pairs, winobias, "),
        ("perplexity,stereoset:splt=dev", "evaluators.1.splt is no known key (known: name, data, "),
        ("perplexity:limit=many", "evaluators.0.limit must be a whole number, but got 'many'."),
        ("perplexity:limit=[1", "--evaluators must be NAME or NAME:KEY=VALUE:…, but got "),
        (
            "perplexity:data=https://bob:hunter2Zq9@h/x.txt",
            "there is no file https://bob:***@h/x.txt, looked for from ",
        ),
        ("perplexity:data=https://bob:a,b@h/x.txt", "there is no file https://bob:***@h/x.txt, "),
        ("multiple_choice", "evaluators.0.task must be given."),
        ("multiple_choice:task=pica", "evaluators.0.task must name a task that is known (piqa"),
        ("perplexity,perplexity:limit=9", "evaluators must measure different things, but two of "),
        (
            "stereoset:data=miniature:split=test",
            "evaluators.0 data miniature must have split dev and",
        ),
        ("perplexity,kl", "evaluators.1 must measure a model alone, but kl is a change against "),
    ],
)
def test_an_unknown_measurement_is_refused_with_status_two(evaluators, sentence, main):
    status, output, errors = main(
        "measure", *("--model", "miniature-llama", "--family", "causal", "--evaluators", evaluators)
    )
    assert (status, output) == (2, "")
    assert errors.startswith(sentence)
    assert is_a_sentence(errors)


@pytest.fixture
def forgotten():
    """The folder of tasks that a command names in this process is forgotten afterwards."""
    yield
    tasks_folder.use(None)


def test_a_task_of_a_folder_that_the_command_names_is_measured(main, folder, forgotten):
    status, output, errors = main(
        *("measure", "--model", "miniature-llama", "--json", "values.json"),
        *("--evaluators", "harness:task=mini_capitals:limit=9"),
        *("--harness-tasks", str(ROOT / "tests" / "harness_tasks")),
    )
    assert status == 0, errors
    written = json.loads((folder / "values.json").read_text())
    assert written["evaluators"] == [{"name": "harness", "task": "mini_capitals", "limit": 9}]
    assert set(written["items"].values()) == {9}
    assert "task/mini_capitals/acc_norm" in output


def test_a_folder_without_tasks_is_refused_in_a_sentence(main, folder):
    status, _, errors = main(
        *("measure", "--model", "miniature-llama", "--evaluators", "harness:task=mine"),
        *("--harness-tasks", "nowhere"),
    )
    assert status == 2
    assert is_a_sentence(errors)
    assert errors.endswith("nowhere is no folder.\n")
