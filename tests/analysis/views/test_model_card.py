"""The card of a front's member, on a record written to the contract."""

import pytest
from huggingface_hub import ModelCard

from analysis.record.sweep import Candidate
from analysis.views.model_card import card

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


def test_a_candidate_that_is_not_on_the_front_gets_no_card(hand):
    with pytest.raises(ValueError, match="5 is not on the front of hand"):
        card(hand, Candidate(5))
