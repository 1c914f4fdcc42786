"""Measures the exported pair for the model card and writes ../results.json.

Usage: python3 evaluate.py [--windows N]

On held-out text (windows of 512 tokens, each token given the true ones before it) and on text
sampled from the target.
"""

import json
import math

import numpy as np
import torch
from torch.nn import functional

import batches
import export
import sample_target
from activations import largest_activations
from make_tokenizer import load_tokenizer
from settings import CONFIG, HOME, Pool, argument_parser, pick_device

TEMPERATURES = (1.0, 0.7)
HEAD_SIZES = (512, 1024, 2048)
TRUNCATIONS = (1, 2, 3, 4)  # in layers
SAMPLE_SEED = 1_000_003  # unlike those of the training samples


@torch.no_grad()
def loss_by_position(model, windows):
    """Mean nats per token at each position of windows (N, T + 1): float array (T)."""
    total = 0.0
    for ids in windows.split(8):
        logits = model(ids[:, :-1]).transpose(1, 2)
        total = total + functional.cross_entropy(logits, ids[:, 1:], reduction="none").sum(0)
    return (total / len(windows)).cpu().numpy()


def language_model_figures(model, stream, tokenizer, device):
    """Loss over all whole windows of a held-out stream."""
    windows = torch.from_numpy(batches.held_out_windows(stream)).to(device)
    losses = loss_by_position(model, windows)
    # End-of-text tokens count as tokens and as no character.
    characters_per_token = len(tokenizer.decode(stream.tolist())) / len(stream)
    quarters = {
        f"{start}-{start + 127}": round(float(losses[start : start + 128].mean()), 3)
        for start in range(0, len(losses), 128)
    }
    return {
        "nats_per_token": round(float(losses.mean()), 4),
        "bits_per_character": round(float(losses.mean()) / math.log(2) / characters_per_token, 4),
        "characters_per_token": round(characters_per_token, 4),
        "nats_by_position": quarters,
    }


def shortened(logits, kept):
    """Logits with all tokens but the kept ids ruled out."""
    result = torch.full_like(logits, float("-inf"))
    result[..., kept] = logits[..., kept]
    return result


def drafts(target, draft, frequent, ids):
    """Pairs (name, logits): the draft, it with a shortened head, the target's own first layers."""
    own = draft(ids)
    yield "draft", own
    for size in HEAD_SIZES:
        yield f"draft, head of {size}", shortened(own, frequent[:size])
    for layers in TRUNCATIONS:
        yield f"target's first {layers} of {target.shape.layers}", target.head(
            target.hidden(ids, layers)
        )


@torch.no_grad()
def pair_figures(target, draft, frequent, rows):
    """Per draft: top-1 agreement and mean sum(min(p, q)) over all positions of rows (N, T)."""
    sums = {}
    for ids in rows.split(4):
        p_logits = target(ids)
        p = [(p_logits / temperature).softmax(-1) for temperature in TEMPERATURES]
        for name, q_logits in drafts(target, draft, frequent, ids):
            entry = sums.setdefault(name, np.zeros(1 + len(TEMPERATURES)))
            entry[0] += (q_logits.argmax(-1) == p_logits.argmax(-1)).sum().item()
            for place, temperature in enumerate(TEMPERATURES):
                q = (q_logits / temperature).softmax(-1)
                entry[1 + place] += torch.minimum(p[place], q).sum().item()
    names = ["top1_agreement", *(f"overlap_at_{temperature}" for temperature in TEMPERATURES)]
    return {
        kind: dict(zip(names, (entry / rows.numel()).round(4).tolist()))
        for kind, entry in sums.items()
    }


def pair_rows(target, streams, windows, device, pool):
    """Rows (N, T) to compare models on, by name."""
    rows = {
        name: torch.from_numpy(batches.held_out_windows(streams[name], windows))[:, :-1]
        for name in ("tail", "tail_stories")
    }
    settings = {**CONFIG["samples"], "rows": 64, "length": 256, "batch": 32}
    sampled = sample_target.sample_rows(target, streams, settings, SAMPLE_SEED, device, pool)
    rows["sampled_from_target"] = torch.from_numpy(sampled.astype(np.int64))
    return {name: ids.to(device) for name, ids in rows.items()}


def main():
    parser = argument_parser(__doc__)
    parser.add_argument("--windows", type=int, default=48, help="held-out windows per pair figure")
    arguments = parser.parse_args()
    device, tokenizer = pick_device(), load_tokenizer()
    pool = Pool(device, arguments.workers)
    streams = batches.load_streams(arguments.corpus, arguments.runs)
    models = {which: export.read_model(which).to(device) for which in ("target", "draft")}
    frequent = json.loads((HOME / "draft-head.json").read_text(encoding="utf-8"))["ids"]
    results = {"parameters": {}, "held_out": {}, "largest": {}, "pair": {}}
    for which, model in models.items():
        results["parameters"][which] = sum(p.numel() for p in model.parameters())
        results["held_out"][which] = {
            name: language_model_figures(model, streams[name], tokenizer, device)
            for name in ("tail", "tail_stories")
        }
    rows = pair_rows(models["target"], streams, arguments.windows, device, pool)
    for which, model in models.items():
        results["largest"][which] = largest_activations(model, rows["tail"][:8])
    for name, ids in rows.items():
        results["pair"][name] = pair_figures(models["target"], models["draft"], frequent, ids)
    export.write_json(HOME / "results.json", results)


if __name__ == "__main__":
    main()
