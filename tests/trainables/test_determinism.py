"""The kernels that repeat: chosen on a GPU, and nothing else changed."""

import os

import pytest
import torch

from trainables.determinism import make_deterministic, repeatable_attention

needs_gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU")


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_without_a_gpu_nothing_is_changed():
    before = dict(os.environ), torch.are_deterministic_algorithms_enabled()
    make_deterministic()
    assert (dict(os.environ), torch.are_deterministic_algorithms_enabled()) == before


def test_attention_has_the_kernels_that_it_had_after_the_context():
    def enabled():
        backends = torch.backends.cuda
        return [
            backends.flash_sdp_enabled(),
            backends.math_sdp_enabled(),
            backends.mem_efficient_sdp_enabled(),
        ]

    before = enabled()
    with repeatable_attention(torch.device("cuda")):
        assert enabled() == [True, True, False]
    assert enabled() == before
    with repeatable_attention(torch.device("cpu")):
        assert enabled() == before


@needs_gpu
def test_the_gradient_of_an_embedding_that_is_read_often_repeats():
    make_deterministic()
    table = torch.randn(50, 64, device="cuda", requires_grad=True)
    ids = torch.randint(50, (4096,), device="cuda")
    scale = torch.randn(4096, 64, device="cuda")
    gradients = [
        torch.autograd.grad((table[ids] * scale).sum(), table)[0].clone() for _ in range(5)
    ]
    assert all(torch.equal(gradient, gradients[0]) for gradient in gradients)
