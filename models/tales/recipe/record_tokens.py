"""Records what the plain-Python tokenizer makes of hard texts and of the held-out text.

Usage: python3 record_tokens.py; writes ../golden/tokens.json, which check_tokenizer.mjs compares
with the JavaScript tokenizer.
"""

import hashlib
import json

import numpy as np

import corpus
from make_tokenizer import load_tokenizer
from settings import CONFIG, HOME, argument_parser

CASES = [
    "",
    "Once upon a time there was a king.",
    "'Tis the king's horse, isn't it? 'She said,' quoth he, 'they'll come.'",
    "“Curly quotes” — and an em dash… in ‘modern’ text",
    "  two leading spaces,   three inside, and two trailing  ",
    "tab\tand\r\ncarriage return\n\n\nthree newlines\n",
    " \n mixed \n\n white \t\n space",
    "In 1897 there were 12,345 soldiers (£20 each) at ½ past 4.",
    "Æsop, Müller, château, Ōkuni, naïve; Ǆ is in range, Ω and я are not",
    "emoji 🐉👩‍👩‍👧 and 漢字かな",
    "no-break\u00a0space, zero\u200bwidth, byte order\ufeffmark, \u0007bell",
    "THE END.* * * *----!!!???",
    "a" * 70,
]


def held_out_record(tokenizer, documents):
    """Counts, and the SHA-256 of all ids as little-endian uint16, nothing between documents."""
    ids = [index for document in documents for index in tokenizer.encode(document)]
    return {
        "documents": len(documents),
        "characters": sum(map(len, documents)),
        "tokens": len(ids),
        "sha256": hashlib.sha256(np.array(ids, dtype="<u2").tobytes()).hexdigest(),
    }


def main():
    arguments = argument_parser(__doc__).parse_args()
    tokenizer = load_tokenizer()
    for text in CASES:
        if tokenizer.decode(tokenizer.encode(text)) != text:
            raise ValueError(f"does not round-trip: {text!r}")
    split = corpus.split_documents(corpus.read_documents(arguments.corpus), **CONFIG["held_out"])
    record = {
        "cases": [{"text": text, "ids": tokenizer.encode(text)} for text in CASES],
        "heldOut": held_out_record(tokenizer, split.tail),
    }
    text = json.dumps(record, ensure_ascii=True, indent=1)
    (HOME / "golden/tokens.json").write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
