"""A plain Llama in PyTorch: RMS norms, rotary positions, grouped-query attention, tied embeddings.

Parameter names follow Hugging Face, so that a state dict is a checkpoint. Shapes: B sequences, T
positions, D width, H query heads in K groups (K = key/value heads), C head dimension.
"""

from dataclasses import dataclass

import torch
from torch import nn
from torch.nn import functional

from products import Linear, linear

ROPE_THETA = 10_000.0
RMS_EPSILON = 1e-5
MAX_POSITIONS = 512


@dataclass
class Shape:
    """Sizes of one model."""

    vocab: int
    width: int
    layers: int
    heads: int
    kv_heads: int
    head_dim: int
    ffn: int


def rotary_tables(head_dim, length=MAX_POSITIONS):
    """Cosines and sines, each (length, C/2)."""
    frequencies = ROPE_THETA ** (-torch.arange(0, head_dim, 2).float() / head_dim)
    angles = torch.outer(torch.arange(length).float(), frequencies)
    return angles.cos(), angles.sin()


class Rotate(torch.autograd.Function):
    """Rotary positions on x (..., T, C), with a backward pass that touches memory less often."""

    @staticmethod
    def forward(ctx, x, cosines, sines):
        ctx.save_for_backward(cosines, sines)
        return rotate(x, cosines, sines)

    @staticmethod
    def backward(ctx, gradient):
        cosines, sines = ctx.saved_tensors
        return rotate(gradient, cosines, -sines), None, None


def rotate(x, cosines, sines):
    """Pairs coordinate i with i + C/2, as Hugging Face does."""
    first, second = x.chunk(2, dim=-1)
    turned = (
        torch.addcmul(first * cosines, second, sines, value=-1),
        torch.addcmul(second * cosines, first, sines),
    )
    return torch.cat(turned, dim=-1)


class Normalise(torch.autograd.Function):
    """x (..., D) over its root mean square, with a backward pass that touches memory less often."""

    @staticmethod
    def forward(ctx, x):
        squares = torch.linalg.vector_norm(x, dim=-1, keepdim=True).square()
        scale = torch.rsqrt(squares / x.shape[-1] + RMS_EPSILON)
        y = x * scale
        ctx.save_for_backward(y, scale)
        return y

    @staticmethod
    def backward(ctx, gradient):
        y, scale = ctx.saved_tensors
        along = (gradient * y).mean(-1, keepdim=True)
        return torch.addcmul(gradient, y, along, value=-1).mul_(scale)


class RMSNorm(nn.Module):
    """The gain stays 1 where a matrix follows, which can hold it; the final norm's is trained."""

    def __init__(self, width, trained=False):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width), requires_grad=trained)

    def forward(self, x):
        y = Normalise.apply(x.float())
        return y * self.weight if self.weight.requires_grad else y


class Attention(nn.Module):
    def __init__(self, shape):
        super().__init__()
        self.shape = shape
        inner, kv_inner = shape.heads * shape.head_dim, shape.kv_heads * shape.head_dim
        self.q_proj = Linear(shape.width, inner)
        self.k_proj = Linear(shape.width, kv_inner)
        self.v_proj = Linear(shape.width, kv_inner)
        self.o_proj = Linear(inner, shape.width)

    def project(self, x, tables):
        """Of x (B, T, D): queries (B, H, T, C), keys and values (B, K, T, C).

        Queries and keys are rotated; queries carry attention's scale.
        """
        batch, length, _ = x.shape
        size = self.shape.head_dim
        cosines, sines = tables
        q = self.q_proj(x).view(batch, length, -1, size).transpose(1, 2)
        k = self.k_proj(x).view(batch, length, -1, size).transpose(1, 2)
        v = self.v_proj(x).view(batch, length, -1, size).transpose(1, 2)
        q = Rotate.apply(q.float(), cosines * size**-0.5, sines * size**-0.5)
        k = Rotate.apply(k.float(), cosines, sines)
        return q.to(v.dtype), k.to(v.dtype), v

    def attend(self, q, k, v, mask):
        """Mixed values (B, T, D) of queries (B, H, T, C) over keys and values (B, K, S, C).

        mask (G*T, S), G = H / K: the query heads of a group are stacked over their key/value head,
        so that no key is copied.
        """
        batch, heads, length, size = q.shape
        kv_heads, keys = k.shape[1:3]
        q = q.reshape(batch * kv_heads, -1, size)
        k = k.reshape(batch * kv_heads, keys, size)
        v = v.reshape(batch * kv_heads, keys, size)
        scores = torch.baddbmm(mask.to(v.dtype), q, k.transpose(1, 2))
        mixed = torch.bmm(scores.softmax(-1).to(v.dtype), v)
        mixed = mixed.view(batch, heads, length, size).transpose(1, 2)
        return self.o_proj(mixed.reshape(batch, length, heads * size))

    def forward(self, x, tables, mask):
        return self.attend(*self.project(x, tables), mask)


class MLP(nn.Module):
    def __init__(self, shape):
        super().__init__()
        self.gate_proj = Linear(shape.width, shape.ffn)
        self.up_proj = Linear(shape.width, shape.ffn)
        self.down_proj = Linear(shape.ffn, shape.width)

    def forward(self, x):
        return self.down_proj(functional.silu(self.gate_proj(x)) * self.up_proj(x))


class Layer(nn.Module):
    def __init__(self, shape):
        super().__init__()
        self.input_layernorm = RMSNorm(shape.width)
        self.self_attn = Attention(shape)
        self.post_attention_layernorm = RMSNorm(shape.width)
        self.mlp = MLP(shape)

    def forward(self, x, tables, mask):
        x = x + self.self_attn(self.input_layernorm(x), tables, mask)
        return x + self.mlp(self.post_attention_layernorm(x))


class Body(nn.Module):
    """The part Hugging Face calls `model`: everything but the (tied) head."""

    def __init__(self, shape):
        super().__init__()
        self.embed_tokens = nn.Embedding(shape.vocab, shape.width)
        self.layers = nn.ModuleList(Layer(shape) for _ in range(shape.layers))
        self.norm = RMSNorm(shape.width, trained=True)


class Llama(nn.Module):
    def __init__(self, shape):
        super().__init__()
        self.shape = shape
        self.model = Body(shape)
        cosines, sines = rotary_tables(shape.head_dim)
        self.register_buffer("cosines", cosines, persistent=False)
        self.register_buffer("sines", sines, persistent=False)
        for name, parameter in self.named_parameters():
            if name.endswith(("o_proj.weight", "down_proj.weight")):
                nn.init.normal_(parameter, std=0.02 / (2 * shape.layers) ** 0.5)
            elif parameter.dim() == 2:
                nn.init.normal_(parameter, std=0.02)

    def hidden(self, ids, layers=None):
        """Normed states (B, T, D) for ids (B, T), after all or only the first `layers` layers."""
        length = ids.shape[1]
        tables = self.cosines[:length], self.sines[:length]
        groups = self.shape.heads // self.shape.kv_heads
        mask = torch.full((length, length), float("-inf"), device=ids.device).triu(1)
        mask = mask.repeat(groups, 1)
        x = self.model.embed_tokens(ids)
        for layer in self.model.layers[:layers]:
            x = layer(x, tables, mask)
        return self.model.norm(x)

    def head(self, hidden):
        """Logits (..., vocab) of hidden states (..., D)."""
        return linear(hidden, self.model.embed_tokens.weight)

    def forward(self, ids):
        return self.head(self.hidden(ids))
