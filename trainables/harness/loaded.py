"""A task with its data: its items, the requests that the harness makes of them, the texts in them.

Code that the task's YAML names is run here.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from trainables.assets.errors import AssetError
from trainables.harness import folder, library
from trainables.harness.declared import describe
from trainables.harness.index import Leaf
from trainables.harness.own_files import beside_yaml, fault_of_file, strings_in


@dataclass(frozen=True, eq=False)
class Loaded:
    """One task with its data.

    leaf: what was found of it.
    task: the harness's task, which holds its requests in `task.instances`.
    docs: (id, row) of each item that is measured.
    """

    leaf: Leaf
    task: Any
    docs: list[tuple[int, Any]]


def load(name: str, num_fewshot: int | None, limit: int | None) -> tuple[Loaded, ...]:
    """Return the task, or each task of the group, of this name with its data; read once a process.

    num_fewshot: examples before each item; None for the number that the YAML sets, or 0.
    limit: items of each task; None for all.

    Raises:
        ValueError: as `describe`.
        AssetError: the data cannot be had, or do not fit the task.
    """
    return _load(name, folder.current(), num_fewshot, limit)


@lru_cache(maxsize=32)
def _load(
    name: str, _folder: folder.Folder | None, num_fewshot: int | None, limit: int | None
) -> tuple[Loaded, ...]:
    """Return `load` for tasks that may be found in this folder."""
    return tuple(_load_leaf(leaf, num_fewshot, limit) for leaf in describe(name).leaves)


def _load_leaf(leaf: Leaf, num_fewshot: int | None, limit: int | None) -> Loaded:
    """Return one task with its data.

    Raises:
        AssetError: the data cannot be had, or do not fit the task.
    """
    try:
        with library.seeded():
            task = library.build_task(leaf.name, leaf.path, leaf.overrides | beside_yaml(leaf))
            number = task.get_config("num_fewshot") if num_fewshot is None else num_fewshot
            task.set_config(key="num_fewshot", value=number or 0)
            task.set_fewshot_seed(seed=library.SEED)
            with library.quiet():
                task.build_all_requests(limit=limit)
            docs = list(task.doc_iterator(limit=limit))
            unanswered = [number for number, doc in docs if not _has_answer(task, doc)]
    except Exception as error:  # of the data, of the Hub, of the code of the task
        raise AssetError(
            f"the task {leaf.name} of lm-evaluation-harness must have data that can be had and read "
            f"as {leaf.path.name} says, but: {fault_of_file(leaf, error) or _reason(error)}"
        ) from error
    # The harness counts such an item as wrong. Published tasks may have a few of them.
    is_published = leaf.path.is_relative_to(library.tasks_folder())
    if unanswered and (not is_published or len(unanswered) == len(docs)):
        answer = _right_answer(task, dict(docs)[unanswered[0]])
        raise AssetError(
            f"the task {leaf.name} must have a right answer among the choices of each item, but "
            f"{len(unanswered)} of {len(docs)} have none, the first is item {unanswered[0] + 1}: "
            f"doc_to_target of {leaf.path.name} gives {answer!r}"
        )
    _refuse_f1_of_many(leaf, task, docs)
    return Loaded(leaf, task, docs)


def _reason(error: BaseException) -> str:
    """Return what an error says, and what the first of its causes says, cut, in one line."""
    links = [error, error.__cause__] if error.__cause__ else [error]
    words = [" ".join(str(link).split()) or type(link).__name__ for link in links]
    said = [f"{type(link).__name__}: {of[:300]}" for link, of in zip(links, words, strict=True)]
    return " (".join(said) + ")" * (len(said) > 1)


def _refuse_f1_of_many(leaf: Leaf, task: Any, docs: Sequence[tuple[int, Any]]) -> None:
    """Refuse the harness's F1 of items with more than two choices, which it cannot compute.

    Raises:
        AssetError: an item of multiple choice has more.
    """
    f1 = library.aggregations()["f1_score"]
    names = [name for name, function in task.aggregation().items() if function is f1]
    if not names or task.OUTPUT_TYPE != "multiple_choice":
        return
    for number, doc in docs:
        if (num_choices := len(task.doc_to_choice(doc))) > 2:
            raise AssetError(
                f"the task {leaf.name} must have two choices an item where {leaf.path.name} lists the "
                f"metric {names[0]}, but item {number + 1} has {num_choices}: list another, such as acc"
            )


def _right_answer(task: Any, doc: Any) -> Any:
    """Return what the harness takes for the right answer of an item of multiple choice."""
    return task.doc_to_text(doc) if task.multiple_input else task.doc_to_target(doc)


def _has_answer(task: Any, doc: Any) -> bool:
    """Return whether the right answer of an item is one of its choices, by the harness's own rule.

    It is a number of a choice, a list of such, or the text of a choice. Items of other output types
    have no choices.
    """
    if task.OUTPUT_TYPE != "multiple_choice":
        return True
    choices, answer = task.doc_to_choice(doc), _right_answer(task, doc)
    if isinstance(answer, str):
        return answer in choices
    numbers = answer if isinstance(answer, list) else [answer]
    return bool(numbers) and all(0 <= number < len(choices) for number in numbers)


@lru_cache(maxsize=32)
def digest(tasks: tuple[Loaded, ...], folder_digest: str) -> str:
    """Return the sha256 of tasks: of their YAML, of the code beside it, of their items and requests.

    It does not depend on where the folder of the tasks lies. It is made once a process, in which tasks
    stay as they were loaded.

    folder_digest: of a user's folder that they are from, as it is now: of all that their code may read.
    """
    summary = hashlib.sha256(f"{library.version()} {folder_digest}".encode())
    for loaded in tasks:
        beside = loaded.leaf.path.parent
        texts = [
            json.dumps(loaded.leaf.config, sort_keys=True, default=str).replace(str(beside), ""),
            *(file.read_text(encoding="utf-8") for file in sorted(beside.glob("*.py"))),
            *(json.dumps(doc, sort_keys=True, default=str) for _, doc in loaded.docs),
            *(json.dumps(request.arguments, default=str) for request in loaded.task.instances),
        ]
        for text in texts:
            summary.update(hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest())
    return summary.hexdigest()


def texts(tasks: tuple[Loaded, ...]) -> list[str]:
    """Return the texts in the items of tasks: in their fields, and each text with each of its answers.

    A single word is no text: it may be in any corpus. Of a text of several lines each line counts,
    too.
    """
    found: dict[str, None] = {}
    for loaded in tasks:
        for _, doc in loaded.docs:
            for text in (*strings_in(doc), *_scored(loaded.task, doc)):
                for part in (text, *text.splitlines()):
                    if len(part.split()) > 1:
                        found[part.strip()] = None
    return list(found)


def answers(tasks: tuple[Loaded, ...]) -> list[tuple[str, str]]:
    """Return (its place, text) of each answer whose log-likelihood is asked for."""
    return [
        (f"item {request.doc_id + 1} of the task {loaded.leaf.name}", request.args[1])
        for loaded in tasks
        for request in loaded.task.instances
        if request.request_type == "loglikelihood"
    ]


def num_written(tasks: tuple[Loaded, ...]) -> int:
    """Return the most tokens that a request lets a model write; 0 if none has it write."""
    return max(
        (
            library.num_written(request.args[1])
            for loaded in tasks
            for request in loaded.task.instances
            if request.request_type == "generate_until"
        ),
        default=0,
    )


def _scored(task: Any, doc: Any) -> Iterator[str]:
    """Yield the texts of an item that are scored as a whole: the question with each answer."""
    text, delimiter = task.doc_to_text(doc), task.config.target_delimiter
    target = task.doc_to_target(doc)
    if not isinstance(text, str):  # the alternatives are questions, and the target follows each
        yield from (f"{choice}{delimiter}{target}" for choice in task.doc_to_choice(doc))
    elif task.config.doc_to_choice is not None:
        yield from (f"{text}{delimiter}{choice}" for choice in task.doc_to_choice(doc))
    elif isinstance(target, str):
        yield text + target
