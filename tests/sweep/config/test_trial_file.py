"""The file of one trial is told apart from the spec of a sweep, by every verb that reads one."""

import pytest

from tests.sweep.conftest import TINY, verb
from tests.trainables.cli.trials import TRIAL

SENTENCE = (
    "{path}: must be the spec of a sweep, but is that of one trial (it has no key `trial`): "
    "`python -m trainables run {path}` runs it.\n"
)


@pytest.mark.parametrize(
    "words", ["run", "check", "metrics", "submit --address http://127.0.0.1:1"]
)
def test_the_file_of_a_trial_is_one_sentence_with_the_command_that_runs_it(
    words, tmp_path, sweep_home
):
    path = tmp_path / "trial.yaml"
    path.write_text(TRIAL)
    name, *options = words.split()
    ended = verb(name, path, *options)
    assert (ended.exit_code, ended.stdout) == (2, "")
    assert ended.stderr == SENTENCE.format(path=path)


def test_a_spec_whose_model_stands_at_the_wrong_level_keeps_the_sentence_of_its_line(tmp_path):
    path = tmp_path / "spec.yaml"
    path.write_text(TINY.replace("trial:\n", "model: {path: miniature-llama}\ntrial:\n", 1))
    ended = verb("check", path)
    assert ended.exit_code == 2
    assert ended.stderr.startswith(f"{path}:2: model is no known key (known: name, trial, ")
