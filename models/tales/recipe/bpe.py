"""Byte-level BPE: training, encoding and decoding, in plain Python.

The trainer counts distinct words once and then updates pair counts only where a merge happened,
which takes seconds for 70,000 words (Sennrich et al. 2016, https://arxiv.org/abs/1508.07909; bytes
as in GPT-2).
"""

import heapq
import re
from collections import Counter, defaultdict

# Explicit ranges only, so that Python, JavaScript and Oniguruma agree on every character.
LETTER = "A-Za-zÀ-ɏ"
SPACE = " \\t\\r\\n"
PATTERN = (
    f"'(?:[sdmt]|ll|ve|re)(?![{LETTER}])"  # not the opening quote of 'she
    f"| ?[{LETTER}]+"
    "| ?[0-9]+"
    f"| ?[^{SPACE}{LETTER}0-9]+"
    "|[\\r\\n]+"
    f"|[ \\t]+(?![^{SPACE}])"
    "|[ \\t]+"
)
SPLIT = re.compile(PATTERN)


def byte_alphabet():
    """GPT-2's printable stand-in for each byte: a list of 256 characters."""
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    stand_ins = {byte: chr(byte) for byte in printable}
    others = [byte for byte in range(256) if byte not in stand_ins]
    stand_ins.update({byte: chr(256 + offset) for offset, byte in enumerate(others)})
    return [stand_ins[byte] for byte in range(256)]


ALPHABET = byte_alphabet()
BYTE_OF = {character: byte for byte, character in enumerate(ALPHABET)}


def to_alphabet(text):
    return "".join(ALPHABET[byte] for byte in text.encode("utf-8"))


def train_merges(texts, merge_count):
    """The `merge_count` most frequent merges, in order: pairs of strings over the byte alphabet."""
    counts = Counter()
    for text in texts:
        counts.update(SPLIT.findall(text))
    words = [list(to_alphabet(word)) for word in counts]
    weights = list(counts.values())
    pair_counts, pair_words = Counter(), defaultdict(set)
    for index, word in enumerate(words):
        for pair in zip(word, word[1:]):
            pair_counts[pair] += weights[index]
            pair_words[pair].add(index)
    heap = [(-count, pair) for pair, count in pair_counts.items()]
    heapq.heapify(heap)
    merges = []
    while len(merges) < merge_count:
        negative_count, pair = heapq.heappop(heap)
        if -negative_count != pair_counts[pair]:
            continue  # a stale entry: the current count was pushed later
        merges.append(pair)
        changed = merge_everywhere(pair, words, weights, pair_counts, pair_words)
        for other in changed - {pair}:
            heapq.heappush(heap, (-pair_counts[other], other))
    return merges


def merge_everywhere(pair, words, weights, pair_counts, pair_words):
    """Applies one merge to every word that has it; returns the pairs whose count changed."""
    changed = set()
    for index in pair_words.pop(pair):
        word, weight = words[index], weights[index]
        merged = merge_word(word, pair)
        for old in zip(word, word[1:]):
            pair_counts[old] -= weight
            changed.add(old)
        for new in zip(merged, merged[1:]):
            pair_counts[new] += weight
            pair_words[new].add(index)
            changed.add(new)
        words[index] = merged
    return changed


def merge_word(word, pair):
    """`word` with each adjacent occurrence of `pair`, from the left, joined."""
    merged, position = [], 0
    while position < len(word):
        if tuple(word[position : position + 2]) == pair:
            merged.append(word[position] + word[position + 1])
            position += 2
        else:
            merged.append(word[position])
            position += 1
    return merged


class Tokenizer:
    """Text to ids and back. Ids: the end-of-text token, then the 256 bytes, then the merges."""

    def __init__(self, special, merges):
        self.tokens = [special, *ALPHABET, *(left + right for left, right in merges)]
        self.ids = {token: index for index, token in enumerate(self.tokens)}
        self.ranks = {tuple(pair): rank for rank, pair in enumerate(merges)}
        self.cache = {}

    def encode(self, text):
        """Ids of plain text; adds no special token and recognises none."""
        ids = []
        for word in SPLIT.findall(text):
            found = self.cache.get(word)
            if found is None:
                found = self.cache[word] = self.encode_word(word)
            ids.extend(found)
        return ids

    def encode_word(self, word):
        symbols = list(to_alphabet(word))
        while len(symbols) > 1:
            known = [pair for pair in zip(symbols, symbols[1:]) if pair in self.ranks]
            if not known:
                break
            pair = min(known, key=self.ranks.get)
            symbols = merge_word(symbols, pair)
        return [self.ids[symbol] for symbol in symbols]

    def decode(self, ids):
        """Text of ids; the inverse of `encode`. The end-of-text token decodes to nothing."""
        symbols = "".join(self.tokens[index] for index in ids if index != 0)
        return bytes(BYTE_OF[symbol] for symbol in symbols).decode("utf-8", errors="replace")
