"""The names by which models and data sets are recorded."""

from sweep.config.inputs import Input, inputs_of, role_in


def test_the_role_of_an_input_is_read_back_from_its_name():
    for source in ("gpt2", "bug", "./my.file.jsonl"):
        entry = Input("trial.alignment.data", "alignment", source, lambda: "")
        assert entry.name == f"alignment.{source}"
        assert role_in(entry.name) == "alignment"


def test_the_inputs_of_a_trial_are_its_model_and_all_of_its_data(spec_with):
    replay = {"size: 50}": "size: 50}\n  replay: {data: miniature, ratio: 0.1}"}
    inputs = list(inputs_of(spec_with(replay).trials()))
    assert {(entry.key, entry.name) for entry in inputs} == {
        ("trial.model.path", "model.miniature-llama"),
        ("trial.alignment.data", "alignment.miniature"),
        ("trial.replay.data", "replay.miniature"),
        ("trial.evaluators: stereoset", "evaluator.miniature"),
        ("trial.evaluators: perplexity", "evaluator.general"),
    }
    assert {len(entry.digest()) for entry in inputs} == {64}
