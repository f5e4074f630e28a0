"""What a worker is asked to run, as Tune passes it on."""

import pytest

from sweep.trial_request import TrialRequest


@pytest.mark.parametrize(
    ("request_", "config"),
    [
        (TrialRequest(3, {"seed": 0}), {"number": 3, "trial": {"seed": 0}}),
        (
            TrialRequest(4, {}, "lr must be less.", "", 0),
            {"number": 4, "trial": {}, "fault": "lr must be less.", "retry_of": 0},
        ),
    ],
)
def test_a_request_is_read_back_from_its_configuration(request_, config):
    assert request_.to_config() == config
    assert TrialRequest.of(config) == request_
