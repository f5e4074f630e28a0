"""Files that people write, and what they are told about them."""

import pytest
from pydantic import BaseModel

from tests.conformance import members
from trainables.config import TrialConfig
from trainables.data.sets import ALIGNMENT_SETS
from trainables.objectives import AnyObjective
from trainables.schema.faults import did_you_mean, dotted
from trainables.schema.yaml_file import SpecError, read, validate

TRIAL = """\
model: {path: miniature-llama}
alignment:
  data: miniature
train:
  lr: 1e-3
  steps: 4
evaluators:
  - stereoset
  - {name: multiple_choice, task: piqa}
"""


@pytest.fixture
def refused(tmp_path):
    """What one is told about a trial file, without the file's own path."""

    def sentences(text):
        file = tmp_path / "trial.yaml"
        file.write_text(text)
        with pytest.raises(SpecError) as caught:
            validate(TrialConfig, read(file))
        assert str(caught.value).splitlines() == caught.value.sentences
        assert all(sentence.startswith(str(file)) for sentence in caught.value.sentences)
        return [sentence.removeprefix(f"{file}:") for sentence in caught.value.sentences]

    return sentences


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


KNOWN = f"known: {', '.join(TrialConfig.model_fields)}"
OBJECTIVES = ", ".join(member.model_fields["name"].default for member in members(AnyObjective))


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        (
            "train:",
            "trian: {}\ntrain:",
            f"4: trian is no known key ({KNOWN}); did you mean 'train'?",
        ),
        (
            "  lr:",
            "  seed: 3\n  lr:",
            "5: train.seed is no known key (known: lr, steps, batch_size, accumulation, "
            "report_every, schedule, warmup, weight_decay, clip, dtype, zero_stage, max_tokens).",
        ),
        (
            "alignment:",
            "objective: cdaa\nalignment:",
            f"2: objective must be one of {OBJECTIVES}, but got 'cdaa'; did you mean 'cda'?",
        ),
        (
            "alignment:",
            "objective: {name: xyz}\nalignment:",
            f"2: objective must be one of {OBJECTIVES}, but got 'xyz'.",
        ),
        (
            "alignment:",
            "objective: {name: cda, side: two}\nalignment:",
            "2: objective.side is no known key (known: name, sides); did you mean 'sides'?",
        ),
        (
            "alignment:",
            "objective: {sides: two}\nalignment:",
            "2: objective must have a name, as in {name: none}.",
        ),
        (
            "alignment:",
            "regulariser:\n  name: l2_to_base\n  weight: -1\nalignment:",
            "4: regulariser.weight must be greater than or equal to 0, but got -1.",
        ),
        (
            "steps: 4",
            'steps: "3"',
            "6: train.steps must be a whole number without quotes, but got '3'.",
        ),
        ("steps: 4", "steps: abc", "6: train.steps must be a whole number, but got 'abc'."),
        ("steps: 4", "steps: 4.5", "6: train.steps must be a whole number, but got 4.5."),
        ("steps: 4", "steps: true", "6: train.steps must be a whole number, but got True."),
        ("1e-3", '"1e-3"', "5: train.lr must be a number without quotes, but got '1e-3'."),
        ("1e-3", "on", "5: train.lr must be a number, but got 'on'."),
        ("1e-3", ".nan", "5: train.lr must be a finite number, but got nan."),
        ("  steps: 4\n", "", "4: train.steps must be given."),
        (
            "steps: 4",
            "steps: 4\n  dtype: fp16",
            "7: train.dtype must be 'fp32' or 'bf16', but got 'fp16'; did you mean 'bf16'?",
        ),
        (
            "steps: 4",
            "steps: 4\n  batch_size: 6\n  accumulation: 4",
            "4: train batch_size must be a multiple of accumulation, but got 6 and 4.",
        ),
        (
            "data: miniature",
            "data: bugs",
            f"3: alignment.data must name pairs that are known ({', '.join(ALIGNMENT_SETS)}) or a file "
            "(.jsonl, .csv, .txt), but got 'bugs'.",
        ),
        (
            "- stereoset",
            "- sterioset",
            "8: evaluators.0 must be one of stereoset, crows_pairs, winobias, winogender, bbq, "
            "seat, perplexity, kl, weights, multiple_choice, probe, finetune, but got 'sterioset'; did you mean 'stereoset'?",
        ),
        (
            "task: piqa",
            "tasks: piqa",
            "9: evaluators.1.task must be given.",
        ),
        (
            "- stereoset",
            "- {name: multiple_choice, task: piqa}",
            "1: evaluators must measure different things, but two of them measure task/piqa/accuracy, task/piqa/accuracy_norm.",
        ),
    ],
)
def test_a_fault_is_one_sentence_with_its_line_and_its_place(old, new, sentence, refused):
    assert TRIAL.count(old) == 1
    said = refused(TRIAL.replace(old, new))
    assert said[0] == sentence
    assert len(said) == 1 + ("tasks" in new)


def test_a_wrong_item_does_not_make_its_list_too_short(refused):
    (said,) = refused(TRIAL.split("evaluators:")[0] + "evaluators: [sterioset]\n")
    assert said.startswith("7: evaluators.0 must be one of stereoset, ")


def test_an_empty_list_is_too_short(refused):
    (said,) = refused(TRIAL.split("evaluators:")[0] + "evaluators: []\n")
    assert said.startswith("7: evaluators ")
    assert "at least one entry" in said


def test_all_faults_are_told_together(refused):
    said = refused(TRIAL.replace("1e-3", "abc").replace("data: miniature", "data: x"))
    assert [sentence.split()[:2] for sentence in said] == [
        ["3:", "alignment.data"],
        ["5:", "train.lr"],
    ]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("a: 1\nb: 2\na: 3\n", "3: a key must occur once, but there is duplicate key"),
        ("a: !!python/name:os.system\n", "1: must hold plain values and no tags, but"),
        ("a:\n  - !!python/object/apply:os.getcwd []\n", "2: must hold plain values and no tags"),
        ("a: !new x\n", "1: must hold plain values and no tags, but"),
        ("- a\n- b\n", " must hold a mapping (key: value), but holds list."),
        ("words\n", " must hold a mapping (key: value), but holds str."),
        ("", " must hold a mapping (key: value), but holds nothing."),
        ("# nothing yet\n", " must hold a mapping (key: value), but holds nothing."),
        ("a: 1\nb: [1, 2\nc: 3\n", "3: must be YAML, but"),
        ("a: 1\n\tb: 2\n", "2: must be YAML, but found character '\\t'"),
        ("a: 1\n---\nb: 2\n", "2: must be one YAML document, but another"),
        ("a: &all [*all]\n", " must be a tree, but an alias in it holds itself."),
        ("a: \x07\n", " must be YAML, but"),
    ],
)
def test_what_is_no_plain_mapping_is_one_sentence(text, sentence, refused):
    (said,) = refused(text)
    assert said.startswith(sentence)
    assert said.endswith(".")


@pytest.mark.parametrize("key", ["1", "true", "[a, b]"])
def test_a_key_that_is_no_text_is_one_sentence(key, refused):
    (said,) = refused(f"? {key}\n: 2\n{TRIAL}")
    assert said.startswith("1: ")
    assert "keys should be strings" in said


def test_a_tag_runs_no_code(tmp_path):
    file = tmp_path / "trial.yaml"
    file.write_text(f"a: !!python/object/apply:os.mkdir ['{tmp_path}/made']\n")
    with pytest.raises(SpecError):
        read(file)
    assert not (tmp_path / "made").exists()


def test_a_file_that_cannot_be_read_is_one_sentence(tmp_path):
    (tmp_path / "binary.yaml").write_bytes(b"\xff\xfe\x00")
    for name, reason in {
        "none.yaml": "No such file or directory",
        ".": "Is a directory",
        "binary.yaml": "it is not UTF-8 text",
    }.items():
        file = tmp_path / name
        with pytest.raises(SpecError) as caught:
            read(file)
        assert str(caught.value) == f"{file}: must be a YAML file that can be read, but: {reason}."


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
        ('"3"', "3"),
    ],
)
def test_values_are_read_as_yaml_1_2_has_them(text, expected, value):
    found = value(text)
    assert found == expected
    assert type(found) is type(expected)


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


def test_a_value_taken_from_elsewhere_is_told_of_at_its_origin(tmp_path):
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


def test_the_same_sentence_is_said_once():
    assert SpecError(["a", "b", "a"]).sentences == ["a", "b"]


def test_places_and_guesses_are_written_as_people_read_them():
    assert dotted(("evaluators", 0, "task")) == "evaluators.0.task"
    assert did_you_mean("stpes", ["steps", "lr"]) == "; did you mean 'steps'?"
    assert did_you_mean("zzz", ["steps", "lr"]) == ""
