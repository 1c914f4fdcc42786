"""Prints sampled continuations for the model card, unedited; a bar marks the end of each prompt.

Usage: python3 write_samples.py
"""

import torch

import export
import generate
from make_tokenizer import load_tokenizer

TEMPERATURE = 0.8
TOKENS = 120
PROMPTS = [  # (text, seed)
    ("", 1),
    ("Once upon a time there was a", 2),
    ("The fox looked at the hen and said,", 3),
    ("In the middle of the forest there stood a little house, and in it lived", 4),
    ('"Who are you?" asked the princess.', 5),
]


def main():
    tokenizer = load_tokenizer()
    model = export.read_model("target")
    for text, seed in PROMPTS:
        prompt = [0, *tokenizer.encode(text)]
        length = len(prompt) + TOKENS
        row = generate.sample(model, torch.tensor([prompt]), length, TEMPERATURE, seed)[0].tolist()
        generated = row[len(prompt) :]
        if 0 in generated:
            generated = generated[: generated.index(0)]  # the document ended
        print(f"Seed {seed}:\n\n```text\n{text}|{tokenizer.decode(generated)}\n```\n")


if __name__ == "__main__":
    main()
