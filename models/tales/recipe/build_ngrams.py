"""Builds the table of frequent n-grams (orders 2 to 4) from the training documents.

Usage: python3 build_ngrams.py; writes ../target/ngrams.bin, whose format is described in ../NGRAMS.md.
"""

import struct

import numpy as np

import batches
from settings import CONFIG, HOME, argument_parser

VOCABULARY_BITS = 12
LARGEST_TOKEN = 2**VOCABULARY_BITS - 1
MAGIC, VERSION = b"NGRM", 1
HEADER_BYTES, SECTION_BYTES = 32, 24


def count_grams(streams, order):
    """Distinct n-grams, sorted, and their counts.

    An n-gram is packed into an int64, 12 bits per token, the oldest highest. It may begin with an
    end-of-text token (a document's start) or end with one, but not run across one.
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

    contexts int64, sorted; starts (contexts + 1); tokens by falling probability. A probability is
    a share of all occurrences of the context, so the kept ones add up to at most 1.
    """
    contexts = grams >> VOCABULARY_BITS
    _, group = np.unique(contexts, return_inverse=True)
    totals = np.bincount(group, weights=counts)[group]
    order = np.lexsort((-counts, group))
    grams, counts, contexts = grams[order], counts[order], contexts[order]
    group, totals = group[order], totals[order]
    first = np.searchsorted(group, group)  # index of the context's most frequent n-gram
    place = np.arange(len(group)) - first
    keep = (totals >= rule["least_total"]) & (counts >= rule["least_count"])
    keep &= place < rule["most_entries"]
    tokens, contexts = grams[keep] & LARGEST_TOKEN, contexts[keep]
    kept_contexts, starts = np.unique(contexts, return_index=True)
    return kept_contexts, np.append(starts, len(tokens)), tokens, (counts / totals)[keep]


def section_bytes(context_tokens, section, steps_per_nat):
    """The four arrays of one context length, each padded to four bytes."""
    contexts, starts, tokens, probabilities = section
    shifts = VOCABULARY_BITS * np.arange(context_tokens - 1, -1, -1)
    keys = contexts[:, None] >> shifts & LARGEST_TOKEN
    steps = np.minimum(np.rint(-np.log(probabilities) * steps_per_nat), 255)
    arrays = [keys.astype("<u2"), starts.astype("<u4"), tokens.astype("<u2"), steps.astype("u1")]
    return [array.tobytes() + b"\0" * (-array.nbytes % 4) for array in arrays]


def write_table(path, sections, steps_per_nat):
    """`sections`: pairs of a context length and what `prune` returned, by rising length."""
    offset = HEADER_BYTES + SECTION_BYTES * len(sections)
    vocabulary, step = LARGEST_TOKEN + 1, 1 / steps_per_nat
    header = struct.pack("<4sIIIf12x", MAGIC, VERSION, vocabulary, len(sections), step)
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
    arguments = argument_parser(__doc__).parse_args()
    settings = CONFIG["ngrams"]
    streams = batches.load_streams(arguments.corpus, arguments.runs)
    training = [streams["stories"], streams["novels"]]
    sections = []
    for rule in settings["contexts"]:
        section = prune(*count_grams(training, rule["tokens"] + 1), rule)
        sections.append((rule["tokens"], section))
        print(f"context of {rule['tokens']}: {len(section[0])}, entries: {len(section[2])}")
    write_table(HOME / "target/ngrams.bin", sections, settings["steps_per_nat"])


if __name__ == "__main__":
    main()
