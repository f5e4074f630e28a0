"""The verb that runs one trial."""

import json
import shutil

import pytest
import torch
from transformers import AutoModelForCausalLM, AutoModelForMaskedLM, AutoTokenizer

from tests.trainables.cli.trials import EVALUATORS, TRIAL, is_a_sentence
from trainables.config import TrialConfig
from trainables.metrics.interval import intervals
from trainables.metrics.names import RELATIVE
from trainables.models import miniature
from trainables.schema.yaml_file import read, validate
from trainables.trial import run_trial


@pytest.mark.slow
@pytest.mark.timeout(180)
def test_a_trial_is_run_saved_resumed_and_measured(process, main, folder):
    status, output, errors = process(
        "run", "trial.yaml", "--save", "saved", "--save-state", "--json", "first.json"
    )
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

    words = ("--model", "saved", "--evaluators", EVALUATORS, "--json", "values.json")
    status, output, errors = main("measure", *words)
    assert status == 0, errors
    measured = json.loads((folder / "values.json").read_text())["values"]
    assert [line.split()[0] for line in output.splitlines()] == [*measured]
    last = {  # a model on its own has risen over nothing
        name: value
        for name, value in reports[-1]["metrics"].items()
        if not name.endswith((*RELATIVE, "degenerate"))
    }
    assert measured == pytest.approx(last, abs=1e-4)
    before = reports[0]["metrics"]["forgetting/general/nll"]
    assert abs(measured["forgetting/general/nll"] - before) > 1e-4

    (folder / "longer.yaml").write_text(TRIAL.replace("steps: 4", "steps: 8"))
    status, _, errors = main("run", "longer.yaml", "--resume", "saved", "--json", "rest.json")
    assert status == 0, errors
    rest = json.loads((folder / "rest.json").read_text())
    assert [report["step"] for report in rest] == [6, 8]
    config = validate(TrialConfig, read(folder / "longer.yaml"))
    declared = {metric.name: metric for metric in config.metrics()}
    whole = [
        {
            "step": report.step,
            "metrics": report.metrics,
            "errors": report.errors,
            "df": report.df,
            "intervals": intervals(report.metrics, report.errors, report.df, declared),
        }
        for report in run_trial(config)
    ]
    assert whole[-2:] == rest

    (folder / "faulty.yaml").write_text(TRIAL.replace("steps: 4", "steps: four"))
    status, output, errors = main("run", "faulty.yaml")
    assert (status, output) == (2, "")
    assert errors == "faulty.yaml:4: train.steps must be a whole number, but got 'four'.\n"


@pytest.mark.slow
@pytest.mark.timeout(120)
@pytest.mark.parametrize("parameters", ["all", "lora"])
@pytest.mark.parametrize("name", miniature.MODELS)
def test_a_saved_folder_is_a_model_of_plain_transformers_and_nothing_else(
    parameters, name, main, folder
):
    family = miniature.MODELS[name]
    (folder / "saved").mkdir()
    for old in ("optimiser.safetensors", "resume.json", "trial.json"):
        (folder / "saved" / old).write_text("of an earlier trial")
    trial = f"{TRIAL}parameters: {parameters}\n".replace("miniature-llama", name)
    (folder / "trial.yaml").write_text(trial.replace(f"{name}}}", f"{name}, family: {family}}}"))
    status, _, errors = main("run", "trial.yaml", "--save", "saved", "--json", "reports.json")
    assert status == 0, errors
    files = {file.name for file in (folder / "saved").iterdir()}
    assert not {"optimiser.safetensors", "resume.json", "trial.json"} & files
    assert {"config.json", "model.safetensors", "tokenizer.json"} <= files

    auto_class = {"causal": AutoModelForCausalLM, "masked": AutoModelForMaskedLM}[family]
    module, loading = auto_class.from_pretrained("saved", output_loading_info=True)
    assert not any(loading.values()), "no weight is missing, left over or of another shape"
    tokenizer = AutoTokenizer.from_pretrained("saved")
    base = auto_class.from_pretrained(miniature.folder(name))
    ids = tokenizer("the nurse said that she was tired", return_tensors="pt")["input_ids"]
    assert not torch.allclose(module(ids).logits, base(ids).logits, atol=1e-3), "it was trained"

    words = ("--model", "saved", "--evaluators", EVALUATORS, "--json", "values.json")
    status, _, errors = main("measure", *words)
    assert status == 0, errors
    measured = json.loads((folder / "values.json").read_text())["values"]
    last = json.loads((folder / "reports.json").read_text())[-1]["metrics"]
    nll = "forgetting/general/nll"
    assert measured[nll] == pytest.approx(last[nll], abs=1e-4)
    status, _, errors = main("run", "trial.yaml", "--resume", "saved")
    assert status == 2
    assert (
        "lacks trial.json: `python -m trainables run --save FOLDER --save-state` writes" in errors
    )


def test_a_state_without_a_folder_is_refused_with_status_two(main):
    status, _, errors = main("run", "trial.yaml", "--save-state")
    assert status == 2
    assert errors == "--save-state must come with --save FOLDER, which it writes to.\n"


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ("steps: 4", "stpes: 4", "trial.yaml:4: train.steps must be given."),
        ("likelihood_gap, weight: 10", "nope", "trial.yaml:3: objective must be one of none, cda"),
        ("1e-3", "fast", "trial.yaml:4: train.lr must be a number, but got 'fast'."),
        (TRIAL, "- a list", "trial.yaml: must hold a mapping (key: value), but holds a list."),
    ],
)
def test_a_faulty_file_is_refused_with_status_two(old, new, sentence, main, folder):
    (folder / "trial.yaml").write_text(TRIAL.replace(old, new))
    status, output, errors = main("run", "trial.yaml")
    assert (status, output) == (2, "")
    assert errors.startswith(sentence)
    assert "Traceback" not in errors


def test_the_spec_of_a_sweep_is_one_sentence_with_the_command_that_runs_it(main, folder):
    (folder / "sweep.yaml").write_text("name: one\ntrial: {}\ngoals: [bias/stereoset/gap]\n")
    assert main("run", "sweep.yaml") == (
        2,
        "",
        "sweep.yaml: must be the file of one trial, but is the spec of a sweep (it has the key "
        "`trial`): `sweep run sweep.yaml` runs it.\n",
    )


def test_a_missing_file_is_refused_with_status_two(main):
    status, _, errors = main("run", "nothing.yaml")
    assert status == 2
    assert errors.startswith("nothing.yaml: must be a YAML file that can be read, but: No such")
    assert is_a_sentence(errors)


def test_a_model_is_never_saved_over_its_own_base(main, folder):
    shutil.copytree(miniature.folder("miniature-llama"), folder / "own")
    (folder / "alias").symlink_to(folder / "own")
    before = (folder / "own" / "model.safetensors").read_bytes()
    (folder / "own.yaml").write_text(TRIAL.replace("miniature-llama", "own"))
    for save in ("own", "./own/", "alias"):
        status, output, errors = main("run", "own.yaml", "--save", save)
        assert (status, output) == (2, "")
        assert is_a_sentence(errors)
        assert errors.startswith("--save must be another folder than that of the base model, own")
    assert (folder / "own" / "model.safetensors").read_bytes() == before


def test_a_folder_that_cannot_be_made_is_refused_before_training(main, folder):
    status, output, errors = main("run", "trial.yaml", "--save", "/proc/no/saved")
    assert (status, output) == (2, "")
    assert is_a_sentence(errors)
    assert errors.startswith("--save must be a folder that can be made, but /proc/no/saved")
