"""Checks the goldens with a second implementation of Llama: numpy, float64, no code shared.

Usage: python3 check_goldens.py
"""

import json
import struct
from pathlib import Path

import numpy as np

HOME = Path(__file__).resolve().parents[1]
TOLERANCE = 1e-3  # in logits: float32 against float64


def read_weights(path):
    """Float64 arrays by name from a file of float16 tensors."""
    data = path.read_bytes()
    (length,) = struct.unpack_from("<Q", data)
    header = json.loads(data[8 : 8 + length])
    header.pop("__metadata__", None)
    weights = {}
    for name, entry in header.items():
        start, end = entry["data_offsets"]
        flat = np.frombuffer(data[8 + length + start : 8 + length + end], "<f2")
        weights[name] = flat.reshape(entry["shape"]).astype(np.float64)
    return weights


def rotate_half(x):
    half = x.shape[-1] // 2
    return np.concatenate([-x[..., half:], x[..., :half]], axis=-1)


def attention(weights, prefix, config, x):
    """Attention's output (T, D) for normed x (T, D)."""
    length, size = len(x), config["head_dim"]
    heads, kv_heads = config["num_attention_heads"], config["num_key_value_heads"]
    frequencies = config["rope_theta"] ** (-np.arange(0, size, 2) / size)
    angles = np.tile(np.outer(np.arange(length), frequencies), 2)

    def project(name, count):
        product = x @ weights[f"{prefix}{name}_proj.weight"].T
        return product.reshape(length, count, size).transpose(1, 0, 2)

    q, k, v = project("q", heads), project("k", kv_heads), project("v", kv_heads)
    q = q * np.cos(angles) + rotate_half(q) * np.sin(angles)
    k = k * np.cos(angles) + rotate_half(k) * np.sin(angles)
    k, v = (np.repeat(y, heads // kv_heads, axis=0) for y in (k, v))
    scores = q @ k.transpose(0, 2, 1) / np.sqrt(size)
    scores[:, np.triu(np.ones((length, length), dtype=bool), 1)] = -np.inf
    scores = np.exp(scores - scores.max(-1, keepdims=True))
    mixed = (scores / scores.sum(-1, keepdims=True)) @ v
    return mixed.transpose(1, 0, 2).reshape(length, -1) @ weights[f"{prefix}o_proj.weight"].T


def logits(weights, config, ids):
    """Logits (T, vocabulary) for a list of ids."""

    def norm(x, name):
        squares = (x * x).mean(-1, keepdims=True)
        return x / np.sqrt(squares + config["rms_norm_eps"]) * weights[name]

    x = weights["model.embed_tokens.weight"][ids]
    for index in range(config["num_hidden_layers"]):
        prefix = f"model.layers.{index}."
        normed = norm(x, f"{prefix}input_layernorm.weight")
        x = x + attention(weights, f"{prefix}self_attn.", config, normed)
        normed = norm(x, f"{prefix}post_attention_layernorm.weight")
        gate = normed @ weights[f"{prefix}mlp.gate_proj.weight"].T
        up = normed @ weights[f"{prefix}mlp.up_proj.weight"].T
        x = x + gate / (1 + np.exp(-gate)) * up @ weights[f"{prefix}mlp.down_proj.weight"].T
    return norm(x, "model.norm.weight") @ weights["model.embed_tokens.weight"].T


def main():
    recorded, greedy = (
        json.loads((HOME / f"golden/{name}.json").read_text(encoding="utf-8"))
        for name in ("logits", "greedy")
    )
    for which in ("target", "draft"):
        weights = read_weights(HOME / which / "model.safetensors")
        config = json.loads((HOME / which / "config.json").read_text(encoding="utf-8"))
        worst = 0.0
        for record in recorded:
            found = logits(weights, config, record["promptIds"])[-1]
            worst = max(worst, np.abs(found - record[which]).max())
        if worst > TOLERANCE:
            raise ValueError(f"{which}: logits differ by {worst}")
        for record in greedy[which]:
            prompt = record["promptIds"]
            best = logits(weights, config, prompt + record["ids"])[len(prompt) - 1 : -1].argmax(-1)
            differ = np.flatnonzero(best != record["ids"])
            if len(differ) and record["margins"][differ[0]] > TOLERANCE:
                raise ValueError(f"{which}: greedy text differs after {record['prompt']!r}")
        print(f"{which}: logits within {worst:.1e}, greedy text agrees")


if __name__ == "__main__":
    main()
