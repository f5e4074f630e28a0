"""The names by which models and data sets are recorded."""

from sweep.config.inputs import Input, inputs_of, role_in, sets_of
from sweep.config.preflight import prepare


def test_the_role_of_an_input_is_read_back_from_its_name():
    for source in ("gpt2", "bug", "./my.file.jsonl"):
        entry = Input("alignment", source, source, lambda: "")
        assert entry.name == f"alignment.{source}"
        assert role_in(entry.name) == "alignment"


def test_the_inputs_of_a_trial_are_its_model_and_all_of_its_data(spec_with):
    replay = {"size: 50}": "size: 50}\n  replay: {data: miniature, ratio: 0.1}"}
    inputs = list(inputs_of(spec_with(replay).trials()))
    assert {(entry.place, entry.name) for entry in inputs} == {
        ("trial.model.path", "model.miniature-llama"),
        ("trial.alignment.data", "alignment.miniature"),
        ("trial.replay.data", "replay.miniature"),
        ("trial.evaluators: stereoset", "evaluator.miniature"),
        ("trial.evaluators: perplexity", "evaluator.general"),
    }
    assert {len(entry.digest()) for entry in inputs} == {64}


def test_the_sets_of_a_trial_have_the_names_of_their_digests_and_its_model_is_none(spec_with):
    spec = spec_with({"size: 50}": "size: 50}\n  replay: {data: miniature, ratio: 0.5}"})
    names = sets_of(spec.trials()[0])
    assert names == [
        *("alignment.miniature", "replay.miniature", "evaluator.miniature", "evaluator.general"),
    ]
    assert set(names) == prepare(spec).keys() - {"model.miniature-llama"}
