"""Matrix products with weights, in bfloat16 where that is faster on this CPU.

A processor with bfloat16 products (AVX512_BF16 or AMX) does them at twice the rate of float32.
PyTorch's own autocast also casts what lies between the products, which costs more than it gains
on a CPU; here only the operands are rounded. Sums are float32 inside a product, and gradients,
weights and everything else stay float32.
"""

import re
import threading
from contextlib import contextmanager
from pathlib import Path

import torch
from torch.nn import functional


def cpu_has_bfloat16():
    """Whether this CPU multiplies bfloat16 in hardware."""
    path = Path("/proc/cpuinfo")
    flags = path.read_text(encoding="utf-8") if path.exists() else ""
    return re.search(r"\b(avx512_bf16|amx_bf16)\b", flags) is not None


class State(threading.local):
    bfloat16 = False


STATE = State()


@contextmanager
def bfloat16_products(enabled=True):
    """Inside it, `linear` rounds its operands to bfloat16; per thread."""
    before, STATE.bfloat16 = STATE.bfloat16, enabled
    try:
        yield
    finally:
        STATE.bfloat16 = before


class BFloat16Linear(torch.autograd.Function):
    """x (..., K) times weight (N, K) transposed: (..., N), all float32 outside."""

    @staticmethod
    def forward(ctx, x, weight):
        rows, matrix = x.flatten(0, -2).bfloat16(), weight.bfloat16()
        ctx.save_for_backward(rows, matrix)
        return torch.mm(rows, matrix.t()).float().view(*x.shape[:-1], -1)

    @staticmethod
    def backward(ctx, gradient):
        rows, matrix = ctx.saved_tensors
        rounded = gradient.flatten(0, -2).bfloat16()
        along = torch.mm(rounded, matrix).float()
        return along.view(*gradient.shape[:-1], -1), torch.mm(rounded.t(), rows).float()


def linear(x, weight):
    """x (..., K) times weight (N, K) transposed: (..., N)."""
    if STATE.bfloat16:
        return BFloat16Linear.apply(x, weight)
    return functional.linear(x, weight)


class Linear(torch.nn.Linear):
    """A layer without bias whose product is `linear`."""

    def __init__(self, inputs, outputs):
        super().__init__(inputs, outputs, bias=False)

    def forward(self, x):
        return linear(x, self.weight)
