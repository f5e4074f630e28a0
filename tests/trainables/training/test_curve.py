"""The course of a training: against the loss and the gradient of each step, computed apart."""

import math

import pytest
import torch

from trainables.models.loading import load
from trainables.training.curve import MAX_POINTS, Curve
from trainables.training.loss import Loss, loss
from trainables.training.stream import Stream
from trainables.trial import run_trial

EVERYTHING = {
    "objective": {"name": "likelihood_gap", "weight": 10.0},
    "regulariser": {"name": "kl_to_base", "data": "miniature", "texts": 3},
    "replay": {"data": "miniature", "ratio": 0.25},
}
TERMS = ("text_nll", "objective", "regulariser")


def course(config, **more):
    """Return step -> name -> number of all that the reports of a trial say of its training."""
    return {
        step: values
        for report in run_trial(config, **more)
        for step, values in report.training.items()
    }


def alone(config):
    """Return step -> name -> number of the steps at the base weights, from plain torch."""
    model = load(config.model.path, config.model.family)
    model.reset("fp32")
    weights = list(model.module.parameters())
    expected = {}
    for step in range(config.train.steps):
        model.module.train()
        parts = [loss(config, model, part) for part in Stream(config, model).micro_batches(step)]
        total = torch.stack([part.total for part in parts]).sum()
        gradients = torch.autograd.grad(total, weights, allow_unused=True)
        squares = [float(g.double().square().sum()) for g in gradients if g is not None]
        terms = {
            name: sum(float(getattr(part.detached(), name)) for part in parts) for name in TERMS
        }
        expected[step + 1] = {
            "loss": float(total.detach()), "gradient_norm": math.sqrt(sum(squares)), **terms,
        }  # fmt: skip
    return expected


@pytest.mark.parametrize(
    ("stage", "dtype", "accumulation"),
    [(0, "fp32", 1), (0, "fp32", 4), (0, "bf16", 2), (1, "fp32", 2), (2, "bf16", 1)],
)
def test_a_step_is_noted_with_its_loss_its_terms_and_the_norm_of_its_gradient(
    stage, dtype, accumulation, configure, name
):
    """At a learning rate of 0 every step is at the base weights. The norm is that before clipping."""
    train = {
        "lr": 0.0, "steps": 3, "zero_stage": stage, "dtype": dtype, "accumulation": accumulation,
        "clip": 1e-3,
    }  # fmt: skip
    config = configure(name, train=train, **EVERYTHING)
    actual, expected = course(config), alone(config)
    assert list(actual) == [1, 2, 3]
    for step, values in expected.items():
        of_step = {key: actual[step][key] for key in values}
        assert of_step == pytest.approx(
            values, rel=1e-4 if dtype == "fp32" else 0.05, abs=1e-5 if dtype == "fp32" else 1e-4
        )
        assert sum(actual[step][term] for term in TERMS) == pytest.approx(actual[step]["loss"])
        assert actual[step]["gradient_norm"] > 1e-2, "clipped, it would be 1e-3"
        assert actual[step]["lr"] == 0


def test_a_loss_falls_in_training_and_the_learning_rate_follows_its_schedule(configure):
    config = configure(train={"steps": 12, "lr": 3e-3}, objective="none")
    points = course(config)
    assert [point["lr"] for point in points.values()] == pytest.approx(
        [3e-3 * (1 - step / 12) for step in range(12)]
    )
    losses = [point["loss"] for point in points.values()]
    assert sum(losses[-4:]) < sum(losses[:4])
    assert all(point["objective"] == point["regulariser"] == 0 for point in points.values())


def test_each_report_has_the_steps_since_the_last_one_also_after_an_interruption(
    configure, tmp_path
):
    config = configure(train={"steps": 7, "report_every": 3}, **EVERYTHING)
    reports = [(report.step, dict(report.training)) for report in run_trial(config)]
    assert [(step, list(points)) for step, points in reports] == [
        (0, []), (3, [1, 2, 3]), (6, [4, 5, 6]), (7, [7]),
    ]  # fmt: skip
    interrupted = run_trial(config)
    next(interrupted)
    next(interrupted).save_state(tmp_path)
    interrupted.close()
    rest = [
        (report.step, dict(report.training)) for report in run_trial(config, resume_from=tmp_path)
    ]
    assert rest == reports[2:]


@pytest.mark.parametrize(
    ("num_steps", "first", "num"),
    [
        (1, [1], 1),
        (MAX_POINTS, [1, 2, 3], MAX_POINTS),
        (MAX_POINTS + 1, [1, 3, 5], 51),
        (1000, [1, 11, 21], 100),
    ],
)
def test_no_more_than_a_hundred_steps_are_noted_evenly_apart(num_steps, first, num):
    curve = Curve(num_steps)
    for step in range(1, num_steps + 1):
        curve.note(step, [Loss(torch.tensor(2.0), 0.5, 0.0)], 0.1, 3.0)
    points = curve.take()
    assert list(points)[:3] == first
    assert len(points) == num
    assert points[1] == {
        "loss": 2.5, "text_nll": 2.0, "objective": 0.5, "regulariser": 0.0, "gradient_norm": 3.0,
        "lr": 0.1,
    }  # fmt: skip
    assert curve.take() == {}, "they are taken once"


def test_no_graph_of_a_gradient_is_kept():
    weight = torch.tensor(2.0, requires_grad=True)
    parts = Loss(weight * 3, weight * 4, 0.0)
    assert parts.total.requires_grad
    assert [getattr(term, "requires_grad", False) for term in parts.detached()] == [False] * 3


def test_training_that_diverges_is_noted_as_it_is(configure):
    config = configure(
        objective={"name": "likelihood_gap", "weight": 3e38, "per": "sentence"}, train={"steps": 2}
    )
    points = course(config)
    assert not math.isfinite(points[2]["loss"])
