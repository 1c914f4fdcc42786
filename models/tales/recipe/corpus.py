"""The corpus: a gzipped text file of whole documents, and how it is split.

A document ends at a line `<|endoftext|>`. Two sets of whole documents are held out, by a rule that
depends on nothing but the file: the tail (the last documents, until they reach `tail_characters`)
and, because that tail is a novel, also the last short documents before it (stories, until they
reach `story_characters`).
"""

import gzip
from dataclasses import dataclass
from pathlib import Path

END_OF_TEXT = "<|endoftext|>"
STORY_LIMIT = 60_000  # in characters: a longer document counts as a novel
DEFAULT_CORPUS = Path(__file__).resolve().parents[4] / "shared/corpus/tales.txt.gz"


@dataclass
class Split:
    """Documents by use, each list in corpus order."""

    train: list
    tail: list
    stories: list


def read_documents(path=DEFAULT_CORPUS):
    """All documents in corpus order, without their end lines and surrounding white space."""
    with gzip.open(path, "rt", encoding="utf-8") as file:
        pieces = file.read().split(END_OF_TEXT + "\n")
    return [piece.strip() for piece in pieces if piece.strip()]


def is_story(document):
    return len(document) <= STORY_LIMIT


def split_documents(documents, tail_characters, story_characters):
    """Holds out the tail and the last stories before it."""
    cut = len(documents)
    taken = 0
    while taken < tail_characters:
        cut -= 1
        taken += len(documents[cut])
    train, tail, stories = documents[:cut], documents[cut:], []
    taken = 0
    for index in range(cut - 1, -1, -1):
        if taken >= story_characters:
            break
        if is_story(train[index]):
            stories.insert(0, train[index])
            taken += len(train[index])
            del train[index]
    return Split(train, tail, stories)
