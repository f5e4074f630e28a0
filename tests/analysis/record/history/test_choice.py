"""Candidates that are other models of a trial than the last one."""

import pandas as pd
import pytest

from analysis.record.candidate import Candidate
from analysis.record.history.choice import STOP_AFTER, Choice, with_candidates
from analysis.record.items import read_items
from analysis.record.reader import read_trial_yaml
from analysis.views.front_files import to_csv, to_json
from tests.analysis.conftest import GAP, RISE
from trainables.schema.plain_yaml import from_yaml

pytestmark = pytest.mark.timeout(120)  # whichever test is the first makes the store


def named(sweep):
    """Return (name, gap, rise) of each member of the front."""
    front = sweep.front()
    names = [str(Candidate.of(row)) for row in front.to_dict("records")]
    return list(zip(names, front[GAP.name], front[RISE.name].round(6), strict=True))


def test_every_report_of_a_complete_trial_is_a_candidate(stepping):
    every = with_candidates(stepping, Choice.EVERY_REPORT)
    assert named(every) == [
        ("0", 2, 0.2), ("0:100", 4, 0.1), ("1:100@0.5", 5, 0.05), ("0:50", 7, 0.04),
        ("1:50", 9, 0.01),
    ]  # fmt: skip
    assert every.front_size == 6, "and the base"
    candidates = every.candidates()
    names = {str(Candidate.of(row)) for row in candidates.to_dict("records")}
    assert names == {*("0", "0:50", "0:100", "1", "1@0.5", "1:50", "1:100", "1:100@0.5", "3")}
    assert set(candidates[candidates["trial"] == 0]["trials"]) == {(0, 2)}


def test_the_choice_of_all_weights_is_the_sweep_as_it_was_read(fusing):
    assert with_candidates(fusing, Choice.FUSED) is fusing


def test_the_last_models_alone_are_candidates_without_those_of_another_weight(fusing):
    final = with_candidates(fusing, Choice.FINAL)
    assert final.candidates()["alpha"].isna().all()
    assert len(final.candidates()) == 3
    assert len(fusing.candidates()) == 8


def test_the_last_reports_are_as_without_the_others(stepping):
    plain = stepping.candidates()
    every = with_candidates(stepping, Choice.EVERY_REPORT).candidates()
    last = every[every["step"].isna()].reset_index(drop=True)
    columns = [name for name in plain if name not in ("front", "loses_to_base")]
    pd.testing.assert_frame_equal(last[columns], plain[columns])


def test_the_file_of_a_report_ends_a_training_at_its_step(stepping):
    text = read_trial_yaml(stepping, Candidate(1, alpha=0.5, step=100))
    config = from_yaml(text)
    assert config["train"]["stop_after"] == 100
    assert config["fusion"] == {"alpha": 0.5}
    assert "# as it was after step 100" in text.splitlines()
    every = with_candidates(stepping, Choice.EVERY_REPORT)
    assert STOP_AFTER in every.params
    assert (
        every.candidates()
        .set_index("step")[STOP_AFTER]
        .dropna()
        .eq(every.candidates()["step"].dropna().tolist())
        .all()
    )


def test_items_of_a_report_are_not_kept_which_is_said(stepping):
    with pytest.raises(ValueError, match="has no items of 1:50: they are kept of the end"):
        read_items(stepping, Candidate(1, step=50))


def test_files_for_programs_name_the_step(stepping):
    every = with_candidates(stepping, Choice.EVERY_REPORT)
    assert '"name": "0:50"' in to_json(every)
    assert "\n1:100@0.5,1," in to_csv(every)


def test_a_sweep_without_reports_has_no_candidates(begun):
    every = with_candidates(begun, Choice.EVERY_REPORT)
    assert every.candidates().empty
    assert every.front_size == 1, "the base"
