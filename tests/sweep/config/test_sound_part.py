"""The trials of a faulty spec, without what is wrong in them."""

import pytest

from sweep.config.check import check
from sweep.config.preflight import faults_of_sound_part
from sweep.config.sound_part import MAX_VALUES, sound_trials
from tests.sweep.conftest import TINY
from trainables.schema.yaml_file import SpecError, read


def test_only_what_is_wrong_is_left_out(tmp_path):
    path = tmp_path / "spec.yaml"
    text = TINY.replace("steps: 2", "stpes: 2").replace("size: 50", "size: 50, sise: 5")
    path.write_text(text.replace("- none", "- {name: cda, sides: three}"))
    trials = sound_trials(read(path))
    assert {trial.objective.name for trial in trials} == {"cda", "likelihood_gap"}
    for trial in trials:
        assert (trial.alignment.data, trial.alignment.size) == ("miniature", 50)
        assert [evaluator.name for evaluator in trial.evaluators] == ["stereoset", "perplexity"]


def test_a_sound_spec_keeps_all_its_trials(tmp_path):
    path = tmp_path / "spec.yaml"
    path.write_text(TINY)
    assert sound_trials(read(path)) == check(read(path)).trials()


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("  model: {path: miniature-llama}\n", ""),
        ("  train:", "  trian:"),
        ("  evaluators:", "  evaluator:"),
        ("trial:", "tiral:"),
        ("loguniform: [1, 100]", "loguniform: [100, 1]"),
        ("- none", "- {choice: []}"),
        ("{path: miniature-llama}", "miniature-llama"),
    ],
)
def test_a_spec_that_is_wrong_anywhere_has_no_further_faults_of_its_data(tmp_path, old, new):
    path = tmp_path / "spec.yaml"
    path.write_text(TINY.replace(old, new))
    document = read(path)
    with pytest.raises(SpecError):
        check(document)
    assert faults_of_sound_part(document) == []


def test_of_many_faulty_trials_the_first_are_looked_at(tmp_path):
    path = tmp_path / "spec.yaml"
    options = ", ".join(map(str, range(1, 1500)))
    text = TINY.replace("steps: 2", f"stpes: 1, steps: {{choice: [{options}]}}")
    path.write_text(text)
    trials = sound_trials(read(path))
    num_values, num_rounds = 20, 2  # of a trial, and to take out the one fault
    assert 0 < len(trials) <= MAX_VALUES / num_values / num_rounds


def test_a_space_that_is_too_large_has_no_sound_part(tmp_path):
    path = tmp_path / "spec.yaml"
    options = ", ".join(map(str, range(1, 9000)))
    path.write_text(TINY.replace("steps: 2", f"steps: {{choice: [{options}]}}"))
    assert sound_trials(read(path)) == []


def test_a_part_that_is_written_as_a_word_may_lack_a_setting(tmp_path):
    path = tmp_path / "spec.yaml"
    path.write_text(
        TINY.replace("    - {name: perplexity", "    - multiple_choice\n    - {name: perplexity")
    )
    (names,) = {tuple(e.name for e in trial.evaluators) for trial in sound_trials(read(path))}
    assert names == ("weights",)
