"""Models of trials in the registry of a real MLflow store; tests/sweep/test_ui.py registers a front."""

import pytest

from sweep.tracking import registry

pytestmark = pytest.mark.timeout(120)


@pytest.mark.parametrize(
    ("files", "reason"),
    [
        ([], r"`checkpoints: \{model: true\}` in the spec keeps them"),
        (["model.safetensors", "old.bin"], "must be in safetensors alone, but has old.bin"),
    ],
)
def test_a_model_that_cannot_be_registered_is_refused_with_the_reason(
    record, tmp_path, files, reason
):
    run_id = record.run_id_of(0)
    for name in files:
        (tmp_path / name).write_text("w")
        record.attach(run_id, tmp_path / name, "model")
    with pytest.raises(registry.NotKept, match=reason):
        registry.register(record.tracking_uri, "refused", run_id, "card", {})
    models = record._client.search_registered_models()
    assert "refused" not in {model.name for model in models}, "nothing is begun"


def test_a_run_registered_again_keeps_its_version_and_gets_the_new_card_and_tags(record, tmp_path):
    run_id = record.run_id_of(0)
    (tmp_path / "model.safetensors").write_text("w")
    record.attach(run_id, tmp_path / "model.safetensors", "model")

    def register(text: str, gap: str) -> tuple[str, bool]:
        card = f"---\nlicense: mit\n---\n\n{text}"
        return registry.register(record.tracking_uri, "fair", run_id, card, {"gap": gap})

    assert register("First text.", "0.5") == ("1", True)
    assert register("x" * 6000, "0.25") == ("1", False)
    version = record._client.get_model_version("fair", "1")
    assert version.tags == {"sweep": record.sweep, "gap": "0.25"}
    assert version.description == "x" * 4999 + "…"
    files = {file.path for file in record._client.list_artifacts(run_id, "model")}
    assert files == {"model/README.md", "model/model.safetensors"}
