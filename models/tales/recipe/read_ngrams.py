"""An independent reader of the n-gram table, and a check of it on held-out text.

Usage: python3 read_ngrams.py [TOKENS.npz]; training keeps the tokens in its runs directory. It
shares no code with the builder: it follows ../NGRAMS.md.
"""

import bisect
import math
import struct
import sys
from pathlib import Path

import numpy as np

TABLE = Path(__file__).resolve().parents[1] / "target/ngrams.bin"


class NgramTable:
    def __init__(self, data):
        magic, version, self.vocabulary, lengths, self.step = struct.unpack_from("<4sIIIf", data)
        if magic != b"NGRM" or version != 1:
            raise ValueError("not an n-gram table of version 1")
        self.sections = []
        for index in range(lengths):
            section = struct.unpack_from("<6I", data, 32 + 24 * index)
            context_count, entry_count, keys, starts, tokens, steps = section
            width = index + 1
            flat = struct.unpack_from(f"<{context_count * width}H", data, keys)
            self.sections.append({
                "keys": [flat[at : at + width] for at in range(0, len(flat), width)],
                "starts": struct.unpack_from(f"<{context_count + 1}I", data, starts),
                "tokens": struct.unpack_from(f"<{entry_count}H", data, tokens),
                "steps": struct.unpack_from(f"<{entry_count}B", data, steps),
            })

    def lookup(self, context):
        """Pairs (token, natural log-probability), most likely first, if the context is known."""
        section = self.sections[len(context) - 1]
        at = bisect.bisect_left(section["keys"], context)
        if at == len(section["keys"]) or section["keys"][at] != context:
            return []
        entries = range(section["starts"][at], section["starts"][at + 1])
        tokens, steps = section["tokens"], section["steps"]
        return [(tokens[entry], -steps[entry] * self.step) for entry in entries]

    def longest(self, history):
        """Entries of the longest stored context that ends `history`, and its length (0: none)."""
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
        rising = all(begin < end for begin, end in zip(starts, starts[1:]))
        if starts[0] != 0 or starts[-1] != len(steps) or not rising:
            raise ValueError(f"starts of {width} do not cover the entries")
        for begin, end in zip(starts, starts[1:]):
            own = list(steps[begin:end])
            if own != sorted(own):
                raise ValueError(f"entries of {width} are not sorted")
            if sum(math.exp(-step * table.step) for step in own) > 1.02:  # rounding: 1/64 nat
                raise ValueError(f"probabilities of {width} exceed 1")


def coverage(table, ids):
    """Lines: by context length, and in all, how often that length serves and how well."""
    seen = {}
    for at in range(1, len(ids)):
        entries, length = table.longest(ids[max(0, at - 3) : at])
        tokens = [token for token, _ in entries]
        for key in (length, "all"):
            count, first, listed = seen.get(key, (0, 0, 0))
            hit = ids[at] in tokens
            seen[key] = (count + 1, first + (tokens[:1] == [ids[at]]), listed + hit)
    lines = []
    for key in sorted(seen, key=str):
        count, first, listed = seen[key]
        share = count / (len(ids) - 1)
        hits = f"first {first / count:.4f}, any {listed / count:.4f}"
        lines.append(f"{key}: {share:.4f} of positions, {hits}")
    return lines


def main():
    table = NgramTable(TABLE.read_bytes())
    check_order(table)
    for path in sys.argv[1:]:
        with np.load(path) as streams:
            for name in ("tail", "tail_stories"):
                print(name, *coverage(table, streams[name].tolist()), sep="\n  ")


if __name__ == "__main__":
    main()
