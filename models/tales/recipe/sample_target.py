"""Text sampled from the target, for distillation and for the draft's short list of tokens.

Usage: python3 sample_target.py [--rows N]; writes samples.npy into the runs directory.

Half of the rows start from the end-of-text token alone, as a free generation does, and half from a
few tokens of the corpus.
"""

import time

import numpy as np
import torch

import batches
import export
import generate
from settings import CONFIG, Pool, argument_parser, pick_device


def prompt_batches(streams, count, prompt, seed):
    """Two int64 arrays: (count, 1) end-of-text tokens, and (count, prompt) of training text."""
    sampler = batches.Sampler(streams, 0.0, seed)
    return [np.zeros((count, 1), dtype=np.int64), sampler.batch(count, prompt - 1, stories=0.7)]


def sample_rows(model, streams, settings, seed, device, pool):
    """uint16 (rows, length) of sampled ids, prompts included; settings as in config.json."""
    jobs = []
    while len(jobs) * settings["batch"] < settings["rows"]:
        for prompts in prompt_batches(streams, settings["batch"], settings["prompt"], seed):
            jobs.append((torch.from_numpy(prompts).to(device), seed))
            seed += 1

    def run_job(job):
        prompts, job_seed = job
        length, temperature = settings["length"], settings["temperature"]
        return generate.sample(model, prompts, length, temperature, job_seed).cpu()

    return torch.cat(pool.map(run_job, jobs)).numpy().astype(np.uint16)


def main():
    parser = argument_parser(__doc__)
    parser.add_argument("--rows", type=int, default=CONFIG["samples"]["rows"])
    arguments = parser.parse_args()
    device = pick_device()
    streams = batches.load_streams(arguments.corpus, arguments.runs)
    model = export.read_model("target").to(device)
    pool = Pool(device, arguments.workers)
    settings = {**CONFIG["samples"], "rows": arguments.rows}
    start = time.time()
    rows = sample_rows(model, streams, settings, CONFIG["seed"], device, pool)
    np.save(arguments.runs / "samples.npy", rows)
    print(f"{rows.size} tokens in {time.time() - start:.0f} s")


if __name__ == "__main__":
    main()
