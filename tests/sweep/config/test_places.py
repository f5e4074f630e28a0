"""Where in a spec a fault of its models or data stands."""

import shutil

import pytest
from pydantic import TypeAdapter

from sweep.config.check import check
from sweep.config.input_faults.data_faults import data_faults
from sweep.config.input_faults.input_fault import InputFault
from sweep.config.places import with_lines
from sweep.config.preflight import DoNotFit, prepare
from tests.conformance import HARNESS_TASKS, harness_tasks
from tests.small_sets import write_crows_pairs
from tests.sweep.conftest import TINY
from trainables.config import AlignmentConfig
from trainables.evaluators import AnyEvaluator
from trainables.schema.yaml_file import read

SPACE = """\
name: space
trial:
  model: {path: one}
  alignment:
    choice:
    - {data: a.csv}
    - data: b.csv
      size: {choice: [5, 50]}
  recipe:
    choice:
    - objective: none
    - replay:
        data: c.txt
      objective: cda
  parameters:
    name: lora
    targets: [one, two]
  evaluators:
  - crows_pairs
  - {name: seat}
goals: [x]
"""


def evaluator(name, **settings):
    """An evaluator as a trial has it."""
    return TypeAdapter(AnyEvaluator).validate_python({"name": name, **settings})


def line_of(document, key, value, part=None):
    """The line of a fault at a dotted key of a trial that has this value there."""
    fault = InputFault(tuple(key.split(".")), value, " must be something.", part)
    (sentence,) = with_lines(document, [fault])
    path, line, rest = sentence.split(":", 2)
    assert path == str(document.path)
    assert rest == f" trial.{key} must be something."
    return int(line)


@pytest.mark.parametrize(
    ("key", "value", "line"),
    [
        ("model.path", "one", 3),
        ("model.family", "causal", 3),
        ("alignment.data", "a.csv", 6),
        ("alignment.data", "b.csv", 7),
        ("alignment.data", "other.csv", 6),
        ("alignment.size", 50, 8),
        ("alignment.swap", "improved", 4),
        ("objective.name", "none", 11),
        ("objective.name", "cda", 14),
        ("replay.data", "c.txt", 13),
        ("replay.ratio", 0.0, 12),
        ("parameters.targets", ("one", "two"), 17),
        ("evaluators", evaluator("crows_pairs"), 19),
        ("evaluators", evaluator("seat"), 20),
        ("evaluators", evaluator("stereoset"), 18),
        ("nowhere.at.all", None, 2),
    ],
)
def test_a_fault_has_the_line_of_its_key_and_of_its_value(tmp_path, key, value, line):
    path = tmp_path / "space.yaml"
    path.write_text(SPACE)
    assert line_of(read(path), key, value) == line


BLOCKS = """\
name: blocks
trial:
  model: {path: one}
  alignment:
    data:
      choice:
      - pairs.csv
      - more_pairs.csv
      - bug
      - sub/pairs.csv
    size:
      choice:
      - 9
      - 50
      - 500
  evaluators:
  - name: seat
  - name: multiple_choice
    task: one.jsonl
  - name: multiple_choice
    task: two.jsonl
    limit: 3
  - name: multiple_choice
    task: four.jsonl
    path: wrong.jsonl
  - name: multiple_choice
    task: three.jsonl
    wrong: 3
  - crows_pairs
goals: [x]
"""


@pytest.mark.parametrize(
    ("key", "value", "line"),
    [
        ("alignment.data", "pairs.csv", 7),
        ("alignment.data", "more_pairs.csv", 8),
        ("alignment.data", "sub/pairs.csv", 10),
        ("alignment.data", "debug.csv", 5),
        ("alignment.data", "bug", 9),
        ("alignment.size", 50, 14),
        ("alignment.size", 500, 15),
        ("evaluators", evaluator("multiple_choice", task="one.jsonl"), 18),
        ("evaluators", evaluator("multiple_choice", task="two.jsonl", limit=3), 20),
        ("evaluators", evaluator("multiple_choice", task="two.jsonl"), 20),
        ("evaluators", evaluator("multiple_choice", task="four.jsonl"), 23),
        ("evaluators", evaluator("multiple_choice", task="three.jsonl"), 26),
        ("evaluators", evaluator("crows_pairs"), 29),
        ("evaluators", evaluator("seat"), 17),
    ],
)
def test_the_place_whose_value_is_equal_counts_and_no_other(tmp_path, key, value, line):
    """What is wrong in a spec, as `wrong`, is in no trial: the nearest settings count."""
    path = tmp_path / "blocks.yaml"
    path.write_text(BLOCKS)
    assert line_of(read(path), key, value) == line


def test_of_options_that_have_the_same_value_the_one_with_the_same_settings_counts(tmp_path):
    path = tmp_path / "blocks.yaml"
    options = "[{data: a.csv, size: 9},\n {data: a.csv, size: 50},\n {data: b.csv, size: 50}]"
    path.write_text(f"trial:\n  alignment:\n    choice: {options}\n")
    document = read(path)
    for data, line in (("a.csv", 4), ("b.csv", 5)):
        part = AlignmentConfig(data=data, size=50)
        assert line_of(document, "alignment.size", 50, part) == line
    assert line_of(document, "alignment.size", 50) == 4
    assert line_of(document, "alignment.data", "a.csv") == 3


def test_a_fault_has_the_line_of_the_option_that_it_names(tmp_path):
    text = TINY.replace(
        "  alignment: {data: miniature, size: 50}\n",
        "  alignment:\n    choice:\n    - {data: miniature}\n    - {data: none.csv}\n    - {data: other.csv}\n"
        "  recipe:\n    choice:\n    - objective: none\n    - {replay: {data: gone.txt, ratio: 0.5}}\n",
    )
    path = tmp_path / "spec.yaml"
    path.write_text(text)
    lines = text.splitlines()
    document = read(path)
    with pytest.raises(DoNotFit) as caught:
        prepare(check(document), document)
    for sentence, name in zip(
        str(caught.value).splitlines(), ("none.csv", "other.csv", "gone.txt"), strict=True
    ):
        number = next(n for n, line in enumerate(lines, 1) if name in line)
        assert sentence.startswith(f"{path}:{number}: trial.")
        assert name in sentence


TASK = """\
task: NAME
dataset_path: json
dataset_kwargs: {data_files: {test: animals.jsonl}}
output_type: generate_until
test_split: test
doc_to_text: "the {{animal}} eats"
doc_to_target: food
generation_kwargs: {until: ["\\n"], max_gen_toks: TOKENS, do_sample: false}
metric_list: [{metric: exact_match}]
"""


def with_evaluators(path, *evaluators):
    """Write the tiny spec with two further evaluators, at lines 12 and 13, and return its document."""
    lines = "".join(f"    - {written}\n" for written in evaluators)
    path.write_text(TINY.replace("    - {name: perplexity", f"{lines}    - {{name: perplexity"))
    return read(path)


def test_of_two_tasks_of_the_harness_the_one_that_writes_too_much_has_the_line(tmp_path):
    own = tmp_path / "tasks"
    own.mkdir()
    shutil.copy(HARNESS_TASKS / "animals.jsonl", own)
    for name, num_tokens in (("short", 4), ("long", 4000)):
        task = TASK.replace("NAME", name).replace("TOKENS", str(num_tokens))
        (own / f"{name}.yaml").write_text(task)
    tasks = ("{name: harness, task: short}", "{name: harness, task: long}")
    path = tmp_path / "spec.yaml"
    with harness_tasks(own):
        for written, line in ((tasks, 13), (tasks[::-1], 12)):
            document = with_evaluators(path, *written)
            with pytest.raises(DoNotFit) as caught:
                prepare(check(document), document)
            (sentence,) = str(caught.value).splitlines()
            assert sentence.startswith(
                f"{path}:{line}: trial.evaluators: harness: max_gen_toks must be below the "
            )


@pytest.mark.parametrize(
    ("kinds", "lines"),
    [
        (("age", "religion"), [13]),
        (("religion", "age"), [12]),
        (("religion", "disability"), [12, 13]),
    ],
)
def test_of_two_evaluators_of_one_name_each_without_items_has_its_line(
    kinds, lines, tmp_path, monkeypatch
):
    monkeypatch.setenv("EQUIPOISE_CACHE", str(tmp_path))
    write_crows_pairs(tmp_path)
    path = tmp_path / "spec.yaml"
    evaluators = (f"{{name: crows_pairs, bias_type: {kind}}}" for kind in kinds)
    document = with_evaluators(path, *evaluators)
    sentences = list(with_lines(document, data_faults(check(document).trials())))
    assert sentences == [
        f"{path}:{line}: trial.evaluators: crows_pairs must have items, but has none."
        for line in lines
    ]


def test_of_two_sets_of_one_size_the_one_that_is_too_small_has_the_line(tmp_path):
    for name, num_pairs in (("large", 40), ("small", 20)):
        rows = "".join(f"she has {n} hats,he has {n} hats\n" for n in range(num_pairs))
        (tmp_path / f"{name}.csv").write_text(f"stereotype,antistereotype\n{rows}")
    options = "".join(
        f"    - {{data: {tmp_path}/{name}.csv, size: 30}}\n" for name in ("large", "small")
    )
    path = tmp_path / "spec.yaml"
    written = "  alignment: {data: miniature, size: 50}\n"
    path.write_text(TINY.replace(written, f"  alignment:\n    choice:\n{options}"))
    document = read(path)
    with pytest.raises(DoNotFit) as caught:
        prepare(check(document), document)
    assert str(caught.value) == (
        f"{path}:7: trial.alignment.size must be at most the 20 pairs of {tmp_path}/small.csv, but got "
        f"30."
    )
