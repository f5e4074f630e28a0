"""The KL divergence of the model from its base, against torch."""

import pytest
import torch
from torch.nn.functional import kl_div

from tests.conformance import perturb, queries
from trainables.data.queries import Query
from trainables.scoring.divergence import divergence, kl_from_base


def test_the_base_has_not_diverged_from_itself(model):
    divergences = kl_from_base(model, queries(model))
    assert [len(values) for values in divergences] == [len(q.targets) for q in queries(model)]
    assert {value for values in divergences for value in values} == {0}


def test_the_divergence_of_a_model_that_has_hardly_moved_is_not_lost_in_rounding(model):
    """The oracle computes in fp64 from the same weights, whose changes are exact in fp32."""
    perturb(model, 2e-5)
    found = [value for values in kl_from_base(model, queries(model)) for value in values]
    exact = []
    base, module = model.base.double(), model.module.double()
    for query in queries(model):
        row = torch.tensor([query.ids], device=model.device)
        with torch.no_grad():
            base_TV, model_TV = (m(row).logits[0].log_softmax(-1) for m in (base, module))
        kl_T = kl_div(model_TV, base_TV, reduction="none", log_target=True).sum(-1)
        exact += [kl_T[place].item() for place in query.targets]
    model.base.float(), model.module.float()
    assert min(found) >= 0
    assert sum(exact) / len(exact) < 1e-6
    assert found == pytest.approx(exact, rel=0.2, abs=1e-10)


@pytest.mark.parametrize("logit", [-20.0, -79.0, -81.0, -95.0, -200.0])
def test_mass_where_the_base_has_next_to_none_counts_in_full(logit):
    """As of a model that has collapsed on one token. The oracle is torch's, in fp64."""
    base_VN = torch.tensor([[0.0, 1.0, logit]])
    for own in (
        base_VN.flip(1),
        torch.tensor([[logit, 0.0, 0.0]]),
        torch.tensor([[0.0, 0.5, 3.0]]),
    ):
        base_log_prob, log_prob = (x.log_softmax(-1) for x in (base_VN, own))
        expected = kl_div(
            *(x.double().log_softmax(-1) for x in (own, base_VN)), reduction="none", log_target=True
        ).sum(-1)
        found = divergence(base_log_prob, log_prob)
        assert found.tolist() == pytest.approx(expected.tolist(), rel=1e-5)


def test_divergences_are_those_of_torch_one_row_at_a_time(model):
    perturb(model, 0.05)
    for query, values in zip(queries(model), kl_from_base(model, queries(model)), strict=True):
        row = torch.tensor([query.ids], device=model.device)
        with torch.no_grad():
            base_TV = model.base(row).logits[0].double().log_softmax(-1)
            model_TV = model.module(row).logits[0].double().log_softmax(-1)
        kl_T = kl_div(model_TV, base_TV, reduction="none", log_target=True).sum(-1)
        assert values == pytest.approx([kl_T[place].item() for place in query.targets], abs=1e-4)
        assert max(values) > 0


def test_a_query_without_targets_has_no_divergence(llama):
    assert kl_from_base(llama, [Query([5, 6], {}), Query([5], {0: 6})])[0] == []


@pytest.mark.parametrize("training", [True, False])
def test_the_mode_of_the_model_is_as_before(training, model):
    model.module.train(training)
    kl_from_base(model, queries(model))
    assert model.module.training == training
