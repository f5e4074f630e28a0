"""What libraries say while they load a model is shown after it, or not at all."""

import logging
import warnings
from contextlib import contextmanager

import pytest
import transformers

from trainables.chatter import held_back

LOG = transformers.utils.logging.get_logger("transformers.modeling_utils")


@contextmanager
def texts_of(logger):
    """What a logger's own handler shows, as a list that grows."""
    texts = []
    handler = logging.Handler()
    handler.emit = lambda record: texts.append(record.getMessage())
    logger.addHandler(handler)
    yield texts
    logger.removeHandler(handler)


@pytest.fixture
def shown():
    """What the log of transformers shows, as a list that grows."""
    with texts_of(logging.getLogger("transformers")) as texts:
        yield texts


def talk():
    LOG.warning("two")
    warnings.warn("one", stacklevel=1)


@held_back()
def fail():
    with held_back():
        talk()
    raise ValueError("no")


def test_what_is_said_is_shown_after_the_block(shown):
    with warnings.catch_warnings(record=True) as warned, held_back():
        talk()
        assert shown == []
    assert [str(warning.message) for warning in warned] == ["one"]
    assert shown == ["two"]
    LOG.warning("three")
    assert shown == ["two", "three"]


def test_what_is_said_before_an_error_is_dropped_also_by_an_inner_block_that_went_well(shown):
    with warnings.catch_warnings(record=True) as warned, pytest.raises(ValueError, match="no"):
        fail()
    assert (shown, warned) == ([], [])
    LOG.warning("three")
    assert shown == ["three"]


def test_what_goes_on_to_the_handlers_of_the_root_is_held_back_too(monkeypatch):
    monkeypatch.setattr(logging.getLogger("transformers"), "propagate", True)
    with texts_of(logging.getLogger()) as texts:
        with pytest.raises(ValueError, match="no"):
            fail()
        with held_back():
            LOG.warning("two")
            assert texts == []
    assert texts == ["two"]


def test_what_is_read_again_later_is_dropped_for_good(shown):
    with held_back(for_good=True):
        LOG.warning("two")
    assert shown == []


def test_names_from_files_are_shown_escaped(shown):
    with warnings.catch_warnings(record=True) as warned, held_back():
        LOG.warning("%s is UNEXPECTED", "note\x1b[2J\u202e")
        warnings.warn("half \x1b[31m", stacklevel=1)
    assert shown == ["note\\x1b[2J\\u202e is UNEXPECTED"]
    assert [str(warning.message) for warning in warned] == ["half \\x1b[31m"]
