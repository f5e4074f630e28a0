"""The names by which models and data sets are recorded."""

from sweep.config.inputs import Input, role_in


def test_the_role_of_an_input_is_read_back_from_its_name():
    for source in ("gpt2", "bug", "./my.file.jsonl"):
        entry = Input("trial.alignment.data", "alignment", source, lambda: "")
        assert entry.name == f"alignment.{source}"
        assert role_in(entry.name) == "alignment"
