"""Find a task by its name: the YAML of each task that it stands for.

Names are looked up in the folder of the command line first, then in the installed package. What a
group averages is found out here, too: its tasks, through groups and tags inside it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

from trainables.assets import cache
from trainables.harness import folder, library
from trainables.schema.faults import did_you_mean
from trainables.schema.text.shown import MAX_NAME, as_word

# Keys of a group's YAML; what else it holds goes to each of its tasks.
GROUP_KEYS = {"group", "group_alias", "task", "aggregate_metric_list", "metadata"}


class Entry(NamedTuple):
    """What a name stands for.

    kind:    TASK, PY_TASK (written as a Python class), GROUP or TAG.
    path:    its YAML file; None for a tag.
    members: the tasks of a tag, sorted; empty for all others.
    """

    kind: str
    path: Path | None
    members: tuple[str, ...]


class Leaf(NamedTuple):
    """One task.

    path:      its YAML file.
    overrides: what a group changes of it.
    config:    its YAML with all that it includes and these changes; a function is the path of its code.
    """

    name: str
    path: Path
    overrides: dict[str, Any]
    config: dict[str, Any]


def find(name: str) -> Entry:
    """Return what a name stands for.

    Raises:
        ValueError: the harness is not installed, or neither it nor the folder has the name.
    """
    if not library.is_installed():
        raise ValueError(f"needs lm-evaluation-harness, which is not installed: {library.INSTALL}")
    own_folder = folder.current()
    own = _in_folder(own_folder.path, own_folder.digest) if own_folder else {}
    if name in own:
        return own[name]
    package = _in_package()
    if name in package:
        return package[name]
    if "/" in name or "\\" in name or name.endswith((".yaml", ".yml")):
        raise ValueError(
            f"must be the name of a task, not a path, but got {name!r}: name the folder of your tasks "
            f"by {folder.OPTION} on the command line, and the task by its name"
        )
    if own_folder:
        _refuse_unreadable(own_folder.path, name)
    place = f" or of {as_word(own_folder.path, MAX_NAME)}" if own_folder else ""
    hint = did_you_mean(name, [*own, *package])
    if not own_folder:
        hint += f"; a task of your own is found in the folder that {folder.OPTION} names"
    raise ValueError(
        f"must be a task of lm-evaluation-harness {library.version()}{place}, but got {name!r}{hint}"
    )


def leaves(name: str, overrides: Mapping[str, Any] | None = None) -> list[Leaf]:
    """Return the tasks that a name stands for: one for a task, all of its tasks for a group.

    overrides: what a group changes of them.

    Raises:
        ValueError: as `find`; or it is a tag, or a group with tasks that have no YAML of their own.
    """
    overrides = dict(overrides or {})
    entry = find(name)
    if entry.path is None:
        raise ValueError(
            f"must be one task, or a group that says how its tasks are averaged, but {name} is a tag "
            f"of several: take one evaluator for each of {', '.join(entry.members)}"
        )
    config = library.read_yaml(entry.path)
    if entry.kind == "GROUP":
        return list(_members(name, config, overrides))
    return [Leaf(name, entry.path, overrides, config | overrides)]


def _members(name: str, config: dict[str, Any], overrides: dict[str, Any]) -> Iterator[Leaf]:
    """Yield the tasks of a group, given its YAML.

    overrides: what a group around it changes, which goes before its own changes.
    """
    changes = {k: v for k, v in config.items() if k not in GROUP_KEYS} | overrides
    listed = config.get("task") or []
    for member in [listed] if isinstance(listed, str) else listed:
        entry = {"task": member} if isinstance(member, str) else dict(member)
        child = str(entry.get("group") or entry.get("task"))
        if "group" in entry and isinstance(entry.get("task"), list):  # a group inside the group
            yield from _members(child, entry, changes)
            continue
        try:
            found = find(child)
        except ValueError as error:
            raise ValueError(
                f"must be a group of tasks with a YAML each, but {name} has {child!r}"
            ) from error
        more = {k: v for k, v in entry.items() if k not in ("group", "task")}
        for task in found.members if found.kind == "TAG" else [child]:
            yield from leaves(task, changes | more)


def _refuse_unreadable(path: Path, name: str) -> None:
    """Raise ValueError if a YAML of a folder has this name in it, but cannot be read."""
    for file in sorted(path.rglob("*.yaml")):
        if name not in file.read_text(encoding="utf-8", errors="replace"):
            continue
        try:
            library.read_yaml(file)
        except Exception as error:  # of YAML, of a file that it includes
            reason = " ".join(str(error).split())
            raise ValueError(
                f"must be a task whose YAML can be read, but {as_word(file, MAX_NAME)} "
                f"cannot: {reason[:300]}"
            ) from error


@lru_cache(maxsize=8)
def _in_folder(path: Path, _digest: str = "") -> dict[str, Entry]:
    """Return what each name in the YAML files of a folder stands for.

    _digest: sha256 of its files, so that a changed folder is read anew.
    """
    return {
        name: Entry(entry.kind.name, entry.yaml_path, tuple(sorted(entry.tags)))
        if entry.kind.name == "TAG"
        else Entry(entry.kind.name, Path(entry.yaml_path), ())
        for name, entry in library.tasks_below(path).items()
    }


@lru_cache(maxsize=1)
def _in_package() -> dict[str, Entry]:
    """Return what each name of the installed package stands for.

    It has thousands of YAML files, so the cache folder keeps the result for this version.
    """
    root = library.tasks_folder()

    def build(target: Path) -> None:
        rows = {
            name: [
                entry.kind,
                str(entry.path.relative_to(root)) if entry.path else "",
                entry.members,
            ]
            for name, entry in _in_folder(root).items()
        }
        (target / "tasks.json").write_text(json.dumps(rows))

    file = cache.once(f"harness_tasks/{library.version()}", build) / "tasks.json"
    return {
        name: Entry(kind, root / path if path else None, tuple(members))
        for name, (kind, path, members) in json.loads(file.read_text()).items()
    }
