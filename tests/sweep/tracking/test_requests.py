from sweep.tracking.requests import Requests, cancel_trials, request, retry_trials


class Tags:
    """The tags of one run, as a record has them."""

    def __init__(self):
        self.all = {}

    def tags(self):
        return dict(self.all)

    def tag(self, tags):
        self.all |= tags


def test_nothing_asked_is_go():
    assert Requests.of({}) == Requests("go", frozenset(), frozenset())


def test_what_is_asked_is_heard_and_trials_add_up():
    run = Tags()
    request(run, "pause")
    cancel_trials(run, frozenset([7]))
    cancel_trials(run, frozenset([3, 7]))
    retry_trials(run, frozenset([10, 2]))
    assert Requests.of(run.tags()) == Requests("pause", frozenset([3, 7]), frozenset([2, 10]))
    assert run.all == {
        "sweep.asked": "pause",
        "sweep.cancel_trials": "3 7",
        "sweep.retry_trials": "2 10",
    }


def test_what_somebody_else_wrote_is_no_wish():
    assert Requests.of({"sweep.asked": "explode", "sweep.cancel_trials": "all -1"}) == Requests()
