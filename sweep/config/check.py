"""Every fault of a spec, found before anything starts, each with its line."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import chain
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from ruamel.yaml import YAML

from sweep.config.spec import MAX_TRIALS, Search, SweepSpec
from sweep.samplers import Sampler
from sweep.space.corners import branches, corners
from sweep.space.faults import faults, without
from sweep.space.growth import is_grown
from trainables.config import Measurement, TrialConfig
from trainables.metrics.guard import Guard, derived_metrics
from trainables.metrics.names import SHORTFALL
from trainables.schema.faults import Place, did_you_mean, dotted
from trainables.schema.faults import faults as faults_of_model
from trainables.schema.yaml_file import Document, SpecError, read, validate


def load(path: Path) -> tuple[SweepSpec, Document]:
    """Read and check a spec.

    Raises:
        SpecError: with every fault of the file, each with its line.
    """
    document = read(path)
    return check(document), document


def fault_of_trial(tree: Mapping[str, Any]) -> str:
    """Return why a drawn tree is no trial, in a sentence; empty if it is one.

    Checking a spec does not look at every combination of what is drawn.
    """
    try:
        TrialConfig.model_validate(tree)
    except ValidationError as error:
        sentences = (
            f"{dotted(fault.place)} {fault.sentence}".strip()
            for fault in faults_of_model(error, TrialConfig, tree)
        )
        return f"what was drawn is no trial: {' '.join(sentences)}"
    return ""


def changed(before: str, now: Mapping[str, Any]) -> list[str]:
    """Keys of a spec that a resumed sweep may not change, and that differ from the recorded text.

    How much is spent, on what, and what is kept of it may be changed, and options may be appended to
    choices. Not of a grid: its points are numbered in the order of its keys and options.
    """
    was = YAML(typ="safe", pure=True).load(before)
    fixed = [
        key for key in SweepSpec.model_fields if key not in ("budget", "resources", "checkpoints")
    ]
    sampler = _sampler(now)
    is_numbered = sampler is not None and sampler.is_exhaustive

    def is_kept(key: str) -> bool:
        if key != "trial":
            return bool(_in_full(was, key) == _in_full(now, key))
        if is_numbered:
            return repr(was[key]) == repr(now[key])
        return is_grown(was[key], now[key])

    return [key for key in fixed if not is_kept(key)]


def _in_full(tree: Mapping[str, Any], key: str) -> Any:
    """Return one key of a spec with its defaults; as it is written if this release cannot read it.

    So a key that is left out equals its default, and a word equals the mapping it is short for.
    """
    smallest = {"name": "any", "trial": {}, "goals": ["any"]}
    written = {key: tree[key]} if key in tree else {}
    try:
        return getattr(SweepSpec.model_validate(smallest | written), key)
    except ValidationError:
        return tree.get(key)


def check(document: Document) -> SweepSpec:
    """The spec of a document whose every branch has been validated at both ends of every domain.

    Raises:
        SpecError: with every fault at once.
    """
    found: list[str] = []
    try:
        spec = validate(SweepSpec, document)
    except SpecError as error:
        found += error.sentences
    tree = document.tree.get("trial")
    if isinstance(tree, dict):
        bad = list(faults(tree))
        found += [f"{document.at(('trial', *fault.place))} {fault.sentence}" for fault in bad]
        found += _trial_faults(document, tree, [fault.place for fault in bad])
        sound = without(tree, [fault.place for fault in bad])
        found += _base_faults(document, sound)
        found += _number_faults(document, None if bad else tree)
        found += _goal_faults(document, sound)
    if found:
        raise SpecError(sorted(found, key=_line))
    return spec


def _line(sentence: str) -> int:
    """Of `FILE:LINE: …`; 0 for what is said of the whole file."""
    number = sentence.partition(": ")[0].rpartition(":")[2]
    return int(number) if number.isdecimal() else 0


def _trial_faults(document: Document, tree: dict[str, Any], bad: list[Place]) -> list[str]:
    """Faults of every branch at both ends of every domain, but for domains that are bad themselves."""
    found: list[str] = []
    sound = without(tree, bad)
    for corner in chain(corners(sound), branches(sound)):
        origins = {here: ("trial", *origin) for here, origin in corner.origins.items()}
        unknown = {
            here for here, origin in corner.origins.items() if any(p[:-1] == origin for p in bad)
        }
        try:
            validate(TrialConfig, document, tree=corner.tree, origins=origins, unknown=unknown)
        except SpecError as error:
            found += error.sentences
    return found


def _base_faults(document: Document, tree: dict[str, Any]) -> list[str]:
    """All trials are compared with one base, measured once: so what it depends on is not searched."""
    trees = [corner.tree for corner in corners(tree)]
    found = []
    for place in (("model",), ("train", "dtype"), ("evaluators",)):
        forms: list[Any] = []
        for corner in trees:
            value: Any = corner
            for key in place:
                value = value.get(key) if isinstance(value, dict) else None
            if value not in forms:
                forms.append(value)
        if len(forms) > 1:
            found.append(
                f"{document.at(('trial', *place))} must be the same for all trials, which are "
                f"compared with one base, but got {len(forms)} of them: make a sweep of each."
            )
    return found


def _sampler(tree: Mapping[str, Any]) -> Sampler | None:
    """Return the sampler that a spec names, or None if what it says of it is wrong."""
    search = tree.get("search", {})
    if not isinstance(search, dict):
        return None
    written = {key: value for key, value in search.items() if key == "sampler"}
    try:
        return Search.model_validate(written).sampler
    except ValidationError:
        return None


def _number_faults(document: Document, tree: dict[str, Any] | None) -> list[str]:
    """Return the faults of how many trials there are, which must be known.

    tree: the space of a trial, or None if it has bad domains, so that its points cannot be counted.

    If what the spec says of its sampler is wrong, whether it ends by itself is not known: no faults.
    """
    budget = document.tree.get("budget", {})
    trials = budget.get("trials") if isinstance(budget, dict) else 0
    sampler = _sampler(document.tree)
    if sampler is None:
        return []
    if not sampler.is_exhaustive:
        here = document.at(("budget", "trials"))
        asked = f"{here} must be given: only a grid (search: {{sampler: grid}}) ends by itself."
        return [asked] if trials is None else []
    if tree is None:
        return []
    if found := list(sampler.faults(tree)):
        return [f"{document.at(('trial', *fault.place))} {fault.sentence}" for fault in found]
    num = sampler.num_points(tree)
    most = min(num, MAX_TRIALS)
    if not isinstance(trials, int | None) or (num if trials is None else trials) <= most:
        return []
    return [
        f"{document.at(('budget', 'trials'))} must be at most {most}, as the grid has {num} points, "
        f"but {'was left out' if trials is None else f'got {trials}'}."
    ]


def _goal_faults(document: Document, tree: dict[str, Any]) -> list[str]:
    """Goals and constraints must be measured by every trial that may be drawn."""
    known = _measured(tree)
    goals, constraints = document.tree.get("goals"), document.tree.get("constraints")
    if known is None:
        return []
    places: list[tuple[Place, Any]] = []
    if isinstance(goals, list):
        places += [(("goals", number), goal) for number, goal in enumerate(goals)]
    if isinstance(constraints, dict):
        places += [(("constraints", name), name) for name in constraints]
    return [
        f"{document.at(place)} must be a metric that the trial's evaluators measure, in every "
        f"branch ({', '.join(known)}), but got {name!r}{did_you_mean(name, known) or '.'}"
        for place, name in places
        if name not in known
    ]


def _measured(tree: dict[str, Any]) -> list[str] | None:
    """Metrics of every branch, by model, evaluators and replay alone; None if these are wrong."""
    everywhere: list[str] | None = None
    for corner in corners(tree):
        asked = {key: corner.tree[key] for key in ("model", "evaluators") if key in corner.tree}
        try:
            measured = Measurement.model_validate(asked).metrics()
        except ValidationError:
            return None
        names = [metric.name for metric in measured]
        names += [metric.name for metric in derived_metrics(names, Guard())]
        names += [SHORTFALL] if corner.tree.get("replay") else []
        everywhere = names if everywhere is None else [n for n in everywhere if n in names]
    return everywhere
