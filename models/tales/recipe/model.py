"""A plain Llama in PyTorch: no biases, RMS norms, rotary positions, grouped-query attention, tied embeddings.

Parameter names follow Hugging Face, so that a state dict is a checkpoint. Shapes: B sequences, T positions, D width,
H query heads in K groups (K = key/value heads), C head dimension.
"""

from dataclasses import dataclass

import torch
from torch import nn
from torch.nn import functional

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
    """Cosines and sines, each (length, C): half-split, the frequencies repeated once (as Hugging Face does)."""
    frequencies = ROPE_THETA ** (-torch.arange(0, head_dim, 2).float() / head_dim)
    angles = torch.outer(torch.arange(length).float(), frequencies).repeat(1, 2)
    return angles.cos(), angles.sin()


def rotate(x, cosines, sines):
    """Rotary positions on x (..., T, C), pairing coordinate i with i + C/2."""
    first, second = x.chunk(2, dim=-1)
    return x * cosines + torch.cat((-second, first), dim=-1) * sines


class RMSNorm(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))

    def forward(self, x):
        scale = torch.rsqrt(x.float().pow(2).mean(-1, keepdim=True) + RMS_EPSILON)
        return x * scale * self.weight


class Attention(nn.Module):
    def __init__(self, shape):
        super().__init__()
        self.shape = shape
        inner, kv_inner = shape.heads * shape.head_dim, shape.kv_heads * shape.head_dim
        self.q_proj = nn.Linear(shape.width, inner, bias=False)
        self.k_proj = nn.Linear(shape.width, kv_inner, bias=False)
        self.v_proj = nn.Linear(shape.width, kv_inner, bias=False)
        self.o_proj = nn.Linear(inner, shape.width, bias=False)

    def forward(self, x, tables, mask):
        """x (B, T, D); mask (G*T, T), with G = H / K query heads stacked over each key/value head: no key is copied."""
        batch, length, _ = x.shape
        heads, kv_heads, size = self.shape.heads, self.shape.kv_heads, self.shape.head_dim
        cosines, sines = tables
        q = self.q_proj(x).view(batch, length, heads, size).transpose(1, 2)
        k = self.k_proj(x).view(batch, length, kv_heads, size).transpose(1, 2)
        v = self.v_proj(x).view(batch, length, kv_heads, size).transpose(1, 2)
        q = rotate(q, cosines * size**-0.5, sines * size**-0.5)
        k = rotate(k, cosines, sines)
        q = q.reshape(batch * kv_heads, -1, size).to(v.dtype)
        k = k.reshape(batch * kv_heads, length, size).to(v.dtype)
        v = v.reshape(batch * kv_heads, length, size)
        scores = torch.baddbmm(mask.to(v.dtype), q, k.transpose(1, 2))
        mixed = torch.bmm(scores.softmax(-1).to(v.dtype), v)
        mixed = mixed.view(batch, heads, length, size).transpose(1, 2).reshape(batch, length, heads * size)
        return self.o_proj(mixed)


class MLP(nn.Module):
    def __init__(self, shape):
        super().__init__()
        self.gate_proj = nn.Linear(shape.width, shape.ffn, bias=False)
        self.up_proj = nn.Linear(shape.width, shape.ffn, bias=False)
        self.down_proj = nn.Linear(shape.ffn, shape.width, bias=False)

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
        self.norm = RMSNorm(shape.width)


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
        """Final normed states (B, T, D) for ids (B, T), optionally after the first `layers` layers only."""
        length = ids.shape[1]
        tables = self.cosines[:length], self.sines[:length]
        groups = self.shape.heads // self.shape.kv_heads
        mask = torch.full((length, length), float("-inf"), device=ids.device).triu(1).repeat(groups, 1)
        x = self.model.embed_tokens(ids)
        for layer in self.model.layers[:layers]:
            x = layer(x, tables, mask)
        return self.model.norm(x)

    def head(self, hidden):
        """Logits (..., vocab) of hidden states (..., D)."""
        return functional.linear(hidden, self.model.embed_tokens.weight)

    def forward(self, ids):
        return self.head(self.hidden(ids))
