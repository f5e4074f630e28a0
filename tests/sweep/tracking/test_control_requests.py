"""Requests to a sweep are tags of its run: written by one process, read by another."""

import time

from sweep.tracking.control_requests import (
    Requests,
    cancel_trials,
    hear_from,
    request,
    retry_trials,
)
from sweep.tracking.outbox_entries import now

LONG = "9" * 5000


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
    assert run.by_name["sweep.retry_trials"] == "2 10"


def test_a_driver_hears_what_was_requested_since_it_began_and_nothing_before():
    """But trials to be run again, which no driver has to be there for."""
    run = Tags()
    request(run, "cancel")
    cancel_trials(run, frozenset([3]))
    retry_trials(run, frozenset([2]))
    began = now() + 1
    hear_from(run, began)
    assert Requests.from_tags(run.tags()) == Requests("go", frozenset(), frozenset([2]))
    time.sleep(0.002)
    request(run, "pause")
    cancel_trials(run, frozenset([5]))
    assert Requests.from_tags(run.tags()) == Requests("pause", frozenset([5]), frozenset([2]))


def test_a_request_between_the_begin_of_a_driver_and_its_first_word_is_heard():
    run = Tags()
    request(run, "pause")
    time.sleep(0.002)
    began = now()
    request(run, "stop")
    cancel_trials(run, frozenset([4]))
    hear_from(run, began)
    assert Requests.from_tags(run.tags()) == Requests("stop", frozenset([4]))


def test_a_request_from_a_machine_whose_clock_is_behind_is_heard():
    run = Tags()
    hear_from(run, now() + 3_600_000)
    request(run, "stop")
    cancel_trials(run, frozenset([4]))
    assert Requests.from_tags(run.tags()) == Requests("stop", frozenset([4]))


def test_a_request_of_an_earlier_release_counts_until_a_driver_begins_anew():
    run = Tags()
    run.set_tags({"sweep.asked": "pause", "sweep.cancel_trials": "3 7"})
    assert Requests.from_tags(run.tags()) == Requests("pause", frozenset([3, 7]))
    hear_from(run, now())
    assert Requests.from_tags(run.tags()) == Requests()


def test_words_that_are_no_request_and_no_number_are_left_out():
    assert (
        Requests.from_tags(
            {
                "sweep.asked": "explode",
                "sweep.cancel_trials": "all -1",
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
