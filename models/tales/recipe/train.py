"""Trains the target, or the draft before its distillation, from the corpus.

Usage: python3 train.py target|draft [--budget-tokens N] [--budget-seconds S]

The learning rate decays to zero at the end of whichever budget runs out first. A run resumes from
its last checkpoint.
"""

import torch
from torch.nn import functional

import batches
from model import Llama, Shape
from run import Run
from settings import CONFIG, Pool, argument_parser, autocast, pick_device

SECONDS_BETWEEN_CHECKPOINTS = 300.0
STEPS_BETWEEN_LOGS = 25
VALIDATION_WINDOWS = 24  # of 512 tokens, evenly spread; evaluate.py reads them all


@torch.no_grad()
def validation_loss(model, stream, device, rows=None):
    """Mean nats per token over held-out windows of 512."""
    windows = torch.from_numpy(batches.held_out_windows(stream, rows))
    total = 0.0
    for chunk in windows.split(8):
        chunk = chunk.to(device)
        with autocast(device):
            logits = model(chunk[:, :-1]).float().flatten(0, 1)
        total += functional.cross_entropy(logits, chunk[:, 1:].flatten(), reduction="sum").item()
    return total / windows[:, 1:].numel()


def shard_loss(model, rows, share, device):
    """Adds the gradient of `share` times the loss of rows (B, T + 1); returns that, in nats."""
    with autocast(device):
        logits = model(rows[:, :-1]).float().flatten(0, 1)
    loss = share * functional.cross_entropy(logits, rows[:, 1:].flatten())
    loss.backward()
    return loss.item()


def train(model, streams, run, device, pool):
    """Trains until the run's budget is used."""
    settings = run.settings
    sampler = batches.Sampler(
        streams, settings["document_starts"], CONFIG["seed"] + run.state["step"]
    )
    recent = []
    while run.progress() < 1.0:
        run.set_rates()
        phase = run.phase()
        count = settings["batch_tokens"] // phase["length"]
        rows = torch.from_numpy(sampler.batch(count, phase["length"], phase["stories"])).to(device)
        shards = rows.chunk(pool.count)
        losses = pool.map(
            lambda shard: shard_loss(model, shard, len(shard) / count, device), shards
        )
        run.step(rows[:, 1:].numel())
        recent.append(sum(losses))
        if len(recent) == STEPS_BETWEEN_LOGS:
            run.log(loss=sum(recent) / len(recent), length=phase["length"])
            recent = []
        if run.due(SECONDS_BETWEEN_CHECKPOINTS):
            loss = validation_loss(model, streams["tail"], device, VALIDATION_WINDOWS)
            run.checkpoint(validation=loss)
    run.save()
    run.log(validation=validation_loss(model, streams["tail"], device, VALIDATION_WINDOWS))


def main():
    parser = argument_parser(__doc__)
    parser.add_argument("which", choices=["target", "draft"])
    parser.add_argument("--budget-tokens", type=float, default=2e7)
    parser.add_argument("--budget-seconds", type=float, default=1e9)
    arguments = parser.parse_args()
    settings, device = CONFIG[arguments.which], pick_device()
    torch.manual_seed(CONFIG["seed"])
    pool = Pool(device, arguments.workers)
    streams = batches.load_streams(arguments.corpus, arguments.runs)
    model = Llama(Shape(**settings["model"])).to(device)
    run = Run(
        arguments.runs / arguments.which,
        model,
        settings,
        pool,
        arguments.budget_tokens,
        arguments.budget_seconds,
    )
    train(model, streams, run, device, pool)


if __name__ == "__main__":
    main()
