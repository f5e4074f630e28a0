"""YAML files that people write: plain values with their lines, or sentences of refusal."""

import os
from pathlib import Path

import pytest
from pydantic import BaseModel

from tests.trainables.schema.conftest import TRIAL
from trainables.config import TrialConfig
from trainables.schema.faults import MAX_SENTENCES
from trainables.schema.limits import MAX_BYTES
from trainables.schema.text.printable import visible
from trainables.schema.yaml_file import FURTHER, SpecError, read, validate


@pytest.fixture
def value(tmp_path):
    def load(text):
        file = tmp_path / "value.yaml"
        file.write_text(f"value: {text}\n")
        return read(file).tree["value"]

    return load


def test_a_good_file_is_a_trial(tmp_path):
    file = tmp_path / "trial.yaml"
    file.write_text(TRIAL)
    trial = validate(TrialConfig, read(file))
    assert (trial.train.lr, trial.train.steps) == (0.001, 4)
    assert [evaluator.name for evaluator in trial.evaluators] == ["stereoset", "multiple_choice"]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("a: 1\nb: 2\na: 3\n", "3: a key must occur once, but there is duplicate key"),
        ("a: !!python/name:os.system\n", "1: must hold plain values and no tags, but"),
        ("a:\n  - !!python/object/apply:os.getcwd []\n", "2: must hold plain values and no tags"),
        ("a: !new x\n", "1: must hold plain values and no tags, but"),
        ("- a\n- b\n", " must hold a mapping (key: value), but holds a list."),
        ("words\n", " must hold a mapping (key: value), but holds a text."),
        ("", " must hold a mapping (key: value), but holds nothing."),
        ("# nothing yet\n", " must hold a mapping (key: value), but holds nothing."),
        ("a: 1\nb: [1, 2\nc: 3\n", "3: must be YAML, but"),
        ("a: 1\n\tb: 2\n", "2: must be YAML, but found character '\\t'"),
        ("a: 1\n---\nb: 2\n", "2: must be one YAML document, but another"),
        ("a: &all [*all]\n", " must be a tree, but an alias in it holds itself."),
        ("a: \x07\n", " must be YAML, but"),
    ],
)
def test_a_file_without_a_plain_mapping_is_refused_in_one_sentence(text, sentence, refused):
    (fault,) = refused(text)
    assert fault.startswith(sentence)
    assert fault.endswith(".")


@pytest.mark.parametrize(
    "text",
    [
        "api_key: hunter2-horse\napi_key: hunter2-horse\n",
        "password: *hunter2\n",
        "password: !hunter2 x\n",
        "db_password: &a [*hunter2]\n",
        "token: 'hunter2\n",
        "secret: hunter2: x\n",
    ],
)
def test_what_is_wrong_in_a_line_with_a_secret_is_said_without_it(text, refused):
    (fault,) = refused(text)
    assert "hunter2" not in fault


def test_a_tag_runs_no_code(tmp_path):
    file = tmp_path / "trial.yaml"
    file.write_text(f"a: !!python/object/apply:os.mkdir ['{tmp_path}/made']\n")
    with pytest.raises(SpecError):
        read(file)
    assert not (tmp_path / "made").exists()


def test_a_file_that_cannot_be_read_is_refused_in_one_sentence(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for name, reason in {
        "none.yaml": "No such file or directory",
        ".": "Is a directory",
        "pipe": "it is a named pipe (/dev/stdin is read)",
    }.items():
        file = tmp_path / name
        with pytest.raises(SpecError) as caught:
            read(file)
        assert str(caught.value) == f"{file}: must be a YAML file that can be read, but: {reason}."


@pytest.mark.parametrize(
    ("encoding", "words"),
    [
        ("utf-16", ":1: must be UTF-8 text, but begins as UTF-16 does: save it as UTF-8."),
        ("utf-16-le", ":1: must be UTF-8 text, but begins as UTF-16 does: save it as UTF-8."),
        ("utf-32", ":1: must be UTF-8 text, but begins as UTF-32 does: save it as UTF-8."),
        ("latin-1", ":2: must be UTF-8 text, but has the byte 0xe9, which is 'é' in Latin-1 (Windows-1252): save it as UTF-8."),
    ],
)  # fmt: skip
def test_another_encoding_is_named_with_what_to_do(encoding, words, tmp_path):
    file = tmp_path / "spec.yaml"
    file.write_bytes("a: 1\nb: café\n".encode(encoding))
    with pytest.raises(SpecError) as caught:
        read(file)
    assert str(caught.value) == f"{file}{words}"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1e-5", 1e-5),
        ("1.0e-5", 1e-5),
        ("-3", -3),
        ("0.5", 0.5),
        ("on", "on"),
        ("off", "off"),
        ("no", "no"),
        ("yes", "yes"),
        ("y", "y"),
        ("true", True),
        ("null", None),
        ("010", 10),
        ("12:30", "12:30"),
        ("2026-11-27", "2026-11-27"),
        ("2026-11-27T10:00:00Z", "2026-11-27T10:00:00Z"),
        ("1_000", "1_000"),
        ("1_0.5", "1_0.5"),
        ('"3"', "3"),
        ('"\\ud83d\\ude00"', "😀"),
        ("'\\ud83d'", "\\ud83d"),
        ('"Zo\\u00eb"', "Zoë"),
    ],
)
def test_values_are_read_as_yaml_1_2_has_them(text, expected, value):
    read_value = value(text)
    assert read_value == expected
    assert type(read_value) is type(expected)


def test_a_key_that_is_no_text_is_refused_with_its_line(tmp_path):
    file = tmp_path / "spec.yaml"
    file.write_text(
        "a: 1\nb:\n  1: x\n  ~: x\n  on: x\n  ? [c, d]\n  : x\nd:\n- {2.5: x, '3': x}\n"
    )
    with pytest.raises(SpecError) as caught:
        read(file)
    ends = [(3, "1"), (4, "~"), (6, "a list"), (9, "2.5")]
    assert caught.value.sentences == [
        f"{file}:{line}: a key must be a word, but is {shown}: take it out or quote it."
        for line, shown in ends
    ]


def test_each_half_of_a_character_is_refused_with_its_line_and_place(tmp_path):
    file = tmp_path / "spec.yaml"
    file.write_text('a: 1\nmodel: {prompt: "Write \\ud83d"}\nb:\n- "\\ude00"\n- "x\\udfff": 1\n')
    with pytest.raises(SpecError) as caught:
        read(file)
    assert caught.value.sentences == [
        f"{file}:{place} must have whole characters, but has half of a surrogate pair in {text}."
        for place, text in [
            ("2: model.prompt", r"'Write \ud83d'"),
            ("4: b.0", r"'\ude00'"),
            ("5: b.1", r"'x\udfff'"),
        ]
    ]


def test_a_key_of_two_halves_has_its_own_line_and_a_long_text_is_cut(tmp_path):
    file = tmp_path / "spec.yaml"
    file.write_text('a: 1\n"\\ud83d\\ude00": 2\n')
    assert read(file).lines[("😀",)] == 2
    file.write_text(f'a: "{"x" * 500}\\ud83d"\n')
    with pytest.raises(SpecError, match=r"in 'x{78}…\.$"):
        read(file)


def test_a_few_lines_of_aliases_that_stand_for_millions_are_refused_at_once(tmp_path):
    lines = ["x: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    for n in range(1, 9):
        lines.append(f"x{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]")
    file = tmp_path / "spec.yaml"
    file.write_text("\n".join([*lines, "goals: *a8"]))
    with pytest.raises(
        SpecError,
        match="must hold at most 10000 keys and values, aliases and merge keys written out",
    ):
        read(file)


def test_every_value_has_its_line(tmp_path):
    file = tmp_path / "trial.yaml"
    file.write_text(TRIAL)
    document = read(file)
    assert document.at(("train", "steps")) == f"{file}:6: train.steps"
    assert document.at(("evaluators", 1, "task")) == f"{file}:9: evaluators.1.task"
    assert document.at(("train", "nothing", "there")) == f"{file}:4: train.nothing.there"
    assert document.at(()) == f"{file}:1:"


class Leaf(BaseModel):
    size: int


class Top(BaseModel):
    leaf: Leaf


def test_the_fault_of_a_value_taken_from_elsewhere_has_the_line_of_its_origin(tmp_path):
    file = tmp_path / "sweep.yaml"
    file.write_text("name: x\ntrial:\n  leaf:\n    size: {choice: [1, many]}\n")
    with pytest.raises(SpecError) as caught:
        validate(
            Top,
            read(file),
            tree={"leaf": {"size": "many"}},
            origins={
                ("leaf",): ("trial", "leaf"),
                ("leaf", "size"): ("trial", "leaf", "size", "choice", 1),
            },
        )
    place = "trial.leaf.size.choice.1"
    assert str(caught.value).startswith(f"{file}:4: {place} must be a valid integer")


def test_values_that_are_not_known_yet_have_no_faults(tmp_path):
    file = tmp_path / "sweep.yaml"
    file.write_text("leaf:\n  size: many\n")
    with pytest.raises(SpecError):
        validate(Top, read(file), unknown=[("other",)])
    for place in ((), ("leaf",), ("leaf", "size")):
        with pytest.raises(SpecError) as caught:
            validate(Top, read(file), unknown=[place])
        assert caught.value.sentences == []


def test_an_error_has_each_sentence_once_and_no_more_than_are_read():
    assert SpecError(["a", "b", "a"]).sentences == ["a", "b"]
    many = [str(number) for number in range(MAX_SENTENCES)]
    assert SpecError([*many, *many]).sentences == many
    assert SpecError([*many, "one more"]).sentences == [*many, FURTHER]
    assert SpecError([FURTHER, "a"]).sentences == ["a", FURTHER]


def test_a_sentence_is_one_line_whatever_path_it_has():
    assert SpecError(["/a\nb must", "x\ty"]).sentences == ["/a\\nb must", "x\\ty"]


def test_no_more_sentences_are_made_than_an_error_has():
    made = []
    SpecError(made.append(number) or str(number) for number in range(10**6))
    assert len(made) == MAX_SENTENCES + 1


def test_no_more_of_a_file_is_read_than_it_may_have(tmp_path):
    file = tmp_path / "spec.yaml"
    file.write_text(f"a: 1\n#{'x' * (MAX_BYTES - 6)}")
    assert read(file).tree == {"a": 1}
    file.write_text(f"a: 1\n#{'x' * (MAX_BYTES - 5)}")
    endless = Path("/dev/zero")
    for path in (file, endless):
        with pytest.raises(SpecError) as caught:
            read(path)
        assert str(caught.value) == f"{path}: must be a file of at most 250000 bytes, but has more."


def test_what_is_merged_has_the_line_where_it_is_written(tmp_path):
    file = tmp_path / "spec.yaml"
    file.write_text("a: &a\n  x: 1\n  y: 2\nb:\n  <<: *a\n  y: 3\n")
    document = read(file)
    assert document.tree["b"] == {"x": 1, "y": 3}
    assert [document.lines["b", key] for key in "xy"] == [2, 6]


def test_a_key_is_shown_in_one_line_without_control_characters(tmp_path):
    file = tmp_path / "trial.yaml"
    file.write_text('"\\e[31m\\u202ered\\n\\u2028": 1\n? "%s"\n: 2\n' % ("k" * 5000))
    with pytest.raises(SpecError) as caught:
        validate(TrialConfig, read(file))
    first, second, *_ = sorted(caught.value.sentences)
    assert "\\x1b[31m\\u202ered\\n\\u2028 is no known key" in first
    assert all(visible(sentence) == sentence for sentence in caught.value.sentences)
    assert len(caught.value.sentences) == len(str(caught.value).splitlines())
    assert len(second) < 500 + len(str(file))


def test_a_name_of_a_file_is_shown_in_one_line(tmp_path):
    file = tmp_path / "a\nb\x1b[31m.yaml"
    for text in ("", "a: b: c", "1: x", "a: '\\ud83d'\nb: \"\\ud83d\"", "a: 1"):
        file.write_text(text)
        with pytest.raises(SpecError) as caught:
            validate(TrialConfig, read(file))
        assert len(str(caught.value).splitlines()) == len(caught.value.sentences)
        assert visible(str(caught.value)) == str(caught.value)


def test_a_mark_of_byte_order_is_no_part_of_a_file(tmp_path):
    file = tmp_path / "spec.yaml"
    file.write_bytes("\ufeffa: 1\n".encode())
    assert read(file).tree == {"a": 1}
