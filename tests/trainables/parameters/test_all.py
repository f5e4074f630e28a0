"""Every weight."""

from trainables.parameters import AllParameters


def test_every_weight_requires_a_gradient(model):
    with AllParameters().training(model, seed=0):
        assert all(weight.requires_grad for weight in model.module.parameters())
        assert len(list(model.trained())) == len(list(model.module.parameters()))
