"""Trains the tokenizer on the training documents and writes the Hugging Face files.

Usage: python3 make_tokenizer.py [--corpus FILE] [--out DIRECTORY]
"""

import argparse
import json
from pathlib import Path

import bpe
import corpus

VOCABULARY = 4096
OUT = Path(__file__).resolve().parents[1] / "target"


def tokenizer_json(tokenizer, merges):
    """The contents of `tokenizer.json`. Encoding with special tokens puts one end-of-text token in front, as BOS."""
    special = {"id": 0, "content": corpus.END_OF_TEXT, "single_word": False, "lstrip": False, "rstrip": False,
               "normalized": False, "special": True}
    byte_level = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": False}
    bos = {"SpecialToken": {"id": corpus.END_OF_TEXT, "type_id": 0}}
    first, second = {"Sequence": {"id": "A", "type_id": 0}}, {"Sequence": {"id": "B", "type_id": 0}}
    return {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [special],
        "normalizer": None,
        "pre_tokenizer": {
            "type": "Sequence",
            "pretokenizers": [
                {"type": "Split", "pattern": {"Regex": bpe.PATTERN}, "behavior": "Isolated", "invert": False},
                byte_level,
            ],
        },
        "post_processor": {
            "type": "TemplateProcessing",
            "single": [bos, first],
            "pair": [bos, first, second],
            "special_tokens": {
                corpus.END_OF_TEXT: {"id": corpus.END_OF_TEXT, "ids": [0], "tokens": [corpus.END_OF_TEXT]},
            },
        },
        "decoder": byte_level,
        "model": {
            "type": "BPE", "dropout": None, "unk_token": None, "continuing_subword_prefix": None,
            "end_of_word_suffix": None, "fuse_unk": False, "byte_fallback": False, "ignore_merges": False,
            "vocab": tokenizer.ids,
            "merges": [list(pair) for pair in merges],
        },
    }


def tokenizer_config():
    return {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "bos_token": corpus.END_OF_TEXT,
        "eos_token": corpus.END_OF_TEXT,
        "add_bos_token": True,
        "add_eos_token": False,
        "clean_up_tokenization_spaces": False,
        "model_max_length": 512,
    }


def load_tokenizer(directory=OUT):
    """The plain-Python tokenizer from a `tokenizer.json` written here."""
    merges = json.loads((Path(directory) / "tokenizer.json").read_text(encoding="utf-8"))["model"]["merges"]
    return bpe.Tokenizer(corpus.END_OF_TEXT, [tuple(pair) for pair in merges])


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--corpus", type=Path, default=corpus.DEFAULT_CORPUS)
    parser.add_argument("--out", type=Path, default=OUT)
    arguments = parser.parse_args()
    documents = corpus.split_documents(corpus.read_documents(arguments.corpus)).train
    merges = bpe.train_merges(documents, VOCABULARY - 256 - 1)
    tokenizer = bpe.Tokenizer(corpus.END_OF_TEXT, merges)
    arguments.out.mkdir(parents=True, exist_ok=True)
    for name, contents in (("tokenizer.json", tokenizer_json(tokenizer, merges)),
                           ("tokenizer_config.json", tokenizer_config())):
        text = json.dumps(contents, ensure_ascii=False, indent=1)
        (arguments.out / name).write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
