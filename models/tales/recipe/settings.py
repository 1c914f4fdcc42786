"""What the scripts share: paths, configuration, command line, device, worker threads."""

import argparse
import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import torch

from corpus import DEFAULT_CORPUS
from products import bfloat16_products, cpu_has_bfloat16

HOME = Path(__file__).resolve().parents[1]  # models/tales
CONFIG = json.loads(Path(__file__).with_name("config.json").read_text(encoding="utf-8"))


def argument_parser(description):
    """A parser with the options common to all scripts that read the corpus or run a model."""
    parser = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--corpus", type=Path, default=DEFAULT_CORPUS)
    parser.add_argument(
        "--runs", type=Path, default=HOME / "runs", help="directory of checkpoints and encoded text"
    )
    parser.add_argument(
        "--workers",
        type=int,
        default=2,
        help="CPU threads; set OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 with it",
    )
    return parser


def pick_device():
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def autocast(device):
    """bfloat16 on a GPU; on a CPU that has them, bfloat16 products and float32 for the rest."""
    if device.type == "cuda":
        return torch.autocast("cuda", dtype=torch.bfloat16)
    return bfloat16_products(cpu_has_bfloat16())


class Pool:
    """Threads that each run whole shards of a step.

    On a few CPU cores this beats splitting every small operation. Gradients of the shards meet in
    the same `.grad`, which PyTorch guards with a lock. A GPU gets one shard.
    """

    def __init__(self, device, workers):
        self.count = 1 if device.type == "cuda" else workers
        self.executor = ThreadPoolExecutor(self.count)

    def map(self, function, items):
        if self.count == 1:
            return [function(item) for item in items]
        return list(self.executor.map(function, items))
