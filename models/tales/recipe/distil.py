"""Distils the draft on the target's full distributions, over corpus text and over text sampled from the target.

Usage: python3 distil.py --run DIRECTORY --samples SAMPLES.npy [--start CHECKPOINT] [--budget-tokens N] [--budget-seconds S]

First forward KL; then mostly the overlap itself, sum over tokens of min(p, q), which is the chance that a drafted token is
accepted (Leviathan et al. 2023, https://arxiv.org/abs/2211.17192; as a training loss: DistillSpec,
https://arxiv.org/abs/2310.08461).
"""

import argparse
import json
import time
from pathlib import Path

import numpy as np
import torch
from torch.nn import functional

import batches
import corpus
import export
from model import Llama, Shape
from train import CONFIG, Pool, Run, autocast, make_optimizers, pick_device, set_rates


def distances(target_logits, draft_logits):
    """Mean cross-entropy (nats) of the draft under the target's distribution p, and mean overlap sum(min(p, q))."""
    p = target_logits.float().flatten(0, -2).softmax(-1)
    draft_logits = draft_logits.float().flatten(0, -2)
    cross_entropy = functional.cross_entropy(draft_logits, p)
    overlap = torch.minimum(p, draft_logits.softmax(-1)).sum(-1).mean()
    return cross_entropy, overlap


def shard_step(target, draft, ids, share, overlap_share, device):
    """Adds one shard's gradient; ids (B, T). Returns its shares of the mean cross-entropy and overlap."""
    with autocast(device):
        with torch.no_grad():
            target_logits = target(ids)
        draft_logits = draft(ids)
    cross_entropy, overlap = distances(target_logits, draft_logits)
    loss = (1 - overlap_share) * cross_entropy - overlap_share * overlap
    (share * loss).backward()
    return share * cross_entropy.item(), share * overlap.item()


@torch.no_grad()
def held_out_overlap(target, draft, stream, device, rows=32):
    """Mean overlap at temperature 1 over held-out windows of 512."""
    windows = torch.from_numpy(batches.validation_batch(stream))
    windows = windows[torch.linspace(0, len(windows) - 1, rows).long(), :-1]
    results = [distances(target(ids.to(device)), draft(ids.to(device)))[1].item() for ids in windows.split(4)]
    return sum(results) / len(results)


class MixedSampler:
    """Windows of the corpus, and random windows of sampled rows. uint16 `samples` (N, L)."""

    def __init__(self, streams, samples, document_starts, seed):
        self.corpus = batches.Sampler(streams, document_starts, seed)
        self.samples = samples

    def batch(self, count, phase):
        """int64 (count, length), sampled rows first."""
        length, generator = phase["length"], self.corpus.generator
        sampled = round(count * phase["sampled"])
        rows = generator.integers(len(self.samples), size=sampled)
        # Half of these windows start where the row does: at the position a generation starts from.
        last = self.samples.shape[1] - length
        starts = generator.integers(last + 1, size=sampled) * generator.integers(2, size=sampled)
        windows = self.samples[rows[:, None], starts[:, None] + np.arange(length)].astype(np.int64)
        return np.concatenate([windows, self.corpus.batch(count - sampled, length - 1, phase["stories"])])


def distil(target, draft, settings, streams, samples, run, budget, device, seed, pool, every=120.0):
    """Trains the draft until the budget (`tokens`, `seconds`) is used."""
    state = run.state
    sampler = MixedSampler(streams, samples, settings["document_starts"], seed + state["step"])
    last_time = last_save = time.time()
    recent = []
    while True:
        progress = max(state["tokens"] / budget["tokens"], state["seconds"] / budget["seconds"])
        if progress >= 1.0:
            break
        phase = next(phase for phase in settings["phases"] if progress < phase["until"])
        set_rates(run.optimizers, state["step"], progress, settings)
        overlap_share = settings["overlap_share"] if progress >= settings["overlap_from"] else 0.0
        ids = torch.from_numpy(sampler.batch(settings["batch_tokens"] // phase["length"], phase)).to(device)
        shards = [ids[index :: pool.count] for index in range(pool.count)]
        recent.append(np.sum(pool.map(
            lambda shard: shard_step(target, draft, shard, 1 / len(shards), overlap_share, device), shards
        ), axis=0))
        torch.nn.utils.clip_grad_norm_(draft.parameters(), settings["clip"])
        for optimizer in run.optimizers:
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
        now = time.time()
        state["step"] += 1
        state["tokens"] += ids.numel()
        state["seconds"] += now - last_time
        last_time = now
        if state["step"] % 25 == 0:
            cross_entropy, overlap = np.mean(recent, axis=0)
            run.log(cross_entropy=cross_entropy, overlap=overlap, length=phase["length"])
            recent = []
        if now - last_save > every:
            run.log(held_out_overlap=held_out_overlap(target, draft, streams["tail"], device))
            run.save()
            last_save = last_time = time.time()
    run.log(held_out_overlap=held_out_overlap(target, draft, streams["tail"], device))
    run.save()


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--run", type=Path, required=True)
    parser.add_argument("--samples", type=Path, required=True)
    parser.add_argument("--start", type=Path, help="checkpoint of the draft's pre-training")
    parser.add_argument("--corpus", type=Path, default=corpus.DEFAULT_CORPUS)
    parser.add_argument("--budget-tokens", type=float, default=6e6)
    parser.add_argument("--budget-seconds", type=float, default=1e9)
    parser.add_argument("--workers", type=int, default=2)
    arguments = parser.parse_args()
    config = json.loads(CONFIG.read_text(encoding="utf-8"))
    settings, device = config["distil"], pick_device()
    torch.manual_seed(config["seed"])
    pool = Pool(1 if device.type == "cuda" else arguments.workers)
    streams = batches.load_streams(arguments.corpus, config["held_out"], arguments.run.parent / "tokens.npz")
    target = export.read_model(export.HOME / "target").to(device).requires_grad_(False)
    if arguments.start:
        draft = export.read_checkpoint("draft", arguments.start).to(device)
    else:
        draft = Llama(Shape(**config["draft"]["model"])).to(device)
    run = Run(arguments.run, draft, make_optimizers(draft, settings, pool))
    run.resume()
    budget = {"tokens": arguments.budget_tokens, "seconds": arguments.budget_seconds}
    distil(target, draft, settings, streams, np.load(arguments.samples), run, budget, device, config["seed"], pool)


if __name__ == "__main__":
    main()
