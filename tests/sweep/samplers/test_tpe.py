"""Tree-structured Parzen estimators."""

import optuna
import pytest
from pydantic import ValidationError

from sweep.samplers import Random, Tpe
from tests.sweep.samplers.conftest import run

TREE = {"x": {"uniform": [0, 1]}, "option": {"choice": ["a", "b", "c"]}}


@pytest.mark.parametrize(("sampler", "startup"), [(Tpe(), 10), (Tpe(startup=4), 4)])
def test_it_is_random_search_until_so_many_trials_have_ended(sampler, startup):
    def cost(params):
        return params["x"]

    suggested, drawn = run(sampler, TREE, startup + 1, cost), run(Random(), TREE, startup + 1, cost)
    assert suggested[:startup] == drawn[:startup]
    assert suggested[startup] != drawn[startup]


def test_failed_trials_have_no_influence():
    assert run(Tpe(startup=2), TREE, 8, None) == run(Random(), TREE, 8, None)


def test_it_suggests_the_option_that_good_trials_have_and_the_others_lack():
    """Of 10 trials ⌈10 / 10⌉ = 1 is good, and it has `a`.

    Each density is a mean over its trials and the prior. At `a` that of the good trial is
    (1.5 / 2.5 + 1 / 3) / 2 = 0.467, and that of the nine others is (9 · 0.1 / 1.3 + 1 / 3) / 10 = 0.103.
    The ratio is 4.5 at `a`, and below 1 at `b` and `c`. All 24 candidates lack `a` with probability
    (1 − 0.467)²⁴ = 3e-7.
    """
    options = optuna.distributions.CategoricalDistribution(["a", "b", "c"])
    for seed in range(20):
        study = optuna.create_study(sampler=Tpe().build(seed, TREE))
        for number, option in enumerate("abbbbbcccc"):
            study.add_trial(
                optuna.create_trial(
                    params={"option": option},
                    distributions={"option": options},
                    value=min(number, 1),
                )
            )
        assert study.ask().suggest_categorical("option", ["a", "b", "c"]) == "a"


def test_at_least_one_trial_must_be_drawn_at_random():
    with pytest.raises(ValidationError, match="startup"):
        Tpe(startup=0)
