"""Sixty hostile specs: every verb that takes a spec refuses each in one breath, in little memory, and obeys none."""

import json
import os
import subprocess
import sys

import pytest

from tests.sweep.conftest import GRID, TINY
from tests.sweep.test_any_spec import STEPS, WORST

MODEL, DATA, LR = "path: miniature-llama", "data: miniature, size: 50", "loguniform: [1e-4, 1e-2]"


def nested(depth: int) -> str:
    """Return a choice whose only option is a choice, and so on."""
    return "{choice: [" * depth + "1" + "]}" * depth


# {0} is a folder with a marker to be left alone, and with odd files.
OF_INTENT = {
    "runs a program": TINY + '\nx: !!python/object/apply:os.system ["touch {0}/obeyed"]\n',
    "makes an object": TINY.replace("steps: 2", "steps: !!python/object/new:os.system [touch {0}/obeyed]"),
    "names a function": TINY + "\nx: !!python/name:os.system\n",
    "includes a file": TINY + "\nx: !include /etc/passwd\n",
    "has bytes": TINY + "\nx: !!binary aGVsbG8=\n",
    "has a set": TINY + "\nx: !!set {a, b}\n",
    "says a key twice": TINY + "\nname: other\n",
    "has a NUL": TINY.replace("name: tiny", "name: ti\0ny"),
    "has an escape": TINY.replace("name: tiny", 'name: "ti\\x1b[2Jny"'),
    "is indented by tabs": TINY.replace("  model", "\tmodel"),
    "is many documents": "---\n".join([TINY] * 200),
    "has a number beyond all": TINY.replace("steps: 2", f"steps: 1{'0' * 400}"),
    "has an infinite rate": TINY.replace(LR, "loguniform: [1e-4, .inf]"),
    "has a rate that is no number": TINY.replace(LR, "loguniform: [.nan, 1e-2]"),
    "has a rate below all": TINY.replace(LR, "loguniform: [0, 1e-2]"),
    "has turned bounds": TINY.replace(LR, "loguniform: [1e-2, 1e-4]"),
    "steps for ever": TINY.replace("steps: 2", f"steps: {2**62}"),
    "steps back": TINY.replace("steps: 2", "steps: -2"),
    "has trials without end": TINY.replace("trials: 4", f"trials: {10**30}"),
    "has as many trials as words": TINY.replace("trials: 4", "trials: 1_000_000_000"),
    "has seeds without end": TINY + "replicates: {seeds: 1000000000}\n",
    "takes all machines": TINY.replace("at_once: 1", "workers_per_trial: 1000000000"),
    "takes a shred of a GPU": TINY.replace("at_once: 1", "gpus_per_trial: 1.0e-300"),
    "has a batch beyond all": TINY.replace("batch_size: 4", f"batch_size: {2**62}"),
    "leads out by its name": TINY.replace("name: tiny", "name: ../../tiny"),
    "has a name of a megabyte": TINY.replace("name: tiny", f"name: {'a' * 2**20}"),
    "has a name that is code": TINY.replace("name: tiny", 'name: "{{ 7 * 7 }}$(touch {0}/obeyed)"'),
    "takes a file for a model": TINY.replace(MODEL, "path: /etc/passwd"),
    "takes an address for a model": TINY.replace(MODEL, "path: https://127.0.0.1:9/model"),
    "takes a folder with code for a model": TINY.replace(MODEL, "path: {0}/model"),
    "trusts code": TINY.replace(MODEL, f"{MODEL}, trust_remote_code: true"),
    "takes passwords for data": TINY.replace(DATA, "data: /etc/shadow"),
    "takes a device for data": TINY.replace(DATA, "data: {0}/zeros.csv"),
    "takes a pipe for data": TINY.replace(DATA, "data: {0}/pipe.csv"),
    "takes a circle of links for data": TINY.replace(DATA, "data: {0}/circle.csv"),
    "takes a file without an end for data": TINY.replace(DATA, "data: {0}/huge.jsonl"),
    "takes a home that is none for data": TINY.replace(DATA, "data: ~nosuchuser/x.csv"),
    "keeps in a chain of stores": TINY + "checkpoints: {resume: true, storage_path: 'simplecache::file://{0}/x'}\n",
    "keeps with a password": TINY + "checkpoints: {resume: true, storage_path: 's3://user:hunter22@bucket/x'}\n",
    "chooses among choices": TINY.replace("steps: 2", f"steps: {nested(300)}"),
    "is a grid of all things": GRID.replace(STEPS, f"steps: {{choice: {list(range(1, 90))}}}, batch_size: {{choice: {list(range(1, 90))}}}, seed: {{choice: {list(range(90))}}}"),
}  # fmt: skip

# Each is called as a user would call it, one after another in one process, as memory adds up then.
CALL_EACH = """
import json, resource, sys, time
from pathlib import Path
from typer.testing import CliRunner
from sweep.cli.app import app
from trainables.schema.text.printable import visible
resource.setrlimit(resource.RLIMIT_CPU, (400, 400))
verb, *words = sys.argv[1].split()
for path in sys.argv[2:]:
    began = time.process_time()
    result = CliRunner().invoke(app, [verb, path, *words])
    spent = time.process_time() - began
    fault = result.exception
    print(json.dumps({
        "name": Path(path).stem, "code": result.exit_code, "seconds": spent,
        "lines": result.output.count(chr(10)), "is_shown": "\\ncluster  " in result.output, "said": result.output[:300],
        "fault": "" if fault is None or isinstance(fault, SystemExit) else repr(fault),
        "is_printable": all(visible(line) == line for line in result.output.split(chr(10))),
    }))
status = dict(line.split(":") for line in Path("/proc/self/status").read_text().splitlines())
print(int(status["VmHWM"].split()[0]) / 1000)
"""


@pytest.fixture
def specs(tmp_path, monkeypatch):
    """The paths of sixty files, in a folder with what they name."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "zeros.csv").symlink_to("/dev/zero")
    (tmp_path / "circle.csv").symlink_to("circle.csv")
    os.mkfifo(tmp_path / "pipe.csv")
    with (tmp_path / "huge.jsonl").open("wb") as file:
        file.truncate(10 * 2**30)  # takes no room on the disk
    model = tmp_path / "model"
    model.mkdir()
    code = {"auto_map": {"AutoModelForCausalLM": "evil.Model"}, "model_type": "llama"}
    (model / "config.json").write_text(json.dumps(code))
    (model / "evil.py").write_text(f"open({str(tmp_path / 'obeyed')!r}, 'w')")
    texts = {name: text.replace("{0}", str(tmp_path)) for name, text in OF_INTENT.items()} | WORST
    for name, text in texts.items():
        (tmp_path / f"{name}.yaml").write_text(text)
    return {name: str(tmp_path / f"{name}.yaml") for name in texts}


# Specs that only look odd: they name 3 600 points, or a choice of 2000, which are as good as any.
HARMLESS = {"a long choice", "two wide choices", "addresses", "lists of keys"}
# A plan and a submission are made without what a spec names on other machines.
OF_FILES = {name for name in OF_INTENT if " for " in name} - {"steps for ever"}


@pytest.mark.long
@pytest.mark.slow
@pytest.mark.timeout(400)
@pytest.mark.parametrize(
    ("words", "accepts"),
    [
        ("check", HARMLESS),
        ("plan", HARMLESS | OF_FILES),
        ("submit --yes --address http://127.0.0.1:9", HARMLESS | OF_FILES),
    ],
)
def test_every_verb_refuses_hostile_specs_in_little_time_and_memory(
    words, accepts, specs, tmp_path
):
    """The processor's time is printed, and held to several times what a user is promised: machines differ."""
    assert len(specs) >= 60
    done = subprocess.run(
        [sys.executable, "-c", CALL_EACH, words, *specs.values()],
        env=os.environ | {"SWEEP_HOME": str(tmp_path / "sweeps"), "COLUMNS": "80"},
        stdin=subprocess.DEVNULL, capture_output=True, text=True,
    )  # fmt: skip
    assert done.stderr == ""
    *rows, peak = done.stdout.splitlines()
    calls = {call["name"]: call for call in map(json.loads, rows)}
    assert calls.keys() == specs.keys()
    dearest = max(calls.values(), key=lambda call: call["seconds"])
    print(f"{words}: at most {dearest['seconds']:.1f} s of CPU ({dearest['name']}), {peak} MB")
    assert float(peak) < 500
    assert {name: call["fault"] for name, call in calls.items() if call["fault"]} == {}
    assert {name: call["seconds"] for name, call in calls.items() if call["seconds"] > 10} == {}
    assert {name: call["lines"] for name, call in calls.items() if call["lines"] > 100} == {}
    assert [name for name, call in calls.items() if not call["is_printable"]] == []
    # Nothing listens there: what would be submitted has been shown, and the end is 2 all the same.
    accepted = {
        name: call["said"] for name, call in calls.items() if call["code"] != 2 or call["is_shown"]
    }
    assert accepted.keys() <= accepts, accepted
    assert not (tmp_path / "obeyed").exists()
    assert not (tmp_path / "sweeps").exists()
