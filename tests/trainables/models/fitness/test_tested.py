"""Which architectures are taken for tested."""

import transformers

from tests.trainables.architectures import ARCHITECTURES
from trainables.models.fitness.tested import TESTED, is_tested


def test_the_tested_types_are_those_of_the_tests():
    types = {"causal": set(), "masked": set()}
    for kind in ARCHITECTURES.values():
        types[kind.family].add(getattr(transformers, kind.made_by).config_class.model_type)
    assert types == TESTED


def test_a_type_is_tested_in_its_family_alone():
    assert is_tested("bert", "masked")
    assert not is_tested("bert", "causal")
    assert not is_tested(None, "causal")
