"""Distils the draft on the target's full distributions, over corpus and target-sampled text.

Usage: python3 distil.py --samples SAMPLES.npy [--start CHECKPOINT] [--budget-tokens N]

First forward KL; then mostly the overlap itself, the sum over tokens of min(p, q), which is the
chance that a drafted token is accepted (Leviathan et al. 2023, https://arxiv.org/abs/2211.17192; as
a training loss: DistillSpec, https://arxiv.org/abs/2310.08461).
"""

from pathlib import Path

import numpy as np
import torch
from torch.nn import functional

import batches
import export
from model import Llama, Shape
from run import Run
from settings import CONFIG, Pool, argument_parser, autocast, pick_device

SECONDS_BETWEEN_CHECKPOINTS = 120.0
STEPS_BETWEEN_LOGS = 25


def distances(target_logits, draft_logits):
    """Mean cross-entropy (nats) of the draft under the target's p, and mean sum(min(p, q))."""
    p = target_logits.float().flatten(0, -2).softmax(-1)
    draft_logits = draft_logits.float().flatten(0, -2)
    cross_entropy = functional.cross_entropy(draft_logits, p)
    overlap = torch.minimum(p, draft_logits.softmax(-1)).sum(-1).mean()
    return cross_entropy, overlap


def shard_step(target, draft, ids, share, overlap_share, device):
    """Adds the gradient of a shard, ids (B, T), which is `share` of its batch.

    Returns its shares of the batch's mean cross-entropy and overlap.
    """
    with autocast(device):
        with torch.no_grad():
            target_logits = target(ids)
        draft_logits = draft(ids)
    cross_entropy, overlap = distances(target_logits, draft_logits)
    loss = (1 - overlap_share) * cross_entropy - overlap_share * overlap
    (share * loss).backward()
    return share * cross_entropy.item(), share * overlap.item()


@torch.no_grad()
def held_out_overlap(target, draft, stream, device):
    """Mean overlap at temperature 1 over some held-out windows of 512."""
    windows = torch.from_numpy(batches.held_out_windows(stream, rows=8))[:, :-1].to(device)
    overlaps = [distances(target(ids), draft(ids))[1].item() for ids in windows.split(4)]
    return sum(overlaps) / len(overlaps)


class MixedSampler:
    """Windows of the corpus, and random windows of sampled rows: uint16 `samples` (N, L)."""

    def __init__(self, streams, samples, document_starts, seed):
        self.corpus = batches.Sampler(streams, document_starts, seed)
        self.samples = samples

    def batch(self, count, phase):
        """int64 (count, length), shuffled."""
        length, generator = phase["length"], self.corpus.generator
        sampled = round(count * phase["sampled"])
        rows = generator.integers(len(self.samples), size=sampled)
        # Half of the sampled windows start where the row does, at the positions of a generation.
        last = self.samples.shape[1] - length
        starts = generator.integers(last + 1, size=sampled) * generator.integers(2, size=sampled)
        windows = self.samples[rows[:, None], starts[:, None] + np.arange(length)].astype(np.int64)
        rest = self.corpus.batch(count - sampled, length - 1, phase["stories"])
        return generator.permutation(np.concatenate([windows, rest]))


def distil(target, draft, streams, samples, run, device, pool):
    """Trains the draft until the run's budget is used."""
    settings = run.settings
    seed = CONFIG["seed"] + run.state["step"]
    sampler = MixedSampler(streams, samples, settings["document_starts"], seed)
    recent = []
    while run.progress() < 1.0:
        run.set_rates()
        phase = run.phase()
        late = run.progress() >= settings["overlap_from"]
        overlap_share = settings["overlap_share"] if late else 0.0
        count = settings["batch_tokens"] // phase["length"]
        ids = torch.from_numpy(sampler.batch(count, phase)).to(device)
        results = pool.map(
            lambda shard: shard_step(
                target, draft, shard, len(shard) / count, overlap_share, device
            ),
            ids.chunk(pool.count),
        )
        run.step(ids.numel())
        recent.append(np.sum(results, axis=0))
        if len(recent) == STEPS_BETWEEN_LOGS:
            cross_entropy, overlap = np.mean(recent, axis=0)
            run.log(cross_entropy=cross_entropy, overlap=overlap, length=phase["length"])
            recent = []
        if run.due(SECONDS_BETWEEN_CHECKPOINTS):
            run.checkpoint(held_out=held_out_overlap(target, draft, streams["tail"], device))
    run.save()
    run.log(held_out=held_out_overlap(target, draft, streams["tail"], device))


def main():
    parser = argument_parser(__doc__)
    parser.add_argument("--samples", type=Path, required=True, help="written by sample_target.py")
    parser.add_argument("--start", type=Path, help="checkpoint of the draft's pre-training")
    parser.add_argument("--budget-tokens", type=float, default=6e6)
    parser.add_argument("--budget-seconds", type=float, default=1e9)
    arguments = parser.parse_args()
    device = pick_device()
    torch.manual_seed(CONFIG["seed"])
    pool = Pool(device, arguments.workers)
    streams = batches.load_streams(arguments.corpus, arguments.runs)
    target = export.read_model("target").to(device).requires_grad_(False)
    draft = Llama(Shape(**CONFIG["draft"]["model"]))
    if arguments.start:
        draft.load_state_dict(torch.load(arguments.start, map_location="cpu")["model"])
    run = Run(
        arguments.runs / "distilled",
        draft.to(device),
        CONFIG["distil"],
        pool,
        arguments.budget_tokens,
        arguments.budget_seconds,
    )
    distil(target, draft, streams, np.load(arguments.samples), run, device, pool)


if __name__ == "__main__":
    main()
