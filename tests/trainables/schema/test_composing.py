"""YAML text to nodes: limits hold before anything is made, however few lines a text has."""

import warnings

import pytest
from ruamel.yaml.error import YAMLError

from trainables.schema.composing import _Composer
from trainables.schema.limits import MAX_DEPTH, MAX_NODES, MAX_TEXT, NotPlain
from trainables.schema.plain_yaml import composed, from_yaml


@pytest.fixture
def num_composed(monkeypatch):
    """Return how many nodes are composed while a text is refused."""
    composers = []
    monkeypatch.setattr(
        _Composer, "compose_document", keep_self(composers, _Composer.compose_document)
    )

    def count(text):
        with pytest.raises(YAMLError):
            from_yaml(text)
        return composers[-1].num_nodes

    return count


def keep_self(kept, method):
    """Return a method that keeps the object it is called on in a list."""

    def kept_method(self):
        kept.append(self)
        return method(self)

    return kept_method


def chain(levels, line):
    """Return lines of which each names the one before it: `line(n)` follows `xN: &aN`."""
    return "".join(f"x{n}: &a{n} {line(n)}\n" for n in range(levels))


TEN_ALIASES = chain(12, lambda n: f"[{', '.join([f'*a{n - 1}'] * 10) if n else 1}]")
TEN_MERGES = chain(12, lambda n: f"{{<<: [{', '.join([f'*a{n - 1}'] * 10)}]}}" if n else "{k: 1}")
NESTED_MERGES = chain(
    12,
    lambda n: (
        "{" + ", ".join(f"b{m}: {{<<: *a{n - 1}}}" for m in range(10)) + "}" if n else "{k: 1}"
    ),
)


@pytest.mark.parametrize(
    "text", [TEN_ALIASES, TEN_MERGES, NESTED_MERGES], ids=["aliases", "merges", "nested"]
)
def test_what_a_few_lines_stand_for_is_counted_and_not_made(text):
    with pytest.raises(NotPlain) as caught:
        composed(text)
    assert caught.value.problem == (
        f"must hold at most {MAX_NODES} keys and values, aliases and merge keys written out, but holds "
        "more than 10⁹"
    )


def test_what_a_text_stands_for_is_counted_to_the_last_value():
    tens = "".join(
        f"a{n}: &a{n} [{', '.join(['x'] * 10)}]\n" for n in range(2)
    )  # 1 + 2 · 12 with keys
    aliases = (MAX_NODES - 27) // 11
    fitting = f"{tens}b: [{', '.join(['*a0'] * aliases)}]\n"
    num_nodes = 27 + 11 * aliases
    filled = fitting.replace("]\nb:", f"{', x' * (MAX_NODES - num_nodes)}]\nb:")
    assert len(from_yaml(filled)["b"]) == aliases
    with pytest.raises(NotPlain, match=f"but holds {MAX_NODES + 1}"):
        from_yaml(filled.replace("]\nb:", ", x]\nb:"))


@pytest.mark.parametrize(
    "text", ["[" + "1, " * 100_000, "- 1\n" * 100_000, "".join(f"k{n}: 1\n" for n in range(50_000))]
)
def test_no_more_is_composed_than_a_text_may_hold(text, num_composed):
    assert num_composed(text) == MAX_NODES + 1


@pytest.mark.parametrize(
    "text", ["[" * 100_000, "{a: " * 100_000, "- " * 100_000, "? " * 100_000, '[{"a":' * 50_000]
)
def test_no_more_is_composed_than_a_text_may_be_deep(text, num_composed):
    assert num_composed(text) <= 2 * MAX_DEPTH + 2


def test_depth_is_that_of_aliases_written_out():
    deepest = "[" * MAX_DEPTH + "]" * MAX_DEPTH
    assert from_yaml(deepest)
    with pytest.raises(NotPlain, match=f"must be at most {MAX_DEPTH} levels deep"):
        from_yaml(f"[{deepest}]")
    with pytest.raises(
        NotPlain, match=rf"at most {MAX_DEPTH} levels deep, aliases written out, but has 62"
    ):
        from_yaml(chain(61, lambda n: f"[*a{n - 1}]" if n else "[1]"))


def test_a_long_text_is_refused_as_a_value_and_as_a_key():
    assert from_yaml(f"a: {'x' * MAX_TEXT}")
    for text in (f"a: {'x' * (MAX_TEXT + 1)}", f"? {'x' * (MAX_TEXT + 1)}\n: 1"):
        with pytest.raises(
            NotPlain, match=f"at most {MAX_TEXT} characters, but got {MAX_TEXT + 1}"
        ):
            from_yaml(text)


@pytest.mark.parametrize(
    "text",
    [
        "a: &x {y: *x}",
        "a: &x {<<: *x}",
        "a: &x [[*x]]",
        "a: &x {y: {<<: *x}}",
        "a: &x {b: &y {<<: *x, c: *y}}",
    ],
)
def test_a_text_that_holds_itself_is_refused(text):
    with pytest.raises(NotPlain, match="must be a tree, but an alias in it holds itself"):
        from_yaml(text)


@pytest.mark.parametrize(
    "tag", ["!!int '2'", "!!int ''", "!!bool x", "!!float x", "!!set {a}", "!!binary aGVs", "!!map y", "!x y", "! y", "!!null x", "!!omap [a: 1]", "!!timestamp x", "!!python/name:os.system"]
)  # fmt: skip
def test_no_tag_is_taken(tag):
    with pytest.raises(NotPlain, match="must hold plain values and no tags, but got !"):
        from_yaml(f"a: {tag}")


def test_another_version_of_yaml_is_refused():
    assert from_yaml("%YAML 1.2\n---\na: on\n") == {"a": "on"}
    for version in ("1.1", "1.3", "2.0", "1." + "9" * 5000):
        with pytest.raises(YAMLError):
            from_yaml(f"%YAML {version}\n---\na: on\n")


@pytest.mark.parametrize(
    "text", ['"\\UFFFFFFFF"', '"\\U00110000"', "%YAML 1." + "9" * 5000 + "\n---\n"]
)
def test_a_number_that_python_does_not_take_is_an_error_of_the_text(text):
    with pytest.raises(NotPlain, match="has a number that is too large"):
        from_yaml(text)


def test_an_anchor_that_is_given_again_prints_nothing():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert from_yaml("- &a 1\n- &a 2\n- *a\n") == [1, 2, 2]
