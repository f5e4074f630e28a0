"""Whatever a file holds, reading and checking it as a spec ends in a spec or in few plain sentences."""

import subprocess
import sys

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sweep.config.check import check
from sweep.config.possible_goals import of_spec
from sweep.config.sound_part import sound_trials
from tests.sweep.conftest import TINY
from tests.sweep.odd_specs import TEXTS, changed_texts, changed_trees
from trainables.config import TrialConfig
from trainables.schema.plain_yaml import to_yaml
from trainables.schema.text.printable import visible
from trainables.schema.yaml_file import SpecError, read, validate


def refuses_or_accepts(contents, path):
    """Read and check a file of these contents; return the sentences with which it is refused, if any."""
    path.write_bytes(contents)
    sentences = []
    try:
        document = read(path)
    except SpecError as error:
        sentences += [error]
    else:
        for verb in (check, of_spec, lambda found: validate(TrialConfig, found)):
            try:
                verb(document)
            except SpecError as error:
                sentences += [error]
        sound_trials(document)
    for error in sentences:
        assert error.sentences
        lines = str(error).split("\n")
        assert len(lines) == len(error.sentences) <= 51
        for line in lines:
            assert line
            assert visible(line) == line, "nothing that a terminal obeys"
            assert len(line.splitlines()) == 1
            assert len(line) <= 3000
    return sentences


QUICK = settings(
    max_examples=100,
    deadline=None,
    suppress_health_check=[
        HealthCheck.too_slow,
        HealthCheck.data_too_large,
        HealthCheck.function_scoped_fixture,
    ],
)


@pytest.mark.timeout(180)
@QUICK
@given(changed_trees())
def test_a_spec_with_other_values_is_checked_or_refused(tmp_path, tree):
    refuses_or_accepts(to_yaml(tree).encode("utf-8", "surrogatepass"), tmp_path / "spec.yaml")


@pytest.mark.timeout(180)
@QUICK
@given(changed_texts())
def test_a_spec_with_other_characters_is_checked_or_refused(tmp_path, text):
    refuses_or_accepts(text.encode("utf-8", "surrogatepass"), tmp_path / "spec.yaml")


@pytest.mark.timeout(180)
@QUICK
@given(
    st.sampled_from(TEXTS), st.lists(st.tuples(st.floats(0, 1), st.binary(max_size=4)), max_size=5)
)
def test_a_spec_with_other_bytes_is_checked_or_refused(tmp_path, text, changes):
    contents = text.encode()
    for share, piece in changes:
        start = int(share * len(contents))
        contents = contents[:start] + piece + contents[start + len(piece) :]
    refuses_or_accepts(contents, tmp_path / "spec.yaml")


def numbers(num):
    """A list of so many numbers in YAML."""
    return f"[{', '.join(map(str, range(1, num + 1)))}]"


def chain(levels, line):
    """Lines of which each names the one before it."""
    return "".join(f"x{n}: &a{n} {line(n) if n else '{k: 1}'}\n" for n in range(levels))


STEPS = "steps: 2, batch_size: 4"
WORST = {
    "merges": chain(9, lambda n: f"{{<<: [{', '.join([f'*a{n - 1}'] * 10)}]}}") + TINY,
    "aliases": chain(9, lambda n: f"[{', '.join([f'*a{n - 1}'] * 10)}]") + TINY,
    "a list": f"{TINY}x: {numbers(10**6)}\n",
    "a choice": TINY.replace("steps: 2", f"steps: {{choice: {numbers(99_000)}}}"),
    "a long choice": TINY.replace("steps: 2", f"steps: {{choice: {numbers(2000)}}}"),
    "two choices": TINY.replace(STEPS, f"steps: {{choice: {numbers(2000)}}}, batch_size: {{choice: {numbers(2000)}}}"),
    "two wide choices": TINY.replace(STEPS, f"steps: {{choice: {numbers(60)}}}, batch_size: {{choice: {numbers(60)}}}"),
    "many choices": TINY.replace("  train:", "".join(f"  k{n}: {{choice: {numbers(30)}}}\n" for n in range(200)) + "  train:"),
    "a comment": f"{TINY}#{'x' * 10**8}\n",
    "blank lines": f"{TINY}{' ' * 9 + chr(10)}" * 600,
    "keys": TINY.replace("  train:", "".join(f"  k{n}: 1\n" for n in range(4000)) + "  train:"),
    "wrong options": TINY.replace("steps: 2", f"steps: {{choice: [{', '.join(f'a{n}' for n in range(4000))}]}}"),
    "goals": TINY.replace("goals: [", f"goals: [{', '.join(f'bias/a/b{n}' for n in range(9000))}, "),
    "evaluators": TINY.replace("  evaluators:\n", "  evaluators:\n" + "".join(f"    - {{name: perplexity, data: miniature, label: l{n}}}\n" for n in range(48))).replace("steps: 2", f"steps: {{choice: {numbers(400)}}}"),
    "brackets": "[" * 10**5 + "]" * 10**5,
    "braces": f"{TINY}x: " + "{a: " * 50_000,
    "a secret and blank lines": f"# password=abcdefgh\n{chr(10) * 240_000}{TINY}",
    "secrets": TINY + "# password: abcdefgh\n" * 10_000,
    "addresses": TINY + f"# @{'a:' * 2490}\n" * 48,
    "lists of keys": f"{TINY}# a\n" + "# - keys:\n" * 20_000,
    "a number": TINY.replace("steps: 2", f"steps: {'9' * 5000}"),
}  # fmt: skip

CHECK_EACH = """
import resource, sys, time
from pathlib import Path
from sweep.config.check import check
from sweep.config.sound_part import sound_trials
from trainables.schema.yaml_file import SpecError, read
resource.setrlimit(resource.RLIMIT_AS, (800 * 2**20, 800 * 2**20))
resource.setrlimit(resource.RLIMIT_CPU, (60, 60))
for path in map(Path, sys.argv[1:]):
    began, lines = time.process_time(), 0
    try:
        document = read(path)
        sound_trials(document)
        check(document)
    except SpecError as error:
        lines = len(str(error).splitlines())
    print(path.stem, lines, time.process_time() - began, sep="\t")
# Not ru_maxrss, which begins with that of the process that started this one.
status = dict(line.split(":") for line in Path("/proc/self/status").read_text().splitlines())
print("memory", int(status["VmHWM"].split()[0]) / 1000, 0, sep="\t")
"""


@pytest.mark.long
@pytest.mark.slow
@pytest.mark.timeout(120)
def test_the_worst_specs_are_read_and_checked_in_little_memory(tmp_path):
    """So is the processor's time for each, to twice what a user is promised: machines differ."""
    for name, text in WORST.items():
        (tmp_path / f"{name}.yaml").write_text(text)
    files = [str(tmp_path / f"{name}.yaml") for name in WORST]
    done = subprocess.run(
        [sys.executable, "-c", CHECK_EACH, *files], capture_output=True, text=True
    )
    assert done.stderr == ""
    rows = [line.split("\t") for line in done.stdout.splitlines()]
    lines, seconds = ({name: float(row[i]) for name, *row in rows} for i in (0, 1))
    assert lines.pop("memory") < 500  # MB
    assert lines.keys() == WORST.keys()
    assert {name: spent for name, spent in seconds.items() if spent > 4} == {}
    assert {name for name, number in lines.items() if number == 0} == {
        "a long choice", "two wide choices", "addresses", "lists of keys",
    }  # fmt: skip
    assert max(lines.values()) == 51
