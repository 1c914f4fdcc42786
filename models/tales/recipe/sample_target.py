"""Text sampled from the target, for distillation and for the draft's short list of tokens.

Usage: python3 sample_target.py OUT.npy --run DIRECTORY [--rows N]

Half of the rows start from the end-of-text token alone, as a free generation does, and half from a few tokens of the corpus.
"""

import argparse
import json
import time
from pathlib import Path

import numpy as np
import torch

import batches
import corpus
import export
import generate
from train import CONFIG, Pool, pick_device


def starting_rows(streams, count, prompt, seed):
    """Two int64 arrays of prompts: (count/2, 1) end-of-text tokens, and (count/2, prompt) from training text."""
    corpus_prompts = batches.Sampler(streams, 0.0, seed).batch(count // 2, prompt - 1, stories=0.7)
    return [np.zeros((count // 2, 1), dtype=np.int64), corpus_prompts]


def sample_rows(model, streams, settings, rows, seed, device, pool):
    """uint16 (rows, length) of sampled ids, prompts included."""
    batch, jobs = settings["batch"], []
    for index in range(-(-rows // (2 * batch))):
        for prompts in starting_rows(streams, 2 * batch, settings["prompt"], seed + index):
            jobs.append((torch.from_numpy(prompts).to(device), seed + len(jobs)))
    results = pool.map(
        lambda job: generate.sample(model, job[0], settings["length"], settings["temperature"], job[1]).cpu(), jobs
    )
    return torch.cat(results).numpy().astype(np.uint16)[:rows]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path)
    parser.add_argument("--run", type=Path, required=True, help="where the encoded corpus is kept (`tokens.npz`)")
    parser.add_argument("--corpus", type=Path, default=corpus.DEFAULT_CORPUS)
    parser.add_argument("--rows", type=int)
    parser.add_argument("--workers", type=int, default=2)
    arguments = parser.parse_args()
    config = json.loads(CONFIG.read_text(encoding="utf-8"))
    settings, device = config["samples"], pick_device()
    streams = batches.load_streams(arguments.corpus, config["held_out"], arguments.run / "tokens.npz")
    model = export.read_model(export.HOME / "target").to(device)
    pool = Pool(1 if device.type == "cuda" else arguments.workers)
    start = time.time()
    rows = sample_rows(model, streams, settings, arguments.rows or settings["rows"], config["seed"], device, pool)
    np.save(arguments.out, rows)
    print(f"{rows.size} tokens in {time.time() - start:.0f} s")


if __name__ == "__main__":
    main()
