"""Register the models of trials in MLflow's model registry, as models that MLflow can load.

The kept model of a trial is a folder that transformers loads. What MLflow's flavours ask for on top of
it is written beside it when it is registered; neither its weights nor any code are read for that:

MLmodel                 how mlflow.transformers and mlflow.pyfunc load it
components/tokenizer/   a copy of its tokenizer, for which MLflow knows no other place
requirements.txt  python_env.yaml  conda.yaml    what it needs
README.md               its model card
"""

from __future__ import annotations

import platform
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from analysis.record.names import Artifact, Tag
from sweep.tracking.artifacts import download, upload
from sweep.tracking.store.addresses import connect
from trainables.assets.safe_files import PICKLES
from trainables.schema.plain_json import from_json
from trainables.schema.plain_yaml import to_yaml

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run

MAX_DESCRIPTION_CHARS = 5000  # characters in the description of a model version
# Family of a model -> (task, class of transformers that does it).
PIPELINES = {
    "causal": ("text-generation", "TextGenerationPipeline"),
    "masked": ("fill-mask", "FillMaskPipeline"),
}
WEIGHTS = (".safetensors", ".safetensors.index.json")  # how the names of their files end
PINNED = ("mlflow", "torch", "transformers")  # requirements in the version that the sweep ran with


class NotKept(ValueError):
    """A trial has no model that could be registered."""


def register(
    tracking_uri: str, model: str, run_id: str, card: str, tags: Mapping[str, str]
) -> tuple[str, bool]:
    """Register the model among a run's artifacts as a version of a registered model, with its card.

    The registered model is created unless it exists. A run has at most one version: registering it
    again gives that version the new card and tags.

    model: name of the registered model.
    card:  model card in Markdown, with a YAML header.
    tags:  tags of the version, beside the sweep and the fingerprint of the run.

    Returns:
        The version, and whether it is a new one.

    Raises:
        NotKept: the run has no model, or one that is not in safetensors alone, or has no config.json.
    """
    client = connect(tracking_uri)
    names = _safe_files(client, run_id)
    run = client.get_run(run_id)
    _describe(client, run, names, card)
    description = card.partition("---\n\n")[2]  # the text after the YAML header
    if len(description) > MAX_DESCRIPTION_CHARS:
        description = f"{description[: MAX_DESCRIPTION_CHARS - 1]}…"
    if not any(known.name == model for known in client.search_registered_models()):
        client.create_registered_model(model)
    run_tags = run.data.tags
    identity = {key: run_tags[key] for key in (Tag.SWEEP, Tag.FINGERPRINT) if key in run_tags}
    all_tags = identity | dict(tags)
    versions = client.search_model_versions(f"run_id = '{run_id}'")
    earlier = [version.version for version in versions if version.name == model]
    if not earlier:
        created = client.create_model_version(
            model,
            f"runs:/{run_id}/{Artifact.MODEL}",
            run_id,
            all_tags,
            description=description,
        )
        return str(created.version), True
    for name, value in all_tags.items():
        client.set_model_version_tag(model, earlier[0], name, value)
    client.update_model_version(model, earlier[0], description)
    return str(earlier[0]), False


def _safe_files(client: MlflowClient, run_id: str) -> list[str]:
    """Return the names of the files of the model among the artifacts of a run.

    Raises:
        NotKept: there is none, or it is not in safetensors alone, or has no config.json.
    """
    entries = client.list_artifacts(run_id, Artifact.MODEL)
    names = [Path(entry.path).name for entry in entries if not entry.is_dir]
    if not any(name.endswith(".safetensors") for name in names):
        raise NotKept(
            "its model is not in the record: `checkpoints: {model: true}` in the spec keeps models, "
            "but for those that MLflow has refused or the record has lost."
        )
    if pickles := [name for name in names if name.endswith(PICKLES)]:
        raise NotKept(f"its model must be in safetensors alone, but has {', '.join(pickles)}.")
    if "config.json" not in names:
        raise NotKept(f"its model must have a config.json, but has {', '.join(names)}.")
    return names


def _describe(client: MlflowClient, run: Run, names: list[str], card: str) -> None:
    """Write the card of a model, and what MLflow needs to load it, beside its weights.

    names: of the files of the model.
    """
    run_id = run.info.run_id
    own = {"MLmodel", "README.md", "requirements.txt", "python_env.yaml", "conda.yaml"}
    with tempfile.TemporaryDirectory() as temporary:
        downloaded, written = Path(temporary, "downloaded"), Path(temporary, "written")
        tokenizer = written / "components" / "tokenizer"
        downloaded.mkdir()
        tokenizer.mkdir(parents=True)
        # With config.json, by which transformers knows the class of a tokenizer that does not say it.
        for name in names:
            if name not in own and not name.endswith(WEIGHTS):
                path = f"{Artifact.MODEL}/{name}"
                shutil.move(download(client.tracking_uri, run_id, path, downloaded), tokenizer)
        config = _config(tokenizer / "config.json")
        parent = run.data.tags.get(Tag.PARENT)
        sweep_tags = client.get_run(parent).data.tags if parent else {}
        versions = {name: sweep_tags.get(f"{Tag.VERSION}{name}", "") for name in PINNED}
        requirements = [
            f"{name}=={version.partition('+')[0]}" if version[:1].isdigit() else name
            for name, version in versions.items()
        ]
        files = {
            "MLmodel": _mlmodel(run, config, versions["transformers"]),
            "README.md": card,
            **_environment([*requirements, "accelerate"]),
        }
        for name, text in files.items():
            (written / name).write_text(text, encoding="utf-8")
        upload(client.tracking_uri, run_id, written, Artifact.MODEL)


def _config(file: Path) -> dict[str, Any]:
    """Return the content of the config.json of a model.

    Raises:
        NotKept: it is none, as when a gateway gives something else.
    """
    try:
        config = from_json(file.read_text(encoding="utf-8"))
        if isinstance(config["architectures"][0], str):
            return dict(config)
    except (KeyError, IndexError, TypeError, ValueError):
        pass
    raise NotKept(
        "its config.json must be that of a model, but the store gives something else: check any "
        "gateway before it."
    )


def _mlmodel(run: Run, config: Mapping[str, Any], transformers_version: str) -> str:
    """Return the text of the file MLmodel: texts in, texts out, by transformers and as pyfunc.

    config: the model's config.json.
    """
    from mlflow import pyfunc
    from mlflow.models import Model, ModelSignature
    from mlflow.types.schema import ColSpec, Schema

    (architecture, *_) = config["architectures"]
    by_name = "masked" if architecture.endswith("MaskedLM") else "causal"
    task, pipeline = PIPELINES.get(run.data.params.get("model.family", ""), PIPELINES[by_name])
    texts = Schema([ColSpec("string")])
    model = Model(
        artifact_path=Artifact.MODEL,
        run_id=run.info.run_id,
        signature=ModelSignature(inputs=texts, outputs=texts),
    )
    model.add_flavor(
        "transformers",
        transformers_version=transformers_version,
        task=task,
        instance_type=pipeline,
        pipeline_model_type=architecture,
        source_model_name=run.data.params.get("model.path", ""),
        model_binary=".",
        components=["tokenizer"],
        tokenizer_type="AutoTokenizer",
        code=None,
    )
    pyfunc.add_to_model(
        model,
        loader_module="mlflow.transformers",
        conda_env="conda.yaml",
        python_env="python_env.yaml",
    )
    return str(model.to_yaml())


def _environment(requirements: list[str]) -> dict[str, str]:
    """Return the files that say what a model needs, by name: for pip, virtualenv and conda."""
    python = platform.python_version()
    virtualenv = {
        "python": python,
        "build_dependencies": ["pip", "setuptools", "wheel"],
        "dependencies": ["-r requirements.txt"],
    }
    conda = {
        "name": "mlflow-env",
        "channels": ["conda-forge"],
        "dependencies": [f"python={python}", "pip", {"pip": requirements}],
    }
    return {
        "requirements.txt": "".join(f"{requirement}\n" for requirement in requirements),
        "python_env.yaml": to_yaml(virtualenv),
        "conda.yaml": to_yaml(conda),
    }
