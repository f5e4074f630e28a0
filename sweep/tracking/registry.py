"""Register the models of trials in MLflow's model registry."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from analysis.record.names import Artifact, Tag
from sweep.tracking.addresses import connect
from trainables.assets.safe_files import PICKLES

if TYPE_CHECKING:
    from mlflow import MlflowClient

MAX_DESCRIPTION_CHARS = 5000  # characters in the description of a model version


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
        NotKept: the run has no model, or one that is not in safetensors alone.
    """
    client = connect(tracking_uri)
    _refuse_unsafe(client, run_id)
    client.log_text(run_id, card, f"{Artifact.MODEL}/README.md")
    description = card.partition("---\n\n")[2]  # the text after the YAML header
    if len(description) > MAX_DESCRIPTION_CHARS:
        description = f"{description[: MAX_DESCRIPTION_CHARS - 1]}…"
    if not any(known.name == model for known in client.search_registered_models()):
        client.create_registered_model(model)
    run_tags = client.get_run(run_id).data.tags
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


def _refuse_unsafe(client: MlflowClient, run_id: str) -> None:
    """Raise NotKept unless the artifacts of a run hold a model that is in safetensors alone."""
    names = [Path(entry.path).name for entry in client.list_artifacts(run_id, Artifact.MODEL)]
    if not any(name.endswith(".safetensors") for name in names):
        raise NotKept(
            "its model was not kept: `checkpoints: {model: true}` in the spec keeps them."
        )
    if pickles := [name for name in names if name.endswith(PICKLES)]:
        raise NotKept(f"its model must be in safetensors alone, but has {', '.join(pickles)}.")
