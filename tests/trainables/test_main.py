"""The command line for one trial."""

import json
import math

import pytest

from trainables.config import TrialConfig
from trainables.trial import run_trial
from trainables.yaml_file import read, validate

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
def main(python, tmp_path):
    """Run `python -m trainables …` in a folder that holds trial.yaml."""
    (tmp_path / "trial.yaml").write_text(TRIAL)

    def run(*arguments):
        return python("-m", "trainables", *arguments, cwd=tmp_path)

    return run


def is_a_sentence(errors):
    return "Traceback" not in errors and len(errors.splitlines()) == 1


@pytest.mark.slow
@pytest.mark.timeout(180)
def test_a_trial_is_run_saved_resumed_and_measured(main, tmp_path):
    status, output, errors = main("run", "trial.yaml", "--save", "saved", "--json", "first.json")
    assert status == 0, errors
    reports = json.loads((tmp_path / "first.json").read_text())
    assert [report["step"] for report in reports] == [0, 2, 4]
    assert [line for line in output.splitlines() if line.startswith("step")][-1].startswith(
        "step 4/4, "
    )
    assert output.count("saved to saved") == 1
    assert all(f"{name:<36}" in output for name in reports[0]["metrics"])

    status, output, errors = main("measure", *("--model", "saved", "--evaluators", ASKED))
    assert status == 0, errors
    measured = {line.split()[0]: float(line.split()[1]) for line in output.splitlines()}
    last = reports[-1]["metrics"]
    del last["forgetting/general/nll_rise"]  # a model on its own has risen over nothing
    assert measured == pytest.approx(last, abs=1e-4)
    assert measured["bias/miniature/ss"] != reports[0]["metrics"]["bias/miniature/ss"]

    (tmp_path / "longer.yaml").write_text(TRIAL.replace("steps: 4", "steps: 8"))
    status, _, errors = main("run", "longer.yaml", "--resume", "saved", "--json", "rest.json")
    assert status == 0, errors
    rest = json.loads((tmp_path / "rest.json").read_text())
    assert [report["step"] for report in rest] == [6, 8]
    config = validate(TrialConfig, read(tmp_path / "longer.yaml"))
    whole = [{"step": report.step, "metrics": report.metrics} for report in run_trial(config)]
    assert whole[-2:] == rest


@pytest.mark.slow
@pytest.mark.timeout(120)
def test_values_are_written_as_json_with_all_their_digits(main, tmp_path):
    status, output, errors = main(
        *("measure", "--model", "miniature-bert", "--evaluators", ASKED, "--json", "values.json")
    )
    assert status == 0, errors
    written = json.loads((tmp_path / "values.json").read_text())
    assert written["model"] == "miniature-bert"
    values = written["values"]
    assert values["forgetting/general/perplexity"] == pytest.approx(
        math.exp(values["forgetting/general/nll"])
    )
    printed = {line.split()[0]: line.split()[1] for line in output.splitlines()}
    assert printed == {name: f"{value:.4f}" for name, value in values.items()}


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ("steps: 4", "stpes: 4", "trial.yaml:4: train.steps must be given."),
        ("likelihood_gap, weight: 10", "dpo", "trial.yaml:3: objective must be one of none, cda"),
        ("1e-3", "fast", "trial.yaml:4: train.lr must be a valid number, but got 'fast'."),
        (TRIAL, "- a list", "trial.yaml: must hold a mapping (key: value), but holds list."),
    ],
)
def test_a_faulty_file_is_refused_with_status_two(old, new, sentence, main, tmp_path):
    (tmp_path / "trial.yaml").write_text(TRIAL.replace(old, new))
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
        ("perplexty", "evaluators.0 must be one of stereoset, crows_pairs, perplexity, "),
        ("perplexity,stereoset:splt=dev", "evaluators.1.splt is no known key (known: name, data, "),
        ("perplexity:limit=many", "evaluators.0.limit must be a valid integer, but got 'many'."),
        ("perplexity:limit=[1", "--evaluators must be NAME or NAME:KEY=VALUE:…, but got "),
        ("multiple_choice", "evaluators.0.task must be given."),
    ],
)
def test_an_unknown_measurement_is_refused_with_status_two(asked, sentence, main):
    status, output, errors = main(
        "measure", *("--model", "miniature-llama", "--family", "causal", "--evaluators", asked)
    )
    assert (status, output) == (2, "")
    assert errors.startswith(sentence)
    assert is_a_sentence(errors)


@pytest.mark.slow
@pytest.mark.timeout(120)
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
            "'no.txt' is neither an existing path nor a known name",
        ),
    ],
)
def test_what_cannot_be_done_is_one_sentence_and_status_one(arguments, sentence, main, tmp_path):
    diverges = TRIAL.replace("weight: 10", "weight: 3e38, per: sentence")
    (tmp_path / "diverges.yaml").write_text(diverges)
    status, _, errors = main(*arguments)
    assert status == 1
    assert sentence in errors
    assert is_a_sentence(errors)
    assert not (tmp_path / "saved").exists()


def test_help_names_both_commands_and_loads_no_torch(main, modules_after):
    status, output, _ = main("--help")
    assert status == 0
    assert "run" in output
    assert "measure" in output
    assert "torch" not in modules_after("import trainables.__main__")
