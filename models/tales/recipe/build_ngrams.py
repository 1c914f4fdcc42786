"""Builds the table of frequent n-grams (orders 2 to 4) from the training documents. Format: ../NGRAMS.md.

Usage: python3 build_ngrams.py --run DIRECTORY [--corpus FILE]
"""

import argparse
import json
import struct
from pathlib import Path

import numpy as np

import batches
import corpus
from export import CONFIG, HOME

VOCABULARY_BITS = 12
MAGIC, VERSION = b"NGRM", 1
HEADER_BYTES, SECTION_BYTES = 32, 24


def count_grams(streams, order):
    """Distinct n-grams, packed into int64 with 12 bits per token (oldest highest), sorted, and their counts.

    An n-gram may begin with an end-of-text token (a document's start) or end with one, but not run across one.
    """
    packed = []
    for stream in streams:
        wide = stream.astype(np.int64)
        grams = np.zeros(len(wide) - order + 1, dtype=np.int64)
        valid = np.ones(len(grams), dtype=bool)
        for place in range(order):
            column = wide[place : place + len(grams)]
            grams = grams << VOCABULARY_BITS | column
            if 0 < place < order - 1:
                valid &= column != 0
        packed.append(grams[valid])
    return np.unique(np.concatenate(packed), return_counts=True)


def prune(grams, counts, rule):
    """Kept n-grams grouped by context: (contexts, starts, tokens, probabilities).

    contexts int64 sorted; starts (contexts + 1); tokens by falling probability. A probability is the share of all of the
    context's occurrences, so a context's kept probabilities add up to at most 1.
    """
    contexts = grams >> VOCABULARY_BITS
    _, group, = np.unique(contexts, return_inverse=True)
    totals = np.bincount(group, weights=counts)[group]
    order = np.lexsort((-counts, group))
    grams, counts, contexts, group, totals = (a[order] for a in (grams, counts, contexts, group, totals))
    first = np.searchsorted(group, group)  # index of the context's most frequent n-gram
    place = np.arange(len(group)) - first
    keep = (totals >= rule["least_total"]) & (counts >= rule["least_count"]) & (place < rule["most_entries"])
    grams, contexts, probabilities = grams[keep], contexts[keep], (counts / totals)[keep]
    kept_contexts, starts = np.unique(contexts, return_index=True)
    return kept_contexts, np.append(starts, len(grams)), grams & (2**VOCABULARY_BITS - 1), probabilities


def section_bytes(context_tokens, section, steps_per_nat):
    """The four arrays of one context length, each padded to four bytes."""
    contexts, starts, tokens, probabilities = section
    shifts = VOCABULARY_BITS * np.arange(context_tokens - 1, -1, -1)
    keys = contexts[:, None] >> shifts & (2**VOCABULARY_BITS - 1)
    steps = np.rint(-np.log(probabilities) * steps_per_nat)
    arrays = [keys.astype("<u2"), starts.astype("<u4"), tokens.astype("<u2"), np.minimum(steps, 255).astype("u1")]
    return [array.tobytes() + b"\0" * (-array.nbytes % 4) for array in arrays]


def write_table(path, sections, steps_per_nat):
    """`sections`: pairs of a context length and what `prune` returned, by rising length."""
    offset = HEADER_BYTES + SECTION_BYTES * len(sections)
    header = struct.pack("<4sIIIf12x", MAGIC, VERSION, 2**VOCABULARY_BITS, len(sections), 1 / steps_per_nat)
    body = b""
    for context_tokens, section in sections:
        offsets = []
        for data in section_bytes(context_tokens, section, steps_per_nat):
            offsets.append(offset)
            offset += len(data)
            body += data
        header += struct.pack("<6I", len(section[0]), len(section[2]), *offsets)
    path.write_bytes(header + body)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--run", type=Path, required=True, help="where the encoded corpus is kept (`tokens.npz`)")
    parser.add_argument("--corpus", type=Path, default=corpus.DEFAULT_CORPUS)
    parser.add_argument("--out", type=Path, default=HOME / "ngrams.bin")
    arguments = parser.parse_args()
    config = json.loads(CONFIG.read_text(encoding="utf-8"))
    streams = batches.load_streams(arguments.corpus, config["held_out"], arguments.run / "tokens.npz")
    training = [streams["stories"], streams["novels"]]
    sections = []
    for rule in config["ngrams"]["contexts"]:
        section = prune(*count_grams(training, rule["tokens"] + 1), rule)
        sections.append((rule["tokens"], section))
        print(f"context of {rule['tokens']}: {len(section[0])} contexts, {len(section[2])} entries")
    write_table(arguments.out, sections, config["ngrams"]["steps_per_nat"])
    print(arguments.out.stat().st_size, "bytes")


if __name__ == "__main__":
    main()
