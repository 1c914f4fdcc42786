"""Trains the target, or the draft before its distillation, from the corpus.

Usage: python3 train.py target --run DIRECTORY [--budget-tokens N] [--budget-seconds S]

The learning rate decays to zero at the end of whichever budget runs out first. A run resumes from its last checkpoint, and
its budget may be changed on resuming.
"""

import argparse
import json
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import torch
from torch.nn import functional

import batches
import corpus
from model import Llama, Shape
from muon import Muon

CONFIG = Path(__file__).with_name("config.json")


def pick_device():
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def autocast(device):
    """bfloat16 on a GPU; float32 on a CPU, where it is faster unless the CPU has bfloat16 products."""
    return torch.autocast(device.type, dtype=torch.bfloat16, enabled=device.type == "cuda")


def make_optimizers(model, settings, pool):
    """Muon for the matrices inside layers, AdamW for the rest; each remembers its peak rate."""
    trained = [(name, p) for name, p in model.named_parameters() if p.requires_grad]
    matrices = [p for name, p in trained if ".layers." in name]
    others = [p for name, p in trained if ".layers." not in name]
    return [
        Muon([{"params": matrices, "peak": settings["muon_rate"]}], settings["muon_rate"], settings["momentum"], pool),
        torch.optim.AdamW([{"params": others, "peak": settings["adam_rate"]}], lr=settings["adam_rate"],
                          betas=tuple(settings["betas"]), weight_decay=0.0),
    ]


def set_rates(optimizers, step, progress, settings):
    """Warm-up over steps, a plateau, then a linear decay to zero over the last part of the budget."""
    factor = min(1.0, (step + 1) / settings["warmup_steps"], (1.0 - progress) / (1.0 - settings["decay_from"]))
    for optimizer in optimizers:
        for group in optimizer.param_groups:
            group["lr"] = group["peak"] * max(factor, 0.0)
    return factor


@torch.no_grad()
def validation_loss(model, stream, device, rows=None, batch=8):
    """Mean nats per token over windows of 512; `rows` limits how many windows (evenly spread) are read."""
    windows = torch.from_numpy(batches.validation_batch(stream))
    if rows and rows < len(windows):
        windows = windows[torch.linspace(0, len(windows) - 1, rows).long()]
    total = 0.0
    for chunk in windows.split(batch):
        chunk = chunk.to(device)
        with autocast(device):
            logits = model(chunk[:, :-1])
        total += functional.cross_entropy(logits.float().flatten(0, 1), chunk[:, 1:].flatten(), reduction="sum").item()
    return total / windows[:, 1:].numel()


class Pool:
    """Threads that each run whole shards of a step: on a few CPU cores this beats splitting every small operation.

    Gradients of the shards meet in the same `.grad`, which PyTorch guards with a lock.
    """

    def __init__(self, count):
        self.count, self.executor = count, ThreadPoolExecutor(count)

    def map(self, function, items):
        if self.count == 1:
            return [function(item) for item in items]
        return list(self.executor.map(function, items))


class Run:
    """One run's directory: a checkpoint that is replaced, and a log in JSON lines."""

    def __init__(self, directory, model, optimizers):
        self.directory, self.model, self.optimizers = directory, model, optimizers
        self.state = {"step": 0, "tokens": 0, "seconds": 0.0}
        directory.mkdir(parents=True, exist_ok=True)

    def resume(self):
        path = self.directory / "checkpoint.pt"
        if path.exists():
            stored = torch.load(path, map_location="cpu")
            self.state = stored["state"]
            self.model.load_state_dict(stored["model"])
            for optimizer, contents in zip(self.optimizers, stored["optimizers"]):
                optimizer.load_state_dict(contents)

    def save(self):
        contents = {"state": self.state, "model": self.model.state_dict(),
                    "optimizers": [optimizer.state_dict() for optimizer in self.optimizers]}
        torch.save(contents, self.directory / "checkpoint.tmp")
        (self.directory / "checkpoint.tmp").replace(self.directory / "checkpoint.pt")

    def log(self, **entry):
        line = json.dumps({**self.state, **entry})
        print(line, flush=True)
        with open(self.directory / "log.jsonl", "a", encoding="utf-8") as file:
            file.write(line + "\n")


def shard_loss(model, rows, share, device):
    """Adds the gradient of `share` times the loss of rows (B, T + 1); returns that part of the loss, in nats."""
    with autocast(device):
        logits = model(rows[:, :-1])
    loss = share * functional.cross_entropy(logits.float().flatten(0, 1), rows[:, 1:].flatten())
    loss.backward()
    return loss.item()


def train(model, settings, streams, run, budget, device, seed, pool, every=300.0):
    """Trains until the budget (`tokens`, `seconds`) is used; validates and saves every `every` seconds."""
    state = run.state
    sampler = batches.Sampler(streams, settings["document_starts"], seed + state["step"])
    last_time = last_save = time.time()
    recent = []
    while True:
        progress = max(state["tokens"] / budget["tokens"], state["seconds"] / budget["seconds"])
        if progress >= 1.0:
            break
        phase = next(phase for phase in settings["phases"] if progress < phase["until"])
        factor = set_rates(run.optimizers, state["step"], progress, settings)
        count = settings["batch_tokens"] // phase["length"]
        rows = torch.from_numpy(sampler.batch(count, phase["length"], phase["stories"])).to(device)
        shards = rows.chunk(pool.count)
        losses = pool.map(lambda shard: shard_loss(model, shard, 1 / len(shards), device), shards)
        torch.nn.utils.clip_grad_norm_(model.parameters(), settings["clip"])
        for optimizer in run.optimizers:
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
        recent.append(sum(losses))
        now = time.time()
        state["step"] += 1
        state["tokens"] += rows[:, 1:].numel()
        state["seconds"] += now - last_time
        last_time = now
        if state["step"] % 25 == 0:
            run.log(loss=sum(recent) / len(recent), rate=factor, length=phase["length"])
            recent = []
        if now - last_save > every:
            run.log(validation=validation_loss(model, streams["tail"], device, rows=48))
            run.save()
            last_save = last_time = time.time()
    run.log(validation=validation_loss(model, streams["tail"], device),
            validation_stories=validation_loss(model, streams["tail_stories"], device))
    run.save()


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("which", choices=["target", "draft"])
    parser.add_argument("--run", type=Path, required=True)
    parser.add_argument("--corpus", type=Path, default=corpus.DEFAULT_CORPUS)
    parser.add_argument("--budget-tokens", type=float, default=2e7)
    parser.add_argument("--budget-seconds", type=float, default=1e9)
    parser.add_argument("--workers", type=int, default=2, help="CPU threads; set OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1")
    arguments = parser.parse_args()
    config = json.loads(CONFIG.read_text(encoding="utf-8"))
    settings = config[arguments.which]
    torch.manual_seed(config["seed"])
    device = pick_device()
    pool = Pool(1 if device.type == "cuda" else arguments.workers)
    streams = batches.load_streams(arguments.corpus, config["held_out"], arguments.run.parent / "tokens.npz")
    model = Llama(Shape(**settings["model"])).to(device)
    run = Run(arguments.run, model, make_optimizers(model, settings, pool))
    run.resume()
    budget = {"tokens": arguments.budget_tokens, "seconds": arguments.budget_seconds}
    train(model, settings, streams, run, budget, device, config["seed"], pool)


if __name__ == "__main__":
    main()
