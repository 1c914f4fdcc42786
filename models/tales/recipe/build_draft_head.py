"""The draft's short list: token ids by falling frequency in text sampled from the target.

With it a draft may compute logits for the first few hundred tokens only (FR-Spec,
https://arxiv.org/abs/2502.14856).

Usage: python3 build_draft_head.py; reads samples.npy from the runs directory, writes
../draft-head.json.
"""

import json

import numpy as np

from evaluate import HEAD_SIZES
from settings import CONFIG, HOME, argument_parser


def main():
    arguments = argument_parser(__doc__).parse_args()
    samples = np.load(arguments.runs / "samples.npy")
    generated = samples[:, CONFIG["samples"]["prompt"] :]  # without prompts from the corpus
    counts = np.bincount(generated.ravel(), minlength=CONFIG["target"]["model"]["vocab"])
    ids = np.argsort(-counts, kind="stable")
    shares = counts[ids].cumsum() / counts.sum()
    coverage = {str(size): round(float(shares[size - 1]), 4) for size in HEAD_SIZES}
    record = {"sampledTokens": int(counts.sum()), "coverage": coverage, "ids": ids.tolist()}
    text = json.dumps(record, separators=(",", ":"))
    (HOME / "draft-head.json").write_text(text + "\n", encoding="utf-8")
    print(coverage)


if __name__ == "__main__":
    main()
