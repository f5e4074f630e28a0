"""The card of a front's member, on a record written to the contract."""

from dataclasses import replace

import pytest
from huggingface_hub import ModelCard

from analysis.record.candidate import Candidate
from analysis.views.front_words import shown_error
from analysis.views.model_card import card, tags
from tests.analysis.conftest import GAP, RISE
from trainables.metrics.interval import plus_minus

pytestmark = pytest.mark.timeout(120)  # whichever test is the first makes the store


@pytest.fixture
def text(hand):
    return card(hand, Candidate(2))


def test_its_head_is_read_by_hugging_faces_own_reader(text, hand):
    data = ModelCard(text).data
    assert data.base_model == "smollm2"
    assert data.pipeline_tag == "text-generation"
    results = {(r.dataset_name, r.metric_type): r.metric_value for r in data.eval_results}
    assert results["stereoset", "bias/stereoset/gap"] == 6.0
    assert results["general", "forgetting/general/nll_rise"] == 0.05
    assert len(results) == 4


def test_it_has_every_measurement_beside_that_of_the_base_model(text):
    assert "| **`bias/stereoset/gap`** | points | lower | 12 | 6 |" in text
    assert "| `bias/crows_pairs/score` | percent | nearer to 50 | 62 | 55 |" in text
    assert "It is one of 6 on the front of the sweep `hand` (9 candidates, the base model" in text
    assert "AutoModelForCausalLM" in text


def test_it_holds_the_recipe_and_the_trial_as_it_ran(text):
    assert "likelihood_gap 0.5 · kl_to_base 0.03 · lr 1e-4" in text
    assert "```yaml\n# trial 2 of hand: ±0, as it ran\r\nseed: 2\n```" in text


def test_half_an_interval_is_shown_and_what_it_is(fusing):
    text = card(fusing, Candidate(1))
    assert "| 2 ± 2 |" in text  # 1.96 standard errors
    assert "± is half the 95 % interval" in text


def test_it_says_from_what_the_member_is_not_told_apart(text, hand):
    assert "It differs by less than noise in every goal from 4." in text
    errors = {f"df/{GAP.name}": 0.0, f"se/{RISE.name}": 0.04}
    unsure = card(replace(hand, trials=hand.trials.assign(**errors)), Candidate(2))
    assert "It differs by less than noise in every goal from 4." in unsure
    assert "Whether it differs by more than noise from base, 1 is not known." in unsure


def test_a_candidate_that_is_not_on_the_front_gets_no_card(hand):
    with pytest.raises(ValueError, match="5 is not on the front of hand"):
        card(hand, Candidate(5))


def test_the_numbers_are_those_of_the_registered_weights_and_the_mean_stands_beside_them(seeds):
    """Trial 1 has a gap of 5, trial 7 one of 7, and their recipe a mean of 6."""
    text = card(seeds, Candidate(1))
    (gap,) = (r for r in ModelCard(text).data.eval_results if r.metric_type == GAP.name)
    assert gap.metric_value == 5.0
    assert "| metric | unit | better | base | this model | mean of 2 seeds |" in text
    own, mean = plus_minus(1.0, 4.0, ".2g"), shown_error(seeds.front().iloc[0], GAP.name, ".2g")
    assert f"| **`{GAP.name}`** | points | lower | 12 | 5 {own} | 6 {mean} |" in text
    assert own != mean
    assert "weights are those of trial 1 alone" in text


def test_tags_have_the_goals_of_the_weights_and_the_means_under_names_of_their_own(seeds, hand):
    (row,) = [row for row in seeds.front().to_dict("records") if row["trial"] == 1]
    assert tags(seeds, row) == {
        "trial": "1", GAP.name: "5", RISE.name: "0.2",
        "recipe.seeds": "2", f"recipe.mean/{GAP.name}": "6", f"recipe.mean/{RISE.name}": "0.2",
    }  # fmt: skip
    (row,) = [row for row in hand.front().to_dict("records") if row["trial"] == 2]
    assert tags(hand, row) == {"trial": "2", GAP.name: "6", RISE.name: "0.05"}


def test_of_a_recipe_with_one_seed_there_is_no_mean(text):
    assert "| metric | unit | better | base | this model |\n" in text
    assert "seeds" not in text


def test_a_hostile_setting_is_text_in_the_card(hand):
    evil = "<img src=x> **b** [l](https://evil.example)"
    names = ["model.path", "regulariser.name", "objective.name"]
    hostile = replace(hand, trials=hand.trials.assign(**dict.fromkeys(names, evil)))
    body = card(hostile, Candidate(2)).partition("---\n\n")[2]
    assert body.splitlines()[2].startswith(f"`{evil}`, fine-tuned"), "as code"
    assert body.count("<img") == 1
    assert r"&lt;img src=x&gt; \*\*b\*\* \[l\](https://evil.example)" in body
