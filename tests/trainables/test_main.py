"""The command line for one trial."""

import json
import math

import pytest
from typer.testing import CliRunner

from trainables.__main__ import app
from trainables.config import TrialConfig
from trainables.metrics.names import RELATIVE
from trainables.schema.yaml_file import read, validate
from trainables.trial import run_trial

TRIAL = """\
model: {path: miniature-llama}
alignment: {data: miniature, size: 64}
objective: {name: likelihood_gap, weight: 10}
train: {lr: 1e-3, steps: 4, batch_size: 8, report_every: 2, schedule: constant}
evaluators:
  - {name: stereoset, data: miniature}
  - {name: perplexity, data: miniature, limit: 20}
"""
ASKED = "stereoset:data=miniature,perplexity:data=miniature:limit=20"


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """The folder that one stands in; it holds trial.yaml."""
    (tmp_path / "trial.yaml").write_text(TRIAL)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def process(folder, python):
    """Run `python -m trainables …` there."""
    return lambda *arguments: python("-m", "trainables", *arguments, cwd=folder)


@pytest.fixture
def main(folder):
    """Run the same command line without a process of its own."""

    def run(*arguments):
        done = CliRunner().invoke(app, arguments)
        if not isinstance(done.exception, SystemExit | None):
            raise done.exception
        return done.exit_code, done.stdout, done.stderr

    return run


def is_a_sentence(errors):
    return "Traceback" not in errors and len(errors.splitlines()) == 1


@pytest.mark.slow
@pytest.mark.timeout(180)
def test_a_trial_is_run_saved_resumed_and_measured(process, main, folder):
    status, output, errors = process("run", "trial.yaml", "--save", "saved", "--json", "first.json")
    assert status == 0, errors
    reports = json.loads((folder / "first.json").read_text())
    assert [report["step"] for report in reports] == [0, 2, 4]
    assert [line for line in output.splitlines() if line.startswith("step")][-1].startswith(
        "step 4/4, "
    )
    assert output.count("saved to saved") == 1
    model_and_state = {"model.safetensors", "optimiser.safetensors", "resume.json", "trial.json"}
    assert model_and_state <= {file.name for file in (folder / "saved").iterdir()}
    assert all(f"{name:<36}" in output for name in reports[0]["metrics"])

    status, output, errors = main("measure", *("--model", "saved", "--evaluators", ASKED))
    assert status == 0, errors
    measured = {line.split()[0]: float(line.split()[1]) for line in output.splitlines()}
    last = {  # a model on its own has risen over nothing
        name: value
        for name, value in reports[-1]["metrics"].items()
        if not name.endswith((*RELATIVE, "degenerate"))
    }
    assert measured == pytest.approx(last, abs=1e-4)
    before = reports[0]["metrics"]["forgetting/general/nll"]
    assert measured["forgetting/general/nll"] != before

    (folder / "longer.yaml").write_text(TRIAL.replace("steps: 4", "steps: 8"))
    status, _, errors = main("run", "longer.yaml", "--resume", "saved", "--json", "rest.json")
    assert status == 0, errors
    rest = json.loads((folder / "rest.json").read_text())
    assert [report["step"] for report in rest] == [6, 8]
    config = validate(TrialConfig, read(folder / "longer.yaml"))
    whole = [
        {"step": report.step, "metrics": report.metrics, "errors": report.errors}
        for report in run_trial(config)
    ]
    assert whole[-2:] == rest

    (folder / "faulty.yaml").write_text(TRIAL.replace("steps: 4", "steps: four"))
    status, output, errors = main("run", "faulty.yaml")
    assert (status, output) == (2, "")
    assert errors == "faulty.yaml:4: train.steps must be a whole number, but got 'four'.\n"


def test_values_are_written_as_json_with_all_their_digits(main, folder):
    status, output, errors = main(
        *("measure", "--model", "miniature-bert", "--evaluators", ASKED, "--json", "values.json")
    )
    assert status == 0, errors
    written = json.loads((folder / "values.json").read_text())
    assert written["model"] == "miniature-bert"
    values = written["values"]
    assert values["forgetting/general/perplexity"] == pytest.approx(
        math.exp(values["forgetting/general/nll"])
    )
    printed = {line.split()[0]: line.split()[1] for line in output.splitlines()}
    assert printed == {name: f"{value:.4f}" for name, value in values.items()}


@pytest.mark.parametrize("option", ["--json", "--items"])
@pytest.mark.parametrize("file", [".", "nowhere/x.json"])
def test_a_file_that_cannot_be_written_is_refused_before_anything_is_measured(option, file, main):
    status, output, errors = main(
        *("measure", "--model", "miniature-llama", "--evaluators", ASKED, option, file)
    )
    assert (status, output) == (2, "")
    assert errors == f"{option} must be a file in a folder that exists, but got {file}.\n"


def test_scores_that_are_no_numbers_are_null_and_fail(main, folder, edited):
    broken = edited("miniature-llama", noise=float("nan"))
    status, _, errors = main(
        *("measure", "--model", str(broken), "--evaluators", ASKED, "--json", "values.json")
    )
    assert status == 1
    assert "must be numbers, but those of bias/miniature/gap, " in errors
    written = json.loads((folder / "values.json").read_text(), parse_constant=pytest.fail)
    assert set(written["values"].values()) == {None}


def test_how_many_items_there_were_is_said_and_what_is_lost_by_a_fault_is_not_the_rest(
    main, folder
):
    (folder / "hellaswag_val.jsonl").write_text("{}")
    asked = "perplexity:data=miniature:limit=1,multiple_choice:task=hellaswag"
    status, output, errors = main(
        *("measure", "--model", "miniature-llama", "--json", "values.json"),
        *("--evaluators", f"{asked}:path=hellaswag_val.jsonl"),
    )
    assert status == 1
    assert "hellaswag_val.jsonl, line 1: must have the fields activity_label" in errors
    assert "± ?" in output
    assert output.splitlines()[0].endswith("n=1")
    assert json.loads((folder / "values.json").read_text())["items"]["forgetting/general/nll"] == 1


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ("steps: 4", "stpes: 4", "trial.yaml:4: train.steps must be given."),
        ("likelihood_gap, weight: 10", "nope", "trial.yaml:3: objective must be one of none, cda"),
        ("1e-3", "fast", "trial.yaml:4: train.lr must be a number, but got 'fast'."),
        (TRIAL, "- a list", "trial.yaml: must hold a mapping (key: value), but holds list."),
    ],
)
def test_a_faulty_file_is_refused_with_status_two(old, new, sentence, main, folder):
    (folder / "trial.yaml").write_text(TRIAL.replace(old, new))
    status, output, errors = main("run", "trial.yaml")
    assert (status, output) == (2, "")
    assert errors.startswith(sentence)
    assert "Traceback" not in errors


def test_a_missing_file_is_refused_with_status_two(main):
    status, _, errors = main("run", "nothing.yaml")
    assert status == 2
    assert errors.startswith("nothing.yaml: must be a YAML file that can be read, but: No such")
    assert is_a_sentence(errors)


@pytest.mark.parametrize(
    ("asked", "sentence"),
    [
        ("perplexty", "evaluators.0 must be one of stereoset, crows_pairs, winobias, "),
        ("perplexity,stereoset:splt=dev", "evaluators.1.splt is no known key (known: name, data, "),
        ("perplexity:limit=many", "evaluators.0.limit must be a whole number, but got 'many'."),
        ("perplexity:limit=[1", "--evaluators must be NAME or NAME:KEY=VALUE:…, but got "),
        ("multiple_choice", "evaluators.0.task must be given."),
        ("multiple_choice:task=pica", "evaluators.0.task must be 'piqa', 'openbookqa', "),
        ("perplexity,perplexity:limit=9", "evaluators must measure different things, but two of "),
        (
            "stereoset:data=miniature:split=test",
            "evaluators.0 data miniature must be split dev and",
        ),
        ("perplexity,kl", "evaluators.1 must measure a model alone, but kl is a change against "),
    ],
)
def test_an_unknown_measurement_is_refused_with_status_two(asked, sentence, main):
    status, output, errors = main(
        "measure", *("--model", "miniature-llama", "--family", "causal", "--evaluators", asked)
    )
    assert (status, output) == (2, "")
    assert errors.startswith(sentence)
    assert is_a_sentence(errors)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("run", "trial.yaml", "--resume", "."), "must be a checkpoint of this model"),
        (("run", "diverges.yaml", "--save", "saved"), "bias/miniature/gap = nan, "),
        (
            ("measure", "--model", ".", "--evaluators", "perplexity"),
            "must be the folder of a model",
        ),
        (("measure", "--model", "nowhere", "--evaluators", "perplexity"), "'nowhere' is neither"),
        (
            (
                *("measure", "--model", "miniature-bert", "--family", "causal"),
                "--evaluators",
                ASKED,
            ),
            "holds a masked model: family must be 'masked', but got 'causal'.",
        ),
        (
            (*("measure", "--model", "miniature-llama"), "--evaluators", "perplexity:data=no.txt"),
            "there is no file no.txt",
        ),
    ],
)
def test_what_cannot_be_done_is_one_sentence_and_status_one(arguments, sentence, main, folder):
    diverges = TRIAL.replace("weight: 10", "weight: 3e38, per: sentence")
    (folder / "diverges.yaml").write_text(diverges)
    status, _, errors = main(*arguments)
    assert status == 1
    assert sentence in errors
    assert is_a_sentence(errors)
    assert not (folder / "saved").exists()


def test_help_names_both_commands_and_loads_no_torch(main, modules_after):
    status, output, _ = main("--help")
    assert status == 0
    assert "run" in output
    assert "measure" in output
    assert "torch" not in modules_after("import trainables.__main__")
