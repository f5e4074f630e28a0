"""Requests to a sweep are tags of its run: written by one process, read by another."""

import pytest

from sweep.tracking import control_requests
from sweep.tracking.control_requests import (
    Requests,
    Rerun,
    cancel_trials,
    hear_after,
    request,
    rerun_trials,
    reruns_in,
    retry_trials,
)

LONG = "9" * 5000


class Stale:
    """The record of a run as another terminal sees it, which has read its tags a moment ago."""

    def __init__(self, run):
        self.read, self.set_tags = run.tags(), run.set_tags

    def tags(self):
        return dict(self.read)


class Tags:
    """A record with the tags of one run alone."""

    def __init__(self):
        self.by_name = {}

    def tags(self):
        return dict(self.by_name)

    def set_tags(self, tags):
        self.by_name |= tags


def test_without_tags_the_request_is_go():
    assert Requests.from_tags({}) == Requests("go", frozenset(), frozenset())


def test_requests_are_read_back_from_tags_and_numbers_of_trials_add_up():
    run = Tags()
    request(run, "pause")
    cancel_trials(run, frozenset([7]))
    cancel_trials(run, frozenset([3, 7]))
    retry_trials(run, frozenset([10, 2]))
    expected = Requests("pause", frozenset([3, 7]), frozenset([2, 10]))
    assert Requests.from_tags(run.tags()) == expected


def test_of_requests_that_two_terminals_make_at_once_none_is_lost():
    run = Tags()
    terminals = [Stale(run), Stale(run)]
    for number, record in enumerate(terminals):
        cancel_trials(record, frozenset([3, 7 + number]))
        retry_trials(record, frozenset([1, 5 + number]))
        rerun_trials(record, frozenset([Rerun(0, 10 + number), Rerun(2 + number, 1)]))
    assert Requests.from_tags(run.tags()) == Requests(
        "go",
        frozenset([3, 7, 8]),
        frozenset([1, 5, 6]),
        frozenset([Rerun(0, 10), Rerun(0, 11), Rerun(2, 1), Rerun(3, 1)]),
    )


def test_requests_of_earlier_releases_are_heard_beside_those_of_this_one():
    run = Tags()
    run.set_tags({"sweep.retry_trials": "2 10", "sweep.rerun_trials": "7:3"})
    retry_trials(run, frozenset([4]))
    rerun_trials(run, frozenset([Rerun(7, 4), Rerun(7, 5)]))
    assert Requests.from_tags(run.tags()).retried_trials == {2, 4, 10}
    assert reruns_in(run.tags()) == {Rerun(7, 3), Rerun(7, 4), Rerun(7, 5)}


def test_a_driver_hears_what_was_requested_since_it_began_and_nothing_before():
    """But trials to be run again, which no driver has to be there for."""
    run = Tags()
    request(run, "cancel")
    cancel_trials(run, frozenset([3]))
    retry_trials(run, frozenset([2]))
    hear_after(run, run.tags())
    assert Requests.from_tags(run.tags()) == Requests("go", frozenset(), frozenset([2]))
    request(run, "pause")
    cancel_trials(run, frozenset([5]))
    assert Requests.from_tags(run.tags()) == Requests("pause", frozenset([5]), frozenset([2]))


def test_a_request_between_the_begin_of_a_driver_and_its_first_word_is_heard():
    run = Tags()
    request(run, "pause")
    found = run.tags()
    request(run, "stop")
    cancel_trials(run, frozenset([4]))
    hear_after(run, found)
    assert Requests.from_tags(run.tags()) == Requests("stop", frozenset([4]))


@pytest.mark.parametrize("ahead_ms", [3_600_000, -3_600_000])
def test_clocks_of_two_machines_may_differ(ahead_ms, monkeypatch):
    """A terminal and the drivers each have their own; that of the terminal is ahead, or behind."""
    run, clock = Tags(), control_requests.now
    here, there = clock, lambda: clock() + ahead_ms
    monkeypatch.setattr(control_requests, "now", there)
    request(run, "stop")
    cancel_trials(run, frozenset([3]))
    monkeypatch.setattr(control_requests, "now", here)
    found = run.tags()
    monkeypatch.setattr(control_requests, "now", there)
    cancel_trials(run, frozenset([4]))
    monkeypatch.setattr(control_requests, "now", here)
    hear_after(run, found)
    assert Requests.from_tags(run.tags()) == Requests("go", frozenset([4])), "after it was found"
    for now in (there, here, there):
        monkeypatch.setattr(control_requests, "now", now)
        for verb in ("stop", "go"):
            request(run, verb)
            assert Requests.from_tags(run.tags()).request == verb


def test_a_request_of_an_earlier_release_counts_until_a_driver_begins_anew():
    run = Tags()
    run.set_tags({"sweep.asked": "pause", "sweep.cancel_trials": "3 7"})
    assert Requests.from_tags(run.tags()) == Requests("pause", frozenset([3, 7]))
    hear_after(run, run.tags())
    assert Requests.from_tags(run.tags()) == Requests()


def test_words_that_are_no_request_and_no_number_are_left_out():
    assert (
        Requests.from_tags(
            {
                "sweep.asked": "explode",
                "sweep.cancel_trials": "all -1",
                "sweep.cancel.all": "9",
                "sweep.retry.-1": "requested",
                "sweep.rerun.x.12345678": "1 2",
                "sweep.rerun.7.12345678": "x",
                "sweep.hears_from": LONG,
            }
        )
        == Requests()
    )


def test_numbers_of_thousands_of_digits_are_left_out():
    tags = {"sweep.retry_trials": LONG, "sweep.rerun_trials": f"{LONG}:1 2:{LONG}"}
    assert (
        Requests.from_tags({**tags, "sweep.cancel_trials": f"{LONG} 7:{LONG}"}).reruns
        == frozenset()
    )
    assert Requests.from_tags(tags) == Requests()
