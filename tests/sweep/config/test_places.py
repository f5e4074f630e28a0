"""Where in a spec a fault of its models or data stands."""

import pytest

from sweep.config.check import check
from sweep.config.places import with_line
from sweep.config.preflight import DoNotFit, prepare
from tests.sweep.conftest import TINY
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
  evaluators:
  - perplexity
  - {name: seat}
goals: [x]
"""


@pytest.mark.parametrize(
    ("fault", "line"),
    [
        ("trial.model.path: one must be a model.", 3),
        ("trial.model.family must be masked, as one is.", 3),
        ("trial.alignment.data: a.csv must have pairs.", 6),
        ("trial.alignment.data: b.csv must have pairs.", 7),
        ("trial.alignment.size must be at most 9, but got 50.", 8),
        ("trial.alignment.swap must be something.", 4),
        ("trial.replay.data: c.txt must have texts.", 13),
        ("trial.replay.ratio must be something.", 12),
        ("trial.evaluators: perplexity must have items.", 15),
        ("trial.evaluators: seat: no such file.", 16),
        ("trial.evaluators: other: no such file.", 14),
        ("goals must be something.", 17),
        ("nowhere.at.all must be something.", 1),
        ("No key at all.", 1),
    ],
)
def test_a_fault_has_the_line_of_its_key_and_of_the_value_that_it_names(tmp_path, fault, line):
    path = tmp_path / "space.yaml"
    path.write_text(SPACE)
    assert with_line(read(path), fault) == f"{path}:{line}: {fault}"


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
  - perplexity
goals: [x]
"""


@pytest.mark.parametrize(
    ("fault", "line"),
    [
        ("trial.alignment.data: pairs.csv must have pairs.", 7),
        ("trial.alignment.data: more_pairs.csv must have pairs.", 8),
        ("trial.alignment.data: /home/me/more_pairs.csv, row 3 (line 4): must be.", 8),
        ("trial.alignment.data: sub/pairs.csv must have pairs.", 10),
        ("trial.alignment.data: debug.csv is no name.", 5),
        ("trial.alignment.data: bug must have pairs.", 9),
        ("trial.alignment.size must be at most the 9 pairs of pairs.csv, but got 50.", 14),
        ("trial.alignment.size must be at most the 50 pairs of pairs.csv, but got 500.", 15),
        ("trial.evaluators: multiple_choice: /tmp/one.jsonl, row 3: must have choices.", 18),
        ("trial.evaluators: multiple_choice: two.jsonl, row 3: must have choices.", 20),
        ("trial.evaluators: perplexity must not be the 'seat'.", 23),
        ("trial.evaluators: seat: no such file.", 17),
    ],
)
def test_the_value_that_is_named_counts_and_no_other_word(tmp_path, fault, line):
    path = tmp_path / "blocks.yaml"
    path.write_text(BLOCKS)
    assert with_line(read(path), fault) == f"{path}:{line}: {fault}"


def test_of_options_that_are_named_alike_the_first_counts(tmp_path):
    path = tmp_path / "blocks.yaml"
    options = "[{data: a.csv, size: 9},\n {data: a.csv, size: 50},\n {data: b.csv, size: 50}]"
    path.write_text(f"trial:\n  alignment:\n    choice: {options}\n")
    for fault, line in [
        ("trial.alignment.size must be at most the 9 pairs of a.csv, but got 50.", 4),
        ("trial.alignment.data: a.csv must have pairs.", 3),
    ]:
        assert with_line(read(path), fault) == f"{path}:{line}: {fault}"


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
