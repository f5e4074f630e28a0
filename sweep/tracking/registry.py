"""Put the models that trials have kept into MLflow's model registry."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from analysis.record.names import Artifact, Tag
from sweep.tracking.addresses import connect
from trainables.assets.safe_files import PICKLES

MAX_DESCRIPTION_CHARS = 5000  # characters of a model version's


class NotKept(ValueError):
    """A trial has no model that could be registered."""


def register(
    tracking_uri: str, model: str, run_id: str, card: str, tags: Mapping[str, str]
) -> tuple[str, bool]:
    """The model that a trial's run has kept, as a version of a registered model, with its card.

    Returns the version, and whether it is a new one: a run has one, which gets the new card and tags.

    Raises:
        NotKept: the run has no model, or one that is not in safetensors alone.
    """
    client = connect(tracking_uri)
    kept = [Path(entry.path).name for entry in client.list_artifacts(run_id, Artifact.MODEL)]
    if not any(name.endswith(".safetensors") for name in kept):
        raise NotKept(
            "its model was not kept: `checkpoints: {model: true}` in the spec keeps them."
        )
    if pickles := [name for name in kept if name.endswith(PICKLES)]:
        raise NotKept(f"its model must be in safetensors alone, but has {', '.join(pickles)}.")
    client.log_text(run_id, card, f"{Artifact.MODEL}/README.md")
    text = card.partition("---\n\n")[2]  # what follows the YAML
    if len(text) > MAX_DESCRIPTION_CHARS:
        text = f"{text[: MAX_DESCRIPTION_CHARS - 1]}…"
    if not any(each.name == model for each in client.search_registered_models()):
        client.create_registered_model(model)
    of_run = client.get_run(run_id).data.tags
    known_by = (Tag.SWEEP, Tag.FINGERPRINT)
    tags = {key: of_run[key] for key in known_by if key in of_run} | dict(tags)
    known = client.search_model_versions(f"run_id = '{run_id}'")
    earlier = [each.version for each in known if each.name == model]
    if not earlier:
        made = client.create_model_version(
            model, f"runs:/{run_id}/{Artifact.MODEL}", run_id, tags, description=text
        )
        return str(made.version), True
    for name, value in tags.items():
        client.set_model_version_tag(model, earlier[0], name, value)
    client.update_model_version(model, earlier[0], text)
    return str(earlier[0]), False
