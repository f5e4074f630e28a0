"""Refuse to start or to resume a sweep that does not go with what is there of it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ruamel.yaml.error import YAMLError

from analysis.record.names import Artifact
from sweep import workspace
from sweep.config.check import changes_of
from sweep.config.definitions import differences
from sweep.driver.running_sweep import CannotRun
from sweep.tracking.store import addresses
from trainables.schema.plain_yaml import from_yaml
from trainables.schema.text.masking import masked
from trainables.schema.text.printable import in_one_line

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sweep.config.spec import SweepSpec
    from sweep.tracking.mlflow_record import Record
    from trainables.schema.yaml_file import Document


def refuse_remains(name: str, search_storage: Path | str) -> None:
    """Raise CannotRun if a search or an outbox of an earlier sweep of this name is left."""
    from sweep.search.study import has_study

    if (has_search := has_study(search_storage, name)) or workspace.outbox(name).exists():
        place = addresses.masked_address(search_storage) if has_search else workspace.folder(name)
        raise CannotRun(
            f"{place} holds an earlier sweep {name} that this tracking store does not know: name its "
            "store with --tracking-uri, or start anew with --replace."
        )


def refuse_lost_search(record: Record, search_storage: Path | str) -> None:
    """Raise CannotRun if the search storage does not hold the study of a sweep that has begun."""
    from sweep.search.study import has_study

    name, address = record.sweep, addresses.masked_address(search_storage)
    has_moved = address != str(workspace.search_storage(name))
    if (has_moved or record.trial_runs()) and not has_study(search_storage, name):
        raise CannotRun(
            f"{address} must hold the search of {name}, but does not: name the database that does by "
            "--storage or OPTUNA_STORAGE, none if none was named before, or start anew with --replace."
        )


def refuse_other_spec(record: Record, document: Document) -> None:
    """Raise CannotRun if something of the spec has changed that must not change within a sweep.

    It is raised, too, if the spec of a sweep that has begun is not among its files any more.
    """
    recorded_text = record.spec_text()
    if recorded_text is None and record.trial_runs():
        raise CannotRun(
            f"{Artifact.SPEC} of sweep {record.sweep} must be in "
            f"{in_one_line(masked(str(record.own_run().info.artifact_uri)))}, but is not: if its files "
            f"were moved, put them back (a link will do), or have `sweep sync {record.sweep}` record "
            f"anew what is left of them."
        )
    if recorded_text is not None and not _is_mapping(recorded_text):
        raise CannotRun(
            f"{Artifact.SPEC} of sweep {record.sweep} must be what the sweep wrote, but the store "
            f"gives something else: check any gateway before it."
        )
    if recorded_text is not None and (found := changes_of(recorded_text, document.tree)):
        sentences = [f"{document.at(change.place)} {change.sentence}" for change in found]
        raise CannotRun(
            "\n".join(sentences)
            + "\nbudget, resources and checkpoints may change within a sweep, and "
            "options may be appended to choices (not of a grid); give another spec another name and "
            "run it."
        )


def _is_mapping(text: str) -> bool:
    """Return whether a text is a mapping in YAML."""
    try:
        return isinstance(from_yaml(text), dict)
    except YAMLError:
        return False


def refuse_other_definitions(spec: SweepSpec, began: Mapping[str, str]) -> None:
    """Raise CannotRun if new trials would be measured otherwise than those that the sweep has.

    began: the tags that say what it began with.
    """
    if clauses := differences(began, spec):
        raise CannotRun(
            f"the trials of {spec.name} must all be measured alike, but {'; '.join(clauses)}. Go on "
            f"with the release that began it (its run in MLflow names version and commit), or run it "
            f"anew, with --replace or under another name."
        )
