"""One training run: optimizers, learning rate, budget, checkpoint, log."""

import json
import time

import torch

from muon import Muon


def make_optimizers(model, settings, pool):
    """Muon for the matrices inside layers, AdamW for the rest; each remembers its peak rate."""
    trained = [(name, p) for name, p in model.named_parameters() if p.requires_grad]
    matrices = [p for name, p in trained if ".layers." in name]
    others = [p for name, p in trained if ".layers." not in name]
    muon_rate, adam_rate = settings["muon_rate"], settings["adam_rate"]
    return [
        Muon([{"params": matrices, "peak": muon_rate}], muon_rate, settings["momentum"], pool),
        torch.optim.AdamW(
            [{"params": others, "peak": adam_rate}],
            lr=adam_rate,
            betas=tuple(settings["betas"]),
            weight_decay=0.0,
        ),
    ]


class Run:
    """A directory with one checkpoint, replaced as training goes on, and a log in JSON lines.

    The budget is in tokens and in seconds of training; whichever runs out first ends the run. It
    may be changed when a run is resumed.
    """

    def __init__(self, directory, model, settings, pool, budget_tokens, budget_seconds):
        self.directory, self.model, self.settings = directory, model, settings
        self.optimizers = make_optimizers(model, settings, pool)
        self.budget_tokens, self.budget_seconds = budget_tokens, budget_seconds
        self.state = {"step": 0, "tokens": 0, "seconds": 0.0}
        self.last_time = self.last_save = time.time()
        directory.mkdir(parents=True, exist_ok=True)
        if (directory / "checkpoint.pt").exists():
            self.resume()

    def resume(self):
        stored = torch.load(self.directory / "checkpoint.pt", map_location="cpu")
        self.state = stored["state"]
        self.model.load_state_dict(stored["model"])
        for optimizer, contents in zip(self.optimizers, stored["optimizers"]):
            optimizer.load_state_dict(contents)

    def save(self):
        contents = {
            "state": self.state,
            "model": self.model.state_dict(),
            "optimizers": [optimizer.state_dict() for optimizer in self.optimizers],
        }
        torch.save(contents, self.directory / "checkpoint.tmp")
        (self.directory / "checkpoint.tmp").replace(self.directory / "checkpoint.pt")

    def log(self, **entry):
        line = json.dumps({**self.state, **entry})
        print(line, flush=True)
        with open(self.directory / "log.jsonl", "a", encoding="utf-8") as file:
            file.write(line + "\n")

    def progress(self):
        """The used share of the budget, 0 to 1 and slightly above."""
        tokens, seconds = self.state["tokens"], self.state["seconds"]
        return max(tokens / self.budget_tokens, seconds / self.budget_seconds)

    def phase(self):
        return next(p for p in self.settings["phases"] if self.progress() < p["until"])

    def set_rates(self):
        """Warm-up over steps, a plateau, then a linear decay to zero as the budget ends."""
        warm_up = (self.state["step"] + 1) / self.settings["warmup_steps"]
        decay = (1.0 - self.progress()) / (1.0 - self.settings["decay_from"])
        factor = max(0.0, min(1.0, warm_up, decay))
        for optimizer in self.optimizers:
            for group in optimizer.param_groups:
                group["lr"] = group["peak"] * factor

    def step(self, tokens):
        """Applies and clears the gradients, and counts the step's tokens and time."""
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), self.settings["clip"])
        for optimizer in self.optimizers:
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
        now = time.time()
        self.state["step"] += 1
        self.state["tokens"] += tokens
        self.state["seconds"] += now - self.last_time
        self.last_time = now

    def due(self, every):
        """Whether `every` seconds have passed since the last `checkpoint`."""
        return time.time() - self.last_save > every

    def checkpoint(self, **measured):
        """Logs what was measured and saves; the time that took is not counted as training."""
        self.log(**measured)
        self.save()
        self.last_time = self.last_save = time.time()
