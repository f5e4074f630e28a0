"""The file of a trial is the trial, and names what it needs to be run again."""

from ruamel.yaml import YAML

from analysis.record.names import TRIAL_COMMENT
from sweep.config.spec import SweepSpec
from sweep.tracking.provenance.trial_yaml import trial_yaml
from tests.conformance import harness_tasks
from tests.sweep.conftest import TINY
from trainables.config import TrialConfig
from trainables.harness import folder as tasks_folder
from trainables.schema.yaml_file import read, validate

CONFIG = SweepSpec.model_validate(YAML(typ="safe", pure=True).load(TINY)).trials()[0]


def test_a_trials_yaml_is_the_trial(tmp_path):
    path = tmp_path / "trial.yaml"
    path.write_text(trial_yaml(CONFIG, "tiny", 7))
    assert path.read_text().startswith(TRIAL_COMMENT), "by it a front knows the files of a sweep"
    assert validate(TrialConfig, read(path)) == CONFIG


def test_a_trials_yaml_names_the_folder_of_tasks_without_which_it_does_not_run():
    with harness_tasks():
        own, packaged = (
            trial_yaml(TrialConfig.model_validate(CONFIG.tree() | {"evaluators": [one]}), "tiny", 7)
            for one in ({"name": "harness", "task": task} for task in ("mini_capitals", "piqa"))
        )
        folder = tasks_folder.current_path()
    assert own.splitlines()[1] == f"# it needs --harness-tasks {folder}"
    assert "--harness-tasks" not in packaged + trial_yaml(CONFIG, "tiny", 7)
