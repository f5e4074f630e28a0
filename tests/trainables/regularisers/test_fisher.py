"""Elastic weight consolidation."""

import logging
import random

import pytest
import torch

from tests.conformance import perturb
from trainables.data import tables
from trainables.data.queries import training_query
from trainables.regularisers import Fisher, L2ToBase
from trainables.regularisers.fisher import diagonal


@pytest.fixture
def settings():
    return Fisher(data="miniature", examples=4, weight=3.0)


def slow_diagonal(model, settings):
    """Return F, one text at a time, by torch's cross entropy."""
    texts = tables.texts("miniature", "replay", model.tokenizer)["ids"]
    numbers = random.Random("fisher").sample(range(len(texts)), settings.examples)
    weights = dict(model.module.named_parameters())
    sums = {name: torch.zeros_like(w) for name, w in weights.items()}
    for n in numbers:
        query = training_query(model.tokenizer, texts[n], f"fisher {n}")
        labels = [query.targets.get(t, -100) for t in range(len(query.ids))]
        logits = model.module(torch.tensor([query.ids], device=model.device)).logits[0]
        labels = torch.tensor(labels, device=model.device)
        nll = torch.nn.functional.cross_entropy(logits, labels, reduction="sum")
        grads = torch.autograd.grad(nll, list(weights.values()), allow_unused=True)
        for name, grad in zip(weights, grads, strict=True):
            if grad is not None:
                sums[name] += grad**2
    return {name: (total / len(numbers)).cpu() for name, total in sums.items()}


def test_the_diagonal_is_the_mean_of_squares_of_each_texts_gradient(model, settings):
    fisher, expected = diagonal(settings, model), slow_diagonal(model, settings)
    assert fisher.keys() == expected.keys()
    for name in fisher:
        scale = expected[name].abs().max() + 1e-12
        assert torch.allclose(fisher[name], expected[name], atol=1e-3 * float(scale)), name
    assert any(values.any() for values in fisher.values())


def test_texts_are_cut_at_the_positions_of_the_model(model, tmp_path, own_cache):
    (tmp_path / "long.txt").write_text(
        "".join(f"{n} the wolf eats . " * 60 + "\n" for n in range(9))
    )
    settings = Fisher(data=str(tmp_path / "long.txt"), examples=2, weight=1.0, max_tokens=5000)
    assert any(values.any() for values in diagonal(settings, model).values())


def test_the_square_of_the_mean_gradient_of_a_batch_is_smaller(llama, settings):
    mean_of_squares = sum(values.sum() for values in diagonal(settings, llama).values())
    texts = tables.texts("miniature", "replay", llama.tokenizer)["ids"]
    numbers = random.Random("fisher").sample(range(len(texts)), settings.examples)
    total = 0.0
    for n in numbers:
        query = training_query(llama.tokenizer, texts[n], f"fisher {n}")
        ids = torch.tensor([query.ids], device=llama.device)
        logits = llama.module(ids).logits[0].log_softmax(-1)
        total = total + sum(logits[t, token] for t, token in query.targets.items())
    grads = torch.autograd.grad(total / len(numbers), list(llama.module.parameters()))
    square_of_mean = sum((grad**2).sum() for grad in grads)
    assert square_of_mean < 0.9 * mean_of_squares


def test_the_penalty_is_half_the_weight_times_the_weighted_square(model, settings):
    fisher = diagonal(settings, model)
    perturb(model, 0.1)
    base = dict(model.base.named_parameters())
    expected = 1.5 * sum(
        (fisher[name].double() * (now.double() - base[name].double()).cpu() ** 2).sum().item()
        for name, now in model.module.named_parameters()
    )
    assert settings.weight_loss(model).item() == pytest.approx(expected, rel=1e-4)


def test_a_penalty_worked_out_by_hand_is_that_of_l2_where_f_is_one(llama, settings, monkeypatch):
    """With F = 1 everywhere, EWC is L2-SP: (weight / 2) · N · 0.5²."""
    from trainables.regularisers import fisher

    ones = {name: torch.ones_like(w) for name, w in llama.module.named_parameters()}
    monkeypatch.setattr(fisher, "_cached_diagonal", lambda *_: ones)
    monkeypatch.setattr(llama, "_memo", {})
    with torch.no_grad():
        for weight in llama.module.parameters():
            weight.add_(0.5)
    num = sum(weight.numel() for weight in llama.module.parameters())
    loss = settings.weight_loss(llama).item()
    assert loss == pytest.approx(1.5 * num * 0.25, rel=1e-5)
    assert loss == pytest.approx(L2ToBase(weight=3.0).weight_loss(llama).item(), rel=1e-5)


def test_normalised_the_mean_of_f_is_one_and_is_logged(llama, settings, caplog, monkeypatch):
    monkeypatch.setattr(llama, "_memo", {})
    perturb(llama, 0.1)
    values = diagonal(settings, llama).values()
    mean = sum(f.sum() for f in values) / sum(f.numel() for f in values)
    plain = settings.weight_loss(llama).item()
    with caplog.at_level(logging.INFO):
        loss = settings.model_copy(update={"normalised": True}).weight_loss(llama).item()
    assert loss == pytest.approx(plain / mean.item(), rel=1e-4)
    assert f"mean(F) = {mean.item():.3g}" in caplog.text


def test_the_true_fisher_draws_from_the_models_own_predictions(model, settings):
    own = settings.model_copy(update={"of": "model"})
    true, again = diagonal(own, model), diagonal(own, model)
    assert all(torch.equal(true[name], again[name]) for name in true)
    empirical = diagonal(settings, model)
    assert any(not torch.equal(true[name], empirical[name]) for name in true)


def test_it_is_cached_once_for_all_trials_and_weights(llama, settings, own_cache, monkeypatch):
    monkeypatch.setattr(llama, "_memo", {})
    for weight in (1.0, 2.0):
        for examples in (2, 3):
            changed = {"weight": weight, "examples": examples}
            settings.model_copy(update=changed).weight_loss(llama)
    folders = [folder for folder in (own_cache / "fisher").iterdir() if folder.name[0] != "."]
    assert len(folders) == 2, "one for each number of examples, whatever the weight"
    assert all((folder / "fisher.safetensors").is_file() for folder in folders)


def test_an_unknown_set_is_one_clear_sentence():
    with pytest.raises(ValueError, match="must name general texts that are known"):
        Fisher(data="nowhere")


def test_f_of_a_file_that_has_changed_is_computed_anew(llama, tmp_path):
    """A process goes on with the same base for the next trial."""
    file, losses = tmp_path / "texts.txt", []
    settings = Fisher(data=str(file), examples=4, weight=3.0)
    for word in ("wolf", "cook", "wolf"):
        llama.reset("fp32")
        file.write_text("\n".join(f"the {word} eats {thing}" for thing in ("deer", "bread", "hay")))
        perturb(llama, 0.01)
        losses.append(float(settings.weight_loss(llama).detach()))
    assert losses[0] == losses[2] != losses[1]
