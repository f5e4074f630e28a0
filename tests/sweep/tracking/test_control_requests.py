"""Requests to a sweep are tags of its run: written by one process, read by another."""

from sweep.tracking.control_requests import Requests, cancel_trials, clear, request, retry_trials


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
    assert run.by_name == {
        "sweep.asked": "pause",
        "sweep.cancel_trials": "3 7",
        "sweep.retry_trials": "2 10",
    }


def test_clearing_leaves_the_trials_to_be_tried_again():
    run = Tags()
    request(run, "cancel")
    cancel_trials(run, frozenset([3]))
    retry_trials(run, frozenset([2]))
    clear(run)
    assert Requests.from_tags(run.tags()) == Requests("go", frozenset(), frozenset([2]))


def test_words_that_are_no_request_and_no_number_are_left_out():
    assert (
        Requests.from_tags({"sweep.asked": "explode", "sweep.cancel_trials": "all -1"})
        == Requests()
    )
