"""Search spaces: the trial's own YAML with a domain at some leaves.

    lr: {loguniform: [1.0e-6, 1.0e-4]}
    objective:
      choice:
        - {name: none}
        - {name: likelihood_gap, weight: {loguniform: [0.01, 10]}}   # searched in this branch only

A mapping whose only key is a domain's name is that domain. A choice among mappings is a branch.

What several keys of the trial are chosen of together stands under `recipe`, whose keys become those
of the trial (`train: {lr: 1.0e-6}` changes the lr alone):

    recipe:
      choice:
        - {objective: dpo}
        - {objective: cda, regulariser: {name: l2_to_base, weight: 0.1}}
"""

from __future__ import annotations

import difflib
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, product
from typing import TYPE_CHECKING, Any

from trainables.yaml_file import Place

if TYPE_CHECKING:
    import optuna

RANGES = ("uniform", "loguniform", "int")
DOMAINS = (*RANGES, "choice")
RECIPE = "recipe"
MOST_BRANCHES = 1000  # that are all looked at
Label = str | int | float | bool | None


@dataclass(frozen=True)
class Fault:
    """What is wrong with a domain, and where in the tree it stands."""

    place: Place
    sentence: str


@dataclass(frozen=True)
class Corner:
    """One concrete tree of a space, and the place in the space that each of its values came from."""

    tree: dict[str, Any]
    origins: Mapping[Place, Place]


def domain(node: Any) -> tuple[str, Any] | None:
    """(kind, argument) if the node is a domain."""
    if isinstance(node, dict) and len(node) == 1:
        ((kind, argument),) = node.items()
        if kind in DOMAINS:
            return kind, argument
    return None


def faults(tree: Any, place: Place = ()) -> Iterator[Fault]:
    """Every domain that cannot be drawn from."""
    found = domain(tree)
    if found is None:
        if isinstance(tree, dict) and (wrong := _nearly_domains(tree)):
            yield Fault((*place, next(iter(tree))), wrong)
            return
        for key, child in _children(tree):
            yield from faults(child, (*place, key))
        return
    kind, argument = found
    here = (*place, kind)
    if kind == "choice":
        if not isinstance(argument, list) or not argument:
            yield Fault(here, f"must be a list of at least one option, but got {argument!r}.")
            return
        labels = list(map(repr, map(label, argument)))
        if len(set(labels)) < len(labels):
            yield Fault(here, f"must have different options, but got {', '.join(labels)}.")
        for number, option in enumerate(argument):
            yield from faults(option, (*here, number))
        return
    if not _is_range(argument, whole=kind == "int"):
        numbers = "whole numbers" if kind == "int" else "numbers"
        yield Fault(here, f"must be two {numbers} [low, high], but got {argument!r}.")
        return
    low, high = argument
    if low >= high:
        yield Fault(here, f"must have low < high, but got {argument!r}.")
    elif kind == "loguniform" and low <= 0:
        yield Fault(here, f"must be above 0, as the logarithm is drawn, but got {argument!r}.")


def _nearly_domains(node: Mapping[Any, Any]) -> str:
    """What is wrong with a mapping that is meant to be a domain, if it is."""
    if len(node) > 1 and set(node) <= set(DOMAINS):
        return f"must be one domain, but got {', '.join(node)}."
    if len(node) == 1 and isinstance(next(iter(node.values())), list):
        (key,) = node
        if close := difflib.get_close_matches(str(key), DOMAINS, n=1, cutoff=0.75):
            return f"is no known domain (known: {', '.join(DOMAINS)}); did you mean {close[0]!r}?"
    return ""


def ranges(tree: Any, place: Place = ()) -> Iterator[Fault]:
    """Every domain that a grid, which runs each value, cannot be made of."""
    kind, argument = domain(tree) or ("", tree)
    if kind in RANGES:
        low, high = argument
        yield Fault(
            place,
            f"must be a choice of values, each of which a grid runs, but got {{{kind}: {argument}}}: "
            f"write {{choice: [{low}, …, {high}]}}, or take another search.sampler.",
        )
        return
    for key, child in _children(argument):
        yield from ranges(child, (*place, kind, key) if kind else (*place, key))


def suggest(tree: dict[str, Any], trial: optuna.Trial) -> dict[str, Any]:
    """The tree with every domain replaced by a value that the trial suggests.

    Parameters are named by their dotted place, and inside a branch by the branch as well
    (objective.likelihood_gap.weight), so that two branches may search one key in different ranges.
    """
    suggested: dict[str, Any] = _suggest(tree, trial, "")
    return _with_recipe(suggested)


def _suggest(tree: Any, trial: optuna.Trial, name: str) -> Any:
    found = domain(tree)
    if found is None:
        if isinstance(tree, dict):
            return {key: _suggest(child, trial, _join(name, key)) for key, child in tree.items()}
        if isinstance(tree, list):
            return [_suggest(child, trial, _join(name, n)) for n, child in enumerate(tree)]
        return tree
    match found:
        case "uniform", (low, high):
            return trial.suggest_float(name, low, high)
        case "loguniform", (low, high):
            return trial.suggest_float(name, low, high, log=True)
        case "int", (low, high):
            return trial.suggest_int(name, low, high)
        case _, options:
            by_label = _by_label(options)
            chosen = trial.suggest_categorical(name, list(by_label))
            return _suggest(by_label[chosen], trial, _join(name, chosen))


def _with_recipe(tree: dict[str, Any]) -> dict[str, Any]:
    """The trial that a concrete tree describes."""
    recipe = tree.get(RECIPE)
    rest = {key: value for key, value in tree.items() if key != RECIPE}
    if not isinstance(recipe, dict):
        return tree
    # Settings without a name (train, replay) are completed by the trial's own.
    both = {key for key in rest.keys() & recipe.keys() if _is_settings(rest[key], recipe[key])}
    return rest | recipe | {key: {**rest[key], **recipe[key]} for key in both}


def _is_settings(*nodes: Any) -> bool:
    return all(isinstance(node, dict) and "name" not in node for node in nodes)


def size(tree: Any) -> int:
    """Points of the grid: combinations of all choices, those in a branch counted within it alone."""
    found = domain(tree)
    if found is None:
        return math.prod(size(child) for _, child in _children(tree))
    return sum(size(option) for option in _by_label(found[1]).values())


def point(tree: Any, number: int, name: str = "") -> dict[str, Label]:
    """What each parameter is at one point of the grid, by the names of `suggest`.

    Points are in the order of the file, the last choice moving first.

    >>> tree = {"a": {"choice": [{"name": "x", "b": {"choice": [1, 2]}}, "y"]}}
    >>> [point(tree, number) for number in range(size(tree))]
    [{'a': 'x', 'a.x.b': 1}, {'a': 'x', 'a.x.b': 2}, {'a': 'y'}]
    """
    found = domain(tree)
    if found is None:
        chosen: dict[str, Label] = {}
        for key, child in reversed(_children(tree)):
            number, inside = divmod(number, size(child))
            chosen = point(child, inside, _join(name, key)) | chosen
        return chosen
    for option_label, option in _by_label(found[1]).items():
        if number < size(option):
            return {name: option_label} | point(option, number, _join(name, option_label))
        number -= size(option)
    raise IndexError(f"the grid of {name} has no such point")


def options(tree: Any, name: str = "") -> dict[str, list[Label]]:
    """What each choice is made among, by the names of `suggest`, in every branch."""
    found = domain(tree)
    if found is None:
        named = [options(child, _join(name, key)) for key, child in _children(tree)]
    elif found[0] == "choice":
        by_label = _by_label(found[1])
        named = [options(option, _join(name, chosen)) for chosen, option in by_label.items()]
        named.append({name: list(by_label)})
    else:
        named = []
    return {name: labels for below in named for name, labels in below.items()}


def is_grown(tree: Any, now: Any) -> bool:
    """Whether `now` is the tree, or the tree with options appended to its choices."""
    old, new = domain(tree), domain(now)
    if old is not None and new is not None and old[0] == new[0] == "choice":
        same = zip(old[1], new[1], strict=False)
        return len(old[1]) <= len(new[1]) and all(is_grown(was, is_) for was, is_ in same)
    if isinstance(tree, dict) and isinstance(now, dict) and old is new is None:
        return tree.keys() == now.keys() and all(is_grown(tree[key], now[key]) for key in tree)
    if isinstance(tree, list) and isinstance(now, list):
        return len(tree) == len(now) and all(map(is_grown, tree, now))
    return bool(tree == now)


def corners(tree: dict[str, Any]) -> Iterator[Corner]:
    """Concrete trees that together hold every branch and both ends of every domain.

    From the first option and low end of everything, one domain at a time is moved through its
    options or to its high end, and each two of the same mapping together (what must fit together
    stands together), so their number does not grow with the product of all.
    """
    yield _corner(tree, {})
    domains = list(_domains(tree, ()))
    for place, num_settings in domains:
        for setting in range(1, num_settings):
            yield _corner(tree, _reaching(tree, place) | {place: setting})
    for (one, num_one), (other, num_other) in combinations(domains, 2):
        if one[:-1] == other[:-1]:
            for pair in product(range(1, num_one), range(1, num_other)):
                moved = dict(zip((one, other), pair, strict=True))
                yield _corner(tree, _reaching(tree, one) | moved)


def branches(tree: dict[str, Any]) -> Iterator[Corner]:
    """Every combination of all choices, where there are at most MOST_BRANCHES, at the low ends of
    what is drawn between two: what must fit together may stand far apart.
    """
    if _num_branches(tree) <= MOST_BRANCHES:
        yield from (_corner(tree, settings) for settings in _branches(tree, ()))


def _num_branches(tree: Any) -> int:
    kind, argument = domain(tree) or ("", tree)
    if kind in RANGES:
        return 1
    if kind == "choice":
        return sum(map(_num_branches, argument))
    return math.prod(_num_branches(child) for _, child in _children(tree))


def _branches(tree: Any, place: Place) -> Iterator[dict[Place, int]]:
    """The settings of the choices below a place, for each combination of them."""
    kind, argument = domain(tree) or ("", tree)
    if kind in RANGES:
        yield {}
    elif kind == "choice":
        for number, option in enumerate(argument):
            for settings in _branches(option, (*place, kind, number)):
                yield {place: number} | settings
    else:
        below = [list(_branches(child, (*place, key))) for key, child in _children(tree)]
        for chosen in product(*below):
            yield {key: value for settings in chosen for key, value in settings.items()}


def without(tree: Any, bad: Sequence[Place], place: Place = ()) -> Any:
    """The tree with nothing in place of these domains (as `faults` names them)."""
    if any(each[:-1] == place and each for each in bad):
        return None
    if isinstance(tree, dict):
        return {key: without(child, bad, (*place, key)) for key, child in tree.items()}
    if isinstance(tree, list):
        return [without(child, bad, (*place, n)) for n, child in enumerate(tree)]
    return tree


def swept(tree: Any, name: str = "") -> list[str]:
    """Dotted names of what tells the trials of a space apart, each once, whatever the branch.

    What is drawn, and what the options of a choice say of themselves (`sides` of {name: cda, sides:
    two}); the choice itself stands for its options' names.
    """
    found = domain(tree)
    if found is None:
        names = [n for key, child in _children(tree) for n in swept(child, _join(name, key))]
        return list(dict.fromkeys(n.removeprefix(f"{RECIPE}.") for n in names))
    kind, argument = found
    said = [name]
    for option in argument if kind == "choice" else []:
        said += swept(option, name)
        if isinstance(option, dict) and domain(option) is None:
            said += _fixed({key: value for key, value in option.items() if key != "name"}, name)
    return list(dict.fromkeys(said))


def _fixed(tree: Any, name: str) -> Iterator[str]:
    """Dotted names of the scalars of a tree."""
    if isinstance(tree, dict) and domain(tree) is None:
        for key, child in tree.items():
            yield from _fixed(child, _join(name, key))
    elif not isinstance(tree, dict | list):
        yield name


def label(option: Any) -> Label:
    """How a choice is recorded: a scalar by itself, a branch by its name or its contents."""
    if option is None or isinstance(option, str | int | float | bool):
        return option
    if isinstance(option, dict) and isinstance(option.get("name"), str):
        rest = {key: value for key, value in option.items() if key != "name"}
        fixed = [f"{k}={v}" for k, v in rest.items() if not _has_domain(v)]
        return " ".join([option["name"], *fixed])
    return repr(option)


def _has_domain(node: Any) -> bool:
    """Whether something in it is drawn."""
    return domain(node) is not None or any(_has_domain(child) for _, child in _children(node))


def _by_label(options: Sequence[Any]) -> dict[Label, Any]:
    return {label(option): option for option in options}


def _is_range(argument: Any, *, whole: bool) -> bool:
    return (
        isinstance(argument, list)
        and len(argument) == 2
        and all(
            isinstance(end, int if whole else (int, float))
            and not isinstance(end, bool)
            and math.isfinite(end)
            for end in argument
        )
    )


def _domains(tree: Any, place: Place) -> Iterator[tuple[Place, int]]:
    """Place of each domain, inside branches too, and how many settings it has to be tried at."""
    found = domain(tree)
    if found is None:
        for key, child in _children(tree):
            yield from _domains(child, (*place, key))
        return
    kind, argument = found
    yield place, len(argument)
    if kind == "choice":
        for number, option in enumerate(argument):
            yield from _domains(option, (*place, kind, number))


def _reaching(tree: Any, place: Place) -> dict[Place, int]:
    """The settings of the choices around a place, so that its branch is taken."""
    settings: dict[Place, int] = {}
    for n, key in enumerate(place):
        if domain(tree) is not None and key == "choice":
            settings[place[:n]] = int(place[n + 1])
        tree = tree[key]
    return settings


def _corner(tree: dict[str, Any], settings: Mapping[Place, int]) -> Corner:
    origins: dict[Place, Place] = {}

    def concrete(node: Any, here: Place, origin: Place) -> Any:
        origins[here] = origin
        found = domain(node)
        if found is not None:
            kind, argument = found
            number = settings.get(origin, 0)
            inner = (*origin, kind, number)
            # What is drawn between [2, 9] is no whole number, so its ends are not taken as such.
            end = argument[number] if kind in ("choice", "int") else float(argument[number])
            return concrete(end, here, inner)
        if isinstance(node, dict):
            return {k: concrete(v, (*here, k), (*origin, k)) for k, v in node.items()}
        if isinstance(node, list):
            return [concrete(v, (*here, n), (*origin, n)) for n, v in enumerate(node)]
        return node

    found = concrete(tree, (), ())
    if isinstance(found.get(RECIPE), dict):
        own = {here: origin for here, origin in origins.items() if here[:1] != (RECIPE,)}
        inside = {h[1:]: origin for h, origin in origins.items() if h[:1] == (RECIPE,) and h[1:]}
        origins = own | inside
    return Corner(_with_recipe(found), origins)


def _children(node: Any) -> list[tuple[str | int, Any]]:
    if isinstance(node, dict):
        return list(node.items())
    return list(enumerate(node)) if isinstance(node, list) else []


def _join(name: str, key: object) -> str:
    return f"{name}.{key}" if name else str(key)
