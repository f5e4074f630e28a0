"""Models of trials in the registry of a real MLflow store; tests/sweep/test_ui.py registers a front."""

import subprocess
import sys

import pytest

from sweep.tracking import registry
from sweep.tracking.entries.kinds import Opened, now
from trainables.models import miniature

pytestmark = pytest.mark.timeout(120)
CONFIG = '{"architectures": ["LlamaForCausalLM"]}'
LOADED = """
import sys
import mlflow

uri, *models_and_texts = sys.argv[1:]
mlflow.set_tracking_uri(uri)
for model, text in zip(models_and_texts[::2], models_and_texts[1::2]):
    pipeline = mlflow.transformers.load_model(model)
    print(pipeline.task, type(pipeline.model).__name__, pipeline.tokenizer(text)["input_ids"])
    print(sum(weight.double().sum().item() for weight in pipeline.model.parameters()))
    print(repr(mlflow.pyfunc.load_model(model).predict([text])))
    print(repr(str(mlflow.models.get_model_info(model).signature)))
"""
TASKS = {
    "causal": ("text-generation", "LlamaForCausalLM", "the nurse said that"),
    "masked": ("fill-mask", "BertForMaskedLM", "the nurse said that <mask> was tired"),
}


def keep(record, run_id, folder):
    """Put a folder among the artifacts of a run, as the model that was kept."""
    record.attach(run_id, folder, "model")


def kept(folder, *names):
    """Write a model's files, which say nothing; return the folder."""
    folder.mkdir(exist_ok=True)
    for name in names:
        (folder / name).write_text(CONFIG if name == "config.json" else "w")
    return folder


@pytest.mark.parametrize(
    ("files", "reason"),
    [
        ([], r"`checkpoints: \{model: true\}` in the spec keeps models"),
        (["model.safetensors", "old.bin"], "must be in safetensors alone, but has old.bin"),
        (["model.safetensors"], "must have a config.json, but has model.safetensors"),
    ],
)
def test_a_model_that_cannot_be_registered_is_refused_with_the_reason(
    record, tmp_path, files, reason
):
    run_id = record.run_id_of(0)
    if files:
        keep(record, run_id, kept(tmp_path / "model", *files))
    with pytest.raises(registry.NotKept, match=reason):
        registry.register(record.tracking_uri, "refused", run_id, "card", {})
    models = record._client.search_registered_models()
    assert "refused" not in {model.name for model in models}, "nothing is begun"


@pytest.mark.parametrize(
    "text", ["<html></html>", "", "{}", "[1]", '{"architectures": []}', '{"architectures": [1]}']
)
def test_a_config_that_a_gateway_gives_in_place_of_a_models_is_refused(text, tmp_path):
    (tmp_path / "config.json").write_text(text)
    with pytest.raises(registry.NotKept, match=r"must be that of a model, but the store gives"):
        registry._config(tmp_path / "config.json")


def test_a_run_registered_again_keeps_its_version_and_gets_the_new_card_and_tags(record, tmp_path):
    run_id = record.run_id_of(0)
    keep(record, run_id, kept(tmp_path / "model", "model.safetensors", "config.json"))

    def register(text: str, gap: str) -> tuple[str, bool]:
        card = f"---\nlicense: mit\n---\n\n{text}"
        return registry.register(record.tracking_uri, "fair", run_id, card, {"gap": gap})

    assert register("First text.", "0.5") == ("1", True)
    assert register("x" * 6000, "0.25") == ("1", False)
    version = record._client.get_model_version("fair", "1")
    assert version.tags == {"sweep": record.sweep, "gap": "0.25"}
    assert version.description == "x" * 4999 + "…"
    files = {file.path for file in record._client.list_artifacts(run_id, "model")}
    written = "MLmodel README.md components conda.yaml python_env.yaml requirements.txt"
    assert files == {
        f"model/{name}" for name in [*written.split(), "config.json", "model.safetensors"]
    }
    in_components = record._client.list_artifacts(run_id, "model/components/tokenizer")
    assert [file.path for file in in_components] == ["model/components/tokenizer/config.json"]


@pytest.mark.long
@pytest.mark.slow
def test_a_registered_model_is_loaded_by_mlflow_as_a_pipeline_and_as_a_function(record):
    import torch
    from safetensors.torch import load_file
    from transformers import AutoTokenizer

    words = []
    for trial, (name, family) in enumerate(miniature.MODELS.items()):
        run_id = record.run_id_of(trial, Opened(trial=trial, at=now()))
        record.log_batch(run_id, [], {"model.family": family, "model.path": name}, {})
        keep(record, run_id, miniature.folder(name))
        version, _ = registry.register(record.tracking_uri, f"kept-{family}", run_id, "card", {})
        words += [f"models:/kept-{family}/{version}", TASKS[family][-1]]
    process = subprocess.run(
        [sys.executable, "-c", LOADED, record.tracking_uri, *words],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert process.returncode == 0, process.stderr
    assert "pickle" not in process.stderr.lower()
    lines = iter(process.stdout.splitlines())
    for name, family in miniature.MODELS.items():
        task, architecture, text = TASKS[family]
        ids = AutoTokenizer.from_pretrained(miniature.folder(name))(text)["input_ids"]
        assert next(lines) == f"{task} {architecture} {ids}"
        saved = load_file(miniature.folder(name) / "model.safetensors").values()
        total = sum(weight.to(torch.float64).sum().item() for weight in saved)
        assert float(next(lines)) == pytest.approx(total, abs=1e-3)
        predicted = next(lines)
        assert (text in predicted) if family == "causal" else ("'she'" in predicted)
        assert next(lines).count("[string (required)]") == 2, "texts in, texts out"
