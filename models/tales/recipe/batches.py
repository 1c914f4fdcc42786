"""Token streams, and the windows that a training step reads from them."""

import numpy as np

import corpus
from make_tokenizer import load_tokenizer
from settings import CONFIG


def encode_documents(tokenizer, documents):
    """One uint16 stream: before each document, and once more at the end, an end-of-text token."""
    ids = []
    for document in documents:
        ids.append(0)
        ids.extend(tokenizer.encode(document))
    ids.append(0)
    return np.array(ids, dtype=np.uint16)


def load_streams(corpus_path, runs):
    """Streams by name: `stories` and `novels` to train on, `tail` and `tail_stories` held out.

    They are encoded once and kept in `runs`.
    """
    cache = runs / "tokens.npz"
    if not cache.exists():
        tokenizer = load_tokenizer()
        split = corpus.split_documents(corpus.read_documents(corpus_path), **CONFIG["held_out"])
        kinds = {
            "stories": [text for text in split.train if corpus.is_story(text)],
            "novels": [text for text in split.train if not corpus.is_story(text)],
            "tail": split.tail,
            "tail_stories": split.stories,
        }
        runs.mkdir(parents=True, exist_ok=True)
        streams = {name: encode_documents(tokenizer, texts) for name, texts in kinds.items()}
        np.savez(cache, **streams)
    with np.load(cache) as stored:
        return {name: stored[name] for name in stored.files}


class Windows:
    """Windows of one stream, cut at a random offset and shuffled; cut anew when used up."""

    def __init__(self, stream, generator):
        self.stream, self.generator = stream, generator
        self.length, self.starts = 0, np.zeros(0, dtype=np.int64)

    def next_start(self, length):
        if length != self.length or not len(self.starts):
            self.length = length
            offset = self.generator.integers(length)
            starts = np.arange(offset, len(self.stream) - length - 1, length)
            self.starts = self.generator.permutation(starts)
        start, self.starts = self.starts[0], self.starts[1:]
        return start


class Sampler:
    """Mixes stories and novels; a few windows begin where a story does, as a generation does."""

    def __init__(self, streams, document_starts, seed):
        self.generator = np.random.default_rng(seed)
        self.streams = [streams["stories"], streams["novels"]]
        self.windows = [Windows(stream, self.generator) for stream in self.streams]
        self.document_starts = document_starts
        self.first = np.flatnonzero(self.streams[0][:-600] == 0)

    def batch(self, count, length, stories):
        """int64 (count, length + 1): inputs are all columns but the last, labels all but the first.

        `stories` is the share of windows that come from stories.
        """
        rows = np.empty((count, length + 1), dtype=np.int64)
        for row in rows:
            which = int(self.generator.random() >= stories)
            if self.generator.random() < self.document_starts:
                which, start = 0, self.generator.choice(self.first)
            else:
                start = self.windows[which].next_start(length)
            row[:] = self.streams[which][start : start + length + 1]
        return rows


def held_out_windows(stream, rows=None, length=512):
    """All whole windows of a held-out stream, or `rows` of them evenly spread: int64 (N, T + 1)."""
    count = (len(stream) - 1) // length
    starts = np.arange(count) * length
    if rows and rows < count:
        starts = starts[np.linspace(0, count - 1, rows).round().astype(int)]
    return stream[starts[:, None] + np.arange(length + 1)].astype(np.int64)
