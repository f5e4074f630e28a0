"""Several sweeps as one: replicates from more than one sweep, and what is refused."""

from dataclasses import replace

import pytest

from analysis.record.several import DoNotMatch, as_one, offsets
from analysis.views.front_words import recipe
from tests.analysis.conftest import GAP, RISE

PERPLEXITY = {"name": "perplexity", "data": "news", "limit": 20}
KL = {"name": "kl", "data": "news", "limit": 5}

pytestmark = pytest.mark.timeout(120)  # whichever test is the first makes the store


def test_trials_of_one_recipe_are_replicates_wherever_they_were_run(seeds):
    later = replace(seeds, name="later", trials=seeds.trials.iloc[[0, 2]].assign(seed=[7, 8]))
    both = as_one([seeds, later])
    assert both.name == "seeds + later"
    assert offsets([seeds, later]) == [0, 9]
    complete = both.candidates()[both.candidates()["state"] == "complete"]
    assert complete["trials"].tolist() == [(0, 3, 9), (1, 7), (2, 5, 8, 11)]
    assert complete[GAP.name].tolist() == pytest.approx([29 / 3, 6, 8])
    assert seeds.candidates()["trials"].tolist()[0] == (0, 3), "the sweeps themselves stay"


def test_the_state_and_the_commit_are_those_of_every_sweep(seeds):
    one, other = replace(seeds, state="finished", commit="a1"), replace(seeds, state="running")
    both = as_one([one, replace(other, name="later", commit="b2"), replace(one, name="third")])
    assert (both.state, both.commit) == ("finished and running", "a1 and b2")


def test_a_seed_that_both_sweeps_have_run_counts_once(seeds):
    later = replace(seeds, name="later", trials=seeds.trials.iloc[[0, 2]])
    complete = as_one([seeds, later]).candidates().query("state == 'complete'")
    assert complete["trials"].tolist() == [(0, 3), (1, 7), (2, 5, 8)]


def test_one_sweep_alone_is_itself(seeds):
    alone = as_one([seeds])
    assert alone.name == seeds.name
    assert alone.candidates().equals(seeds.candidates())


def test_a_setting_that_tells_the_sweeps_apart_is_part_of_the_recipe(seeds):
    later = replace(seeds, name="later", trials=seeds.trials.assign(**{"train.steps": 400}))
    assert "train.steps" not in seeds.swept
    assert "train.steps" in as_one([seeds, later]).swept


def test_what_a_release_did_not_record_or_did_not_have_is_no_difference(seeds):
    first = replace(
        seeds, definitions={"model.start": "<bos>"}, evaluators=[PERPLEXITY | {"later": 3}, KL]
    )
    as_one([first, replace(seeds, definitions={"evaluator.perplexity": "1"})])
    as_one([replace(seeds), first])
    as_one([first, replace(first, evaluators=[KL, PERPLEXITY])])


def test_recipes_are_written_as_in_the_sweep_alone_if_the_other_lacks_settings_of_their_plugins(
    seeds,
):
    """What one objective has and another has not tells no trials apart."""
    own = {"objective.form": "square", "objective.weight": 3.0}
    one = replace(seeds, params=[*seeds.params, *own], trials=seeds.trials.assign(**own))
    later = replace(seeds, name="later", trials=seeds.trials.assign(**{"objective.name": "dpo"}))
    both = as_one([one, later])
    assert "objective.form" not in both.swept
    words = [recipe(sweep, sweep.candidates().iloc[0].to_dict()) for sweep in (one, both)]
    assert words[0] == words[1] != ""
    absent = replace(later, trials=later.trials.assign(**{"replay.ratio": 0.1}))
    absent = replace(absent, params=[*absent.params, "replay.ratio"])
    assert "replay.ratio" in as_one([one, absent]).swept, "without any replay is another recipe"


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"goals": [GAP]}, f"its goals are {GAP.name} and not {GAP.name}, {RISE.name}"),
        ({"constraints": {RISE.name: {"max": 1.0}}}, "its constraints are others"),
        ({"metrics": {GAP.name: GAP}}, "only one of the two has the metric"),
        ({"digests": {"model.x": "b"}}, "the contents of model.x are others"),
        (
            {"base": {GAP.name: 13.0, RISE.name: 0.0}},
            f"{GAP.name} of its base model is 13 and not 12",
        ),
        ({"tracking_uri": "sqlite:///elsewhere.db"}, "it is in another store"),
        (
            {"definitions": {"model.start": "<eos>", "evaluator.kl": "2"}},
            "its texts begin behind '<eos>' and not behind '<bos>'",
        ),
        (
            {"definitions": {"model.start": "<bos>", "evaluator.kl": "3"}},
            "it measured with version 3 of kl and not 2",
        ),
        ({"definitions": {}}, "it measured with version 1 of kl and not 2"),  # an early release
        (
            {"evaluators": [PERPLEXITY | {"limit": None}, KL, PERPLEXITY | {"data": "mails"}]},
            "its evaluator perplexity has limit left out and not 20",
        ),
        (
            {"evaluators": [KL, PERPLEXITY, PERPLEXITY | {"data": "mails", "limit": 9}]},
            "its evaluator perplexity has limit 9 and not 20",
        ),
    ],
)
def test_sweeps_that_measure_something_else_are_refused_with_the_reason(seeds, changes, why):
    first = replace(
        seeds,
        digests={"model.x": "a", "alignment.y": "c"},
        definitions={"model.start": "<bos>", "evaluator.kl": "2"},
        evaluators=[PERPLEXITY, KL, PERPLEXITY | {"data": "mails"}],
    )
    other = replace(first, name="other", digests={"model.x": "a", "alignment.z": "d"})
    as_one([first, other])
    with pytest.raises(DoNotMatch, match="other must measure what seeds does to be shown with it"):
        as_one([first, replace(other, **changes)])
    with pytest.raises(DoNotMatch) as refused:
        as_one([first, replace(other, **changes)])
    assert why in str(refused.value)
