"""Turn the faults that pydantic finds in a YAML file into sentences about places in that file."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from itertools import islice
from types import UnionType
from typing import Any, NamedTuple, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError

from trainables.schema.counted import counted, is_number
from trainables.schema.text.printable import shortened
from trainables.schema.text.shown import as_value, as_word

MAX_SENTENCES = 50  # of what is wrong with one file
MAX_SENTENCE = 1000  # characters of what is wrong with one value
# Characters of a word that is compared with the known ones, in a time that grows with their square.
MAX_WORD = 200
MAX_KNOWN = 500  # words that one is compared with
# The keys and list indices that lead from the root of a tree to a value.
Place = tuple[str | int, ...]


class Fault(NamedTuple):
    """One fault of a tree.

    Attributes:
        place: keys and indices that lead to the faulty key or value.
        sentence: the fault without its place, such as `must be at least 1, but got 0.`
        of_key: True if the key itself is wrong, False if its value is.
    """

    place: Place
    sentence: str
    of_key: bool = False

    def __str__(self) -> str:
        """Return the sentence with its place before it."""
        return f"{dotted(self.place)} {self.sentence}".strip()


def faults(
    error: ValidationError,
    model: type[BaseModel],
    tree: Mapping[str, Any],
    further_keys: Iterable[str] = (),
) -> Iterator[Fault]:
    """Yield each fault of a failed validation as a place in the tree and a sentence.

    They are made one by one, so that no more need be made than are shown.

    Args:
        error: the error that `model.model_validate(tree)` raised.
        model: the model that the tree was validated against.
        tree: the plain values that were validated.
        further_keys: keys that are known at the root, beside those of the model.
    """
    details = error.errors(include_url=False)
    # pydantic counts only the valid items, so a list with a wrong one is also called too short.
    wrong_inside = {detail["loc"][:n] for detail in details for n in range(len(detail["loc"]))}
    for detail in details:
        if not (detail["type"] == "too_short" and detail["loc"] in wrong_inside):
            yield Fault(
                _without_union_tags(detail["loc"], tree, ends_in_key=detail["type"] == "missing"),
                as_word(_sentence(detail, model, further_keys), MAX_SENTENCE),
                detail["type"] == "extra_forbidden",
            )


def fault_sentences(
    error: ValidationError, model: type[BaseModel], tree: Mapping[str, Any]
) -> list[str]:
    """Return the first MAX_SENTENCES faults of a failed validation, each with its place before it.

    The arguments are those of `faults`.
    """
    first = islice(faults(error, model, tree), MAX_SENTENCES)
    return [str(fault) for fault in first]


def dotted(place: Place) -> str:
    """Return a place as people write it: keys and indices with dots between them, each a word.

    >>> dotted(("evaluators", 0, "task"))
    'evaluators.0.task'
    """
    return shortened(".".join(map(as_word, place)), MAX_SENTENCE)


def did_you_mean(word: object, known: Iterable[str]) -> str:
    """Return the end of a sentence that suggests the closest known word; "" if none is close.

    >>> did_you_mean("stpes", ["steps", "lr"])
    "; did you mean 'steps'?"
    """
    return _did_you_mean(str(word)[:MAX_WORD], tuple(islice(known, MAX_KNOWN)))


@lru_cache(maxsize=1000)
def _did_you_mean(word: str, known: tuple[str, ...]) -> str:
    """Return what `did_you_mean` does; the same key may be wrong in every branch of a space."""
    matches = difflib.get_close_matches(word, known, n=1)
    return f"; did you mean {matches[0]!r}?" if matches else ""


def _without_union_tags(location: Place, tree: Any, *, ends_in_key: bool) -> Place:
    """Return a location of pydantic without the union tags, which stand for nothing in the tree.

    Args:
        ends_in_key: whether the last step is a key that the tree lacks, which stays in the place.
    """
    place: list[str | int] = []
    for number, step in enumerate(location):
        is_in_tree = isinstance(tree, Mapping) and step in tree
        is_in_tree = is_in_tree or (isinstance(tree, list) and isinstance(step, int))
        if is_in_tree:
            tree = tree[step]
        is_last = number == len(location) - 1
        if is_in_tree or (is_last and ends_in_key):
            place.append(step)
    return tuple(place)


def _sentence(detail: Any, model: type[BaseModel], further_keys: Iterable[str]) -> str:
    """Return a sentence for one entry of `ValidationError.errors()`, in the words of the YAML file.

    The other arguments are those of `faults`.
    """
    value = detail["input"]
    match detail["type"]:
        case "missing":
            return "must be given."
        case "extra_forbidden":
            *around, key = detail["loc"]
            known = list(_model_at(model, tuple(around)).model_fields)
            known += [] if around else further_keys
            return f"is no known key (known: {', '.join(known)}){did_you_mean(key, known) or '.'}"
        case "union_tag_invalid":
            known = [tag.strip(" '") for tag in detail["ctx"]["expected_tags"].split(",")]
            tag = detail["ctx"]["tag"]
            return (
                f"must be one of {', '.join(known)}, but got {as_value(tag)}"
                f"{did_you_mean(tag, known) or '.'}"
            )
        case "union_tag_not_found":
            name = _tag_of(_model_at(model, detail["loc"]))
            return f"must have a name, as in {{name: {name}}}."
        case "value_error":
            message = str(detail["msg"]).removeprefix("Value error, ")
            return message if message.endswith("?") else f"{message}."
        case "literal_error":
            expected = detail["ctx"]["expected"]
            known = expected.replace(" or ", ", ").replace("'", "").split(", ")
            return (
                f"must be {expected}, but got {as_value(value)}{did_you_mean(value, known) or '.'}"
            )
        case "too_short":
            return f"must have at least one entry, but got {as_value(value)}."
        case "too_long":
            most = counted(detail["ctx"]["max_length"], "entry", "entries")
            return f"must have at most {most}, but has {len(value)}."
        case "tuple_type" | "list_type":
            return f"must be a list, as in [{as_word(value)}], but got {as_value(value)}."
        case "bool_type":
            return f"must be true or false, but got {as_value(value)}."
        case "model_type" | "model_attributes_type" | "dict_type":
            return f"must be a mapping (key: value), but got {as_value(value)}."
        case "int_type" | "float_type" | "int_from_float":
            kind = "number" if detail["type"] == "float_type" else "whole number"
            quotes = " without quotes" * (isinstance(value, str) and is_number(value))
            return f"must be a {kind}{quotes}, but got {as_value(value)}."
        case "string_unicode":
            return f"must have whole characters, but has half of a surrogate pair in {as_value(value)}."
        case _:
            must = detail["msg"].replace("Input should", "must").replace("String should", "must")
            return f"{must[0].lower()}{must[1:]}, but got {as_value(value)}."


def _model_at(model: type[BaseModel], location: Place) -> type[BaseModel]:
    """Return the model whose keys may stand at a location of pydantic.

    The location leads through fields, list items and union tags. The given model is returned if it
    leads to no model.
    """
    annotation: Any = model
    for step in location:
        if isinstance(annotation, type) and issubclass(annotation, BaseModel):
            annotation = annotation.model_fields[str(step)].annotation
        tagged = (member for member in _models_in(annotation) if _tag_of(member) == step)
        annotation = next(tagged, annotation)
    return next(iter(_models_in(annotation)), model)


def _models_in(annotation: Any) -> list[type[BaseModel]]:
    """Return the pydantic models that a type annotation names, inside of unions and lists too."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    if get_origin(annotation) in (Union, UnionType) or get_args(annotation):
        return [model for part in get_args(annotation) for model in _models_in(part)]
    return []


def _tag_of(model: type[BaseModel]) -> Any:
    """Return the default of a model's field `name`, which tells it apart in a union; None without."""
    field = model.model_fields.get("name")
    return field.default if field else None
