"""Records what the exported float16 files compute in float32, for tests of other implementations.

Usage: python3 record_goldens.py; writes ../golden/greedy.json and ../golden/logits.json.
"""

import json

import torch

import export
import generate
from make_tokenizer import load_tokenizer
from settings import HOME

GREEDY_PROMPTS = [  # chosen for large margins along the way
    "",
    "Once upon a time there was a",
    "In the middle of the forest there stood a little house, and in it lived",
    "The Wolf and the Lamb\n\nA Wolf",
    "The princess opened the door and saw",
    '"My dear child," said the old woman,',
    "The little girl was very",
    "Then the giant cried out in a loud voice,",
    '"Let us go," he said, "to the',
]
LOGITS_PROMPTS = ["Once upon a time there was a", "The prince drew his sword and"]
GREEDY_TOKENS = 96


def greedy_record(model, tokenizer, prompt):
    """Greedy ids go on after an end-of-text token: the next document begins.

    Where a margin is small, less exact arithmetic may rightly choose otherwise from there on.
    """
    prompt_ids = [0, *tokenizer.encode(prompt)]
    ids, margins = generate.greedy(model, prompt_ids, GREEDY_TOKENS)
    return {
        "prompt": prompt,
        "promptIds": prompt_ids,
        "ids": ids,
        "text": tokenizer.decode(ids),
        "smallestMargin": float(f"{min(margins):.3g}"),
        "margins": [float(f"{margin:.3g}") for margin in margins],
    }


@torch.no_grad()
def last_logits(model, ids):
    """The last position's logits, to 7 significant digits."""
    logits = model(torch.tensor([ids]))[0, -1].tolist()
    return [float(f"{value:.7g}") for value in logits]


def write(name, record):
    """One line per record, so that differences can be read."""
    lines = json.dumps(record, ensure_ascii=False, separators=(",", ":")).replace("},{", "},\n{")
    (HOME / "golden" / name).write_text(lines + "\n", encoding="utf-8")


def main():
    tokenizer = load_tokenizer()
    models = {which: export.read_model(which) for which in ("target", "draft")}
    greedy = {
        which: [greedy_record(model, tokenizer, prompt) for prompt in GREEDY_PROMPTS]
        for which, model in models.items()
    }
    write("greedy.json", greedy)
    logits = []
    for prompt in LOGITS_PROMPTS:
        ids = [0, *tokenizer.encode(prompt)]
        values = {which: last_logits(model, ids) for which, model in models.items()}
        logits.append({"prompt": prompt, "promptIds": ids, **values})
    write("logits.json", logits)


if __name__ == "__main__":
    main()
