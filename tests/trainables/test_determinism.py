"""The kernels that repeat: chosen on a GPU, and nothing else changed."""

import os

import pytest
import torch

from trainables.determinism import (
    has_repeatable_kernels,
    make_deterministic,
    only_repeatable_kernels,
)

needs_gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU")


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_without_a_gpu_nothing_is_changed():
    before = dict(os.environ), torch.are_deterministic_algorithms_enabled()
    make_deterministic()
    assert (dict(os.environ), torch.are_deterministic_algorithms_enabled()) == before


def state():
    return (
        torch.are_deterministic_algorithms_enabled(),
        torch.is_deterministic_algorithms_warn_only_enabled(),
    )


def test_within_the_block_an_operation_must_repeat_and_after_it_all_is_as_before():
    before = state()
    with only_repeatable_kernels(False):
        assert state() == before
    with only_repeatable_kernels(True):
        assert state() == (True, False)
    assert state() == before


def test_a_step_has_repeatable_kernels_unless_torch_says_that_it_has_not():
    def without():
        raise RuntimeError("put_ does not have a deterministic implementation, but you set ...")

    def broken():
        raise RuntimeError("out of memory")

    assert has_repeatable_kernels(lambda: None)
    assert not has_repeatable_kernels(without)
    with pytest.raises(RuntimeError, match="out of memory"):
        has_repeatable_kernels(broken)


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


@needs_gpu
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("is_padded", [False, True])
def test_the_gradients_of_attention_repeat(dtype, is_padded):
    make_deterministic()
    torch.manual_seed(0)
    shape = (8, 4, 512, 64)
    q, k, v = (torch.randn(shape, device="cuda", dtype=dtype, requires_grad=True) for _ in "qkv")
    mask = torch.ones(8, 1, 512, 512, dtype=torch.bool, device="cuda").tril() if is_padded else None
    gradients = []
    for _ in range(5):
        with only_repeatable_kernels(True):
            out = torch.nn.functional.scaled_dot_product_attention(
                q, k, v, attn_mask=mask, is_causal=not is_padded
            )
            gradients.append(torch.autograd.grad(out.float().square().sum(), [q, k, v]))
    assert all(
        torch.equal(one, first)
        for more in gradients
        for one, first in zip(more, gradients[0], strict=True)
    )
