"""Check a spec: every fault of the file is found before anything starts, each with its line."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import islice
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from sweep.config import possible_goals
from sweep.config.secrets_in_spec import secret_sentences, value_at
from sweep.config.spec import MAX_TRIALS, Search, SweepSpec
from sweep.config.trial_file import refuse_trial
from sweep.samplers.base import Sampler
from sweep.space.corners import Corner, corners_and_branches
from sweep.space.domains import RECIPE, domain
from sweep.space.extent import extent_faults
from sweep.space.faults import DomainFault, domain_faults, without_domains
from sweep.space.growth import Change, changes
from trainables.config import TrainConfig, TrialConfig, UnequalParts
from trainables.schema.counted import counted
from trainables.schema.faults import MAX_SENTENCES, Place, fault_sentences
from trainables.schema.plain_yaml import from_yaml
from trainables.schema.text.shown import as_value
from trainables.schema.yaml_file import Document, SpecError, read, validate

CHANGEABLE = ("budget", "resources", "checkpoints")  # keys that `sweep resume` may find changed
SAME_FOR_ALL = (("model",), ("train", "dtype"), ("evaluators",))  # the base values depend on these


def load(path: Path) -> tuple[SweepSpec, Document]:
    """Read and check the spec in a file, and return it with the document that it was read from.

    Raises:
        SpecError: the file has faults; a sentence for each, with its line.
    """
    document = read(path)
    return check(document), document


def check(document: Document) -> SweepSpec:
    """Return the spec that a document describes.

    Every branch of its search space is validated, at both ends of every domain.

    Raises:
        SpecError: the document has faults; a sentence for each, with its line, in the order of lines.
    """
    refuse_trial(document)
    sentences: list[str] = []
    try:
        spec = validate(SweepSpec, document)
    except SpecError as error:
        sentences += error.sentences
    tree = document.tree.get("trial")
    if isinstance(tree, dict):
        bad_domains = list(domain_faults(tree))
        bad_places = [fault.place for fault in bad_domains]
        sound_tree = without_domains(tree, bad_places)
        is_mapping = isinstance(sound_tree, dict)
        too_large = list(extent_faults(sound_tree)) if is_mapping else []
        sentences += _domain_sentences(document, bad_domains)
        sentences += _domain_sentences(document, too_large)
        if is_mapping and not too_large:
            found = list(corners_and_branches(sound_tree))
            sentences += _trial_sentences(document, found, bad_places)
            sentences += _base_sentences(document, found)
            sentences += _process_sentences(document, found)
            sentences += _num_trials_sentences(document, None if bad_domains else tree)
            sentences += possible_goals.faults_of(document, sound_tree)
        sentences += _seed_sentences(document, tree)
    sentences += secret_sentences(document, {document.line_of(sentence) for sentence in sentences})
    if sentences:
        raise SpecError(sorted(sentences, key=document.line_of))
    return spec


def fault_of_trial(tree: Mapping[str, Any], num_processes: int = 1) -> str:
    """Return a sentence on why a drawn tree is no valid trial, or "" if it is one.

    `check` does not try every combination of values that may be drawn, so a drawn tree can still be
    invalid.

    num_processes: that train the trial together.
    """
    try:
        TrialConfig.model_validate(tree).train.refuse_unequal_parts(num_processes)
    except UnequalParts as error:
        return f"the drawn settings are no valid trial: {error}"
    except ValidationError as error:
        sentences = fault_sentences(error, TrialConfig, tree)
        return f"the drawn settings are no valid trial: {' '.join(sentences)}"
    return ""


def changes_of(recorded_text: str, tree: Mapping[str, Any]) -> list[Change]:
    """Return what differs between a spec and the recorded one although it must not.

    Budget, resources and checkpoints may change while a sweep is interrupted, and options may be
    appended to the choices of a trial. A grid may not grow: its points are numbered in the order of
    its keys and options.

    Args:
        recorded_text: the spec with which the sweep was recorded, as YAML.
        tree: the spec with which it is to be resumed.
    """
    recorded = from_yaml(recorded_text)
    changed: list[Change] = []
    for key in SweepSpec.model_fields:
        if key == "trial":
            found = list(changes(recorded[key], tree[key], (key,)))
            sampler = _sampler(tree)
            is_numbered = sampler is not None and sampler.is_exhaustive
            if is_numbered and not found and repr(recorded[key]) != repr(tree[key]):
                found = [
                    Change((key,), "with the keys and options of its grid in order", "changed")
                ]
            changed += found
        elif key not in CHANGEABLE:
            changed += changes(_with_defaults(recorded, key), _with_defaults(tree, key), (key,))
    return changed


def _with_defaults(tree: Mapping[str, Any], key: str) -> Any:
    """Return the plain value of one key of a spec as the schema reads it, with its defaults.

    So a key that is left out equals its default, and a word equals the mapping that it is short for.
    A value that this release cannot read is returned as it is written.
    """
    smallest = {"name": "any", "trial": {}, "goals": ["any"]}
    written = {key: tree[key]} if key in tree else {}
    try:
        value = getattr(SweepSpec.model_validate(smallest | written), key)
    except ValidationError:
        return tree.get(key)
    return TypeAdapter(Any).dump_python(value)


def _domain_sentences(document: Document, domains: Iterable[DomainFault]) -> list[str]:
    """Return a sentence with its line for each fault of a domain, of many one more than are shown."""
    first = islice(domains, MAX_SENTENCES + 1)
    return [f"{document.at(('trial', *fault.place))} {fault.sentence}" for fault in first]


def _trial_sentences(
    document: Document, found: Iterable[Corner], bad: Iterable[Place]
) -> list[str]:
    """Return the faults of every branch of a trial, at both ends of every domain, each once.

    Args:
        document: the spec, which knows the lines.
        found: the corners and branches of its trial, with None in place of bad domains.
        bad: the places of these domains, which get no further fault.
    """
    around_bad = {place[:-1] for place in bad}
    sentences: dict[str, None] = {}
    for corner in found:
        origins = {place: ("trial", *origin) for place, origin in corner.origins.items()}
        unknown = {place for place, origin in corner.origins.items() if origin in around_bad}
        try:
            validate(
                TrialConfig, document, tree=corner.tree, origins=origins, unknown=unknown,
                further_keys=[RECIPE],
            )  # fmt: skip
        except SpecError as error:
            sentences |= dict.fromkeys(error.sentences)
        if len(sentences) > MAX_SENTENCES:
            break
    return list(sentences)


def _base_sentences(document: Document, found: Iterable[Corner]) -> list[str]:
    """Return a fault for each key that is searched although the base values depend on it.

    All trials are compared with one base model, which is measured once.

    found: the corners and branches of the trial of the document.
    """
    sentences = []
    for place in SAME_FOR_ALL:
        distinct: list[Any] = []
        for value in (value_at(corner.tree, place) for corner in found):
            if value not in distinct:
                distinct.append(value)
        if len(distinct) > 1:
            sentences.append(
                f"{document.at(('trial', *place))} must be the same for all trials, which are "
                f"compared with one base, but got {len(distinct)} of them: make a sweep of each."
            )
    return sentences


def _process_sentences(document: Document, found: Iterable[Corner]) -> list[str]:
    """Return a fault for each batch size that the processes of a trial cannot share equally.

    found: the corners and branches of the trial of the document.
    """
    resources = document.tree.get("resources", {})
    num_processes = resources.get("workers_per_trial", 1) if isinstance(resources, dict) else 1
    sentences: dict[str, None] = {}
    for tree in (corner.tree.get("train") for corner in found):
        try:
            TrainConfig.model_validate(tree).refuse_unequal_parts(num_processes)
        except UnequalParts as error:
            place = document.at(("trial", "train", "batch_size"))
            sentences[f"{place} {str(error).partition(' ')[2]}"] = None
        except (TypeError, ValueError):  # it has a fault of its own
            continue
    return list(sentences)[:MAX_SENTENCES]


def _sampler(tree: Mapping[str, Any]) -> Sampler | None:
    """Return the sampler that a spec names, or None if the spec is wrong there."""
    search = tree.get("search", {})
    if not isinstance(search, dict):
        return None
    written = {key: value for key, value in search.items() if key == "sampler"}
    try:
        return Search.model_validate(written).sampler
    except ValidationError:
        return None


def _num_trials_sentences(document: Document, tree: dict[str, Any] | None) -> list[str]:
    """Return the faults of budget.trials, and of the space if the sampler cannot search it.

    The number of trials must be given unless the sampler ends by itself, and must then be at most the
    number of points. There is no fault if the sampler is written wrongly, since it is not known then
    whether it ends by itself.

    Args:
        document: the spec.
        tree: its trial, or None if it has bad domains, so that its points cannot be counted.
    """
    budget, replicates = (document.tree.get(key, {}) for key in ("budget", "replicates"))
    num_trials = budget.get("trials") if isinstance(budget, dict) else 0
    num_seeds = replicates.get("seeds", 1) if isinstance(replicates, dict) else 1
    sampler = _sampler(document.tree)
    if sampler is None:
        return []
    place = document.at(("budget", "trials"))
    if not sampler.is_exhaustive:
        if num_trials is not None:
            return []
        return [f"{place} must be given: only a grid (search: {{sampler: grid}}) ends by itself."]
    if tree is None:
        return []
    if unusable := list(sampler.faults(tree)):
        return _domain_sentences(document, unusable)
    if not isinstance(num_trials, int | None) or not isinstance(num_seeds, int):
        return []
    num_points = sampler.num_points(tree)
    num_in_all = num_points * num_seeds
    limit = min(num_in_all, MAX_TRIALS)
    if (num_in_all if num_trials is None else num_trials) <= limit:
        return []
    with_seeds = f" of {num_seeds} seeds" if num_seeds > 1 else ""
    return [
        f"{place} must be at most {limit}, as the grid has {counted(num_points, 'point')}{with_seeds}, "
        f"but {'was left out' if num_trials is None else f'got {num_trials}'}."
    ]


def _seed_sentences(document: Document, tree: dict[str, Any]) -> list[str]:
    """Return a fault if the seed is searched and each recipe is to be run with several seeds, too.

    tree: the trial of the spec, with domains.
    """
    replicates = document.tree.get("replicates", {})
    num_seeds = replicates.get("seeds", 1) if isinstance(replicates, dict) else 1
    is_searched = domain(tree.get("seed")) is not None
    if not is_searched or num_seeds == 1:
        return []
    return [
        f"{document.at(('trial', 'seed'))} must be a number where replicates.seeds is given, as every "
        f"recipe is run with that seed and the next ones, but got {as_value(tree['seed'])}: leave one "
        f"of the two out."
    ]
