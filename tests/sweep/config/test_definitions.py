"""What, besides models and data, the numbers of a sweep depend on."""

import pytest

from analysis.record.names import Tag
from sweep.config.check import load
from sweep.config.definitions import definitions, differences
from trainables.evaluators import Perplexity


@pytest.fixture
def tiny_spec(tiny):
    return load(tiny)[0]


@pytest.fixture
def recorded(tiny_spec):
    return definitions(tiny_spec)


def test_every_evaluator_has_its_version_and_the_model_its_start(tiny_spec, recorded):
    assert set(recorded) == {"evaluator.stereoset", "evaluator.perplexity", Tag.START}
    assert recorded["evaluator.perplexity"] == str(Perplexity.version)
    assert recorded[Tag.START] == "<s>"
    assert differences(recorded, tiny_spec) == []


def test_an_evaluator_of_another_version_is_named(tiny_spec, recorded):
    (clause,) = differences(recorded | {"evaluator.stereoset": "7"}, tiny_spec)
    assert clause == "it began with version 7 of stereoset, and this release has 1"


def test_what_recorded_no_version_began_with_the_first(tiny_spec):
    (clause,) = differences({Tag.START: "<s>"}, tiny_spec)
    assert clause == "it began with version 1 of perplexity, and this release has 2"


def test_what_recorded_no_start_began_behind_bos(tiny, tiny_spec, recorded):
    del recorded[Tag.START]
    assert differences(recorded, tiny_spec) == []
    tiny.write_text(tiny.read_text().replace("miniature-llama}", "miniature-llama, start: none}"))
    (clause,) = differences(recorded, load(tiny)[0])
    assert clause == "its texts began behind '<s>', and would begin behind '(nothing)'"


def test_another_start_is_named(tiny_spec, recorded):
    (clause,) = differences(recorded | {Tag.START: "<|im_start|>"}, tiny_spec)
    assert clause == "its texts began behind '<|im_start|>', and would begin behind '<s>'"
