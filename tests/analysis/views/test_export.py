from dataclasses import replace

import pytest

from analysis.record.candidate import Candidate
from analysis.record.reader import read_trial_yaml
from analysis.views.export import write
from trainables.config import FusionConfig, TrialConfig
from trainables.schema.yaml_file import read, validate

pytestmark = pytest.mark.timeout(120)  # whichever test is the first makes the store


def test_writing_gives_every_member_its_yaml_unchanged(hand, tmp_path):
    written = write(hand, tmp_path / "new" / "front")
    names = {"front.json", "front.csv", "front.png", "front.html"}
    names |= {f"hand-{trial:04d}.yaml" for trial in (1, 2, 3, 4, 12)}
    assert {path.name for path in written} == names
    assert {path.name for path in (tmp_path / "new" / "front").iterdir()} == names
    content = (tmp_path / "new" / "front" / "hand-0003.yaml").read_bytes()
    assert content == read_trial_yaml(hand, Candidate(3)).encode()
    assert b"\r\n" in content


def test_writing_again_removes_the_trials_that_left_the_front_and_nothing_else(hand, tmp_path):
    for name in ("hand-0005.yaml", "hand-12345.yaml"):
        (tmp_path / name).write_text("# trial 5 of the sweep hand\n")
    files = [
        "hand-notes.yaml",
        "hand-0005.yaml.bak",
        "hand-two-0005.yaml",
        "notes.md",
        "hand-5.yaml",
        "hand-2025.yaml",
    ]
    for name in files:
        (tmp_path / name).write_text("mine")
    written = write(hand, tmp_path)
    assert write(hand, tmp_path) == written
    assert {path.name for path in tmp_path.iterdir()} == {path.name for path in written} | set(
        files
    )
    assert all((tmp_path / name).read_text() == "mine" for name in files)


def test_a_fused_member_is_its_trial_with_that_alpha_and_runs_again(fusing, tmp_path):
    (tmp_path / "fused-0002-alpha0.25.yaml").write_text("# trial 2 of the sweep fused\n")
    (tmp_path / "fused-0002-alphabet.yaml").write_text("# trial and error\n")
    write(fusing, tmp_path)
    names = {path.name for path in tmp_path.iterdir() if path.suffix == ".yaml"}
    assert names == {
        *("fused-0001.yaml", "fused-0002.yaml", "fused-0004.yaml", "fused-0001-alpha0.5.yaml"),
        *("fused-0001-alpha0.25.yaml", "fused-0005-alpha0.25.yaml", "fused-0002-alphabet.yaml"),
    }
    text = (tmp_path / "fused-0001-alpha0.25.yaml").read_text()
    assert text.splitlines()[:4] == [
        "# trial 1 of the sweep fused",
        "# its relative paths are from /somewhere",
        "# with its weights at α = 0.25 between the base and what it trained",
        "model:",
    ]
    own, other = (
        validate(TrialConfig, read(tmp_path / f"fused-0001{at}.yaml")) for at in ("", "-alpha0.25")
    )
    assert other == own.model_copy(update={"fusion": FusionConfig(alpha=0.25)})
    assert own.fusion.also == (0, 0.25)


def test_writing_that_fails_leaves_what_was_there(hand, tmp_path):
    write(hand, tmp_path)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    lost = hand.trials.assign(run_id="0" * 32)  # runs that the record does not have
    with pytest.raises(Exception, match="0000"):
        write(replace(hand, trials=lost), tmp_path)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_a_sweep_cannot_write_outside_the_folder(hand, tmp_path):
    with pytest.raises(ValueError, match=r"usable as the name of a file, but got '\.\./elsewhere'"):
        write(replace(hand, name="../elsewhere"), tmp_path / "front")
    assert list(tmp_path.iterdir()) == []
