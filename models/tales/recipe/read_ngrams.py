"""An independent reader of the n-gram table (standard library only), and a check of it on held-out text.

Usage: python3 read_ngrams.py --run DIRECTORY. It shares no code with the builder: it follows ../NGRAMS.md.
"""

import argparse
import bisect
import math
import struct
from pathlib import Path

TABLE = Path(__file__).resolve().parents[1] / "ngrams.bin"


class NgramTable:
    def __init__(self, data):
        magic, version, self.vocabulary, lengths, self.step = struct.unpack_from("<4sIIIf", data)
        if magic != b"NGRM" or version != 1:
            raise ValueError("not an n-gram table of version 1")
        self.sections = []
        for index in range(lengths):
            context_count, entry_count, keys, starts, tokens, steps = struct.unpack_from("<6I", data, 32 + 24 * index)
            width = index + 1
            flat = struct.unpack_from(f"<{context_count * width}H", data, keys)
            self.sections.append({
                "keys": [flat[at : at + width] for at in range(0, len(flat), width)],
                "starts": struct.unpack_from(f"<{context_count + 1}I", data, starts),
                "tokens": struct.unpack_from(f"<{entry_count}H", data, tokens),
                "steps": struct.unpack_from(f"<{entry_count}B", data, steps),
            })

    def lookup(self, context):
        """Pairs (token, natural log-probability), most likely first; empty if this context (a tuple) is not stored."""
        section = self.sections[len(context) - 1]
        at = bisect.bisect_left(section["keys"], context)
        if at == len(section["keys"]) or section["keys"][at] != context:
            return []
        entries = range(section["starts"][at], section["starts"][at + 1])
        return [(section["tokens"][entry], -section["steps"][entry] * self.step) for entry in entries]

    def longest(self, history):
        """The entries of the longest stored context that `history` ends with, and that context's length (0: none)."""
        for length in range(min(len(self.sections), len(history)), 0, -1):
            entries = self.lookup(tuple(history[-length:]))
            if entries:
                return entries, length
        return [], 0


def check_order(table):
    """Raises if a section is not sorted as documented or a context's probabilities exceed 1."""
    for width, section in enumerate(table.sections, start=1):
        keys, starts, steps = section["keys"], section["starts"], section["steps"]
        if any(left >= right for left, right in zip(keys, keys[1:])):
            raise ValueError(f"contexts of {width} are not sorted")
        if starts[0] != 0 or starts[-1] != len(steps) or any(a >= b for a, b in zip(starts, starts[1:])):
            raise ValueError(f"starts of {width} do not cover the entries")
        for begin, end in zip(starts, starts[1:]):
            if list(steps[begin:end]) != sorted(steps[begin:end]):
                raise ValueError(f"entries of {width} are not sorted")
            if sum(math.exp(-step * table.step) for step in steps[begin:end]) > 1.02:  # rounding allows 1/64 nat
                raise ValueError(f"probabilities of {width} exceed 1")


def coverage(table, ids):
    """Per context length, and in all: share of positions served, and how often the first entry / any entry is right."""
    seen = {}
    for at in range(1, len(ids)):
        entries, length = table.longest(ids[max(0, at - 3) : at])
        tokens = [token for token, _ in entries]
        for key in (length, "all"):
            count, first, any_ = seen.get(key, (0, 0, 0))
            seen[key] = (count + 1, first + (tokens[:1] == [ids[at]]), any_ + (ids[at] in tokens))
    return {str(key): {"share": round(count / (len(ids) - 1), 4), "first": round(first / count, 4),
                       "any": round(any_ / count, 4)} for key, (count, first, any_) in seen.items()}


def main():
    import numpy as np  # for the encoded corpus only

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--run", type=Path, required=True, help="where the encoded corpus is kept (`tokens.npz`)")
    arguments = parser.parse_args()
    table = NgramTable(TABLE.read_bytes())
    check_order(table)
    with np.load(arguments.run / "tokens.npz") as streams:
        for name in ("tail", "tail_stories"):
            print(name, coverage(table, streams[name].tolist()))


if __name__ == "__main__":
    main()
