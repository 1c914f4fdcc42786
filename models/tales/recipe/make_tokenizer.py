"""Trains the tokenizer on the training documents and writes the Hugging Face files.

Usage: python3 make_tokenizer.py [--corpus FILE]
"""

import json

import bpe
import corpus
from settings import CONFIG, HOME, argument_parser

VOCABULARY = CONFIG["target"]["model"]["vocab"]
DIRECTORIES = [HOME / "target", HOME / "draft"]


def bos_template():
    """Encoding with special tokens puts one end-of-text token in front, as BOS."""
    bos = {"SpecialToken": {"id": corpus.END_OF_TEXT, "type_id": 0}}
    first, second = ({"Sequence": {"id": name, "type_id": 0}} for name in "AB")
    special = {"id": corpus.END_OF_TEXT, "ids": [0], "tokens": [corpus.END_OF_TEXT]}
    return {
        "type": "TemplateProcessing",
        "single": [bos, first],
        "pair": [bos, first, second],
        "special_tokens": {corpus.END_OF_TEXT: special},
    }


def tokenizer_json(tokenizer, merges):
    """The contents of `tokenizer.json`: Split by our pattern, then ByteLevel, then BPE."""
    byte_level = {
        "type": "ByteLevel",
        "add_prefix_space": False,
        "trim_offsets": True,
        "use_regex": False,
    }
    split = {
        "type": "Split",
        "pattern": {"Regex": bpe.PATTERN},
        "behavior": "Isolated",
        "invert": False,
    }
    special = {
        "id": 0,
        "content": corpus.END_OF_TEXT,
        "single_word": False,
        "lstrip": False,
        "rstrip": False,
        "normalized": False,
        "special": True,
    }
    model = {
        "type": "BPE",
        "dropout": None,
        "unk_token": None,
        "continuing_subword_prefix": None,
        "end_of_word_suffix": None,
        "fuse_unk": False,
        "byte_fallback": False,
        "ignore_merges": False,
        "vocab": tokenizer.ids,
        "merges": [list(pair) for pair in merges],
    }
    return {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [special],
        "normalizer": None,
        "pre_tokenizer": {"type": "Sequence", "pretokenizers": [split, byte_level]},
        "post_processor": bos_template(),
        "decoder": byte_level,
        "model": model,
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


def load_tokenizer():
    """The plain-Python tokenizer from the `tokenizer.json` written here."""
    contents = json.loads((DIRECTORIES[0] / "tokenizer.json").read_text(encoding="utf-8"))
    merges = [tuple(pair) for pair in contents["model"]["merges"]]
    return bpe.Tokenizer(corpus.END_OF_TEXT, merges)


def main():
    arguments = argument_parser(__doc__).parse_args()
    documents = corpus.read_documents(arguments.corpus)
    training = corpus.split_documents(documents, **CONFIG["held_out"]).train
    merges = bpe.train_merges(training, VOCABULARY - len(bpe.ALPHABET) - 1)
    tokenizer = bpe.Tokenizer(corpus.END_OF_TEXT, merges)
    files = {
        "tokenizer.json": tokenizer_json(tokenizer, merges),
        "tokenizer_config.json": tokenizer_config(),
    }
    for directory in DIRECTORIES:
        directory.mkdir(parents=True, exist_ok=True)
        for name, contents in files.items():
            text = json.dumps(contents, ensure_ascii=False, indent=1)
            (directory / name).write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
