"""Sampling and greedy decoding with a key/value cache, many sequences at once."""

import torch


class Decoder:
    """Feeds a model one position at a time.

    Cache, per layer: keys and values (B, K, positions, C), named as in model.py.
    """

    def __init__(self, model, batch, positions):
        shape = model.shape
        self.model, self.position = model, 0
        device = model.cosines.device
        sizes = (shape.layers, 2, batch, shape.kv_heads, positions, shape.head_dim)
        self.cache = torch.zeros(sizes, device=device)
        self.mask = torch.zeros(shape.heads // shape.kv_heads, 1, device=device)

    @torch.no_grad()
    def step(self, ids):
        """Logits (B, vocab) after feeding ids (B,) at the next position."""
        model, at = self.model, self.position
        now, so_far = slice(at, at + 1), slice(0, at + 1)
        tables = model.cosines[now], model.sines[now]
        x = model.model.embed_tokens(ids[:, None])
        for layer, (keys, values) in zip(model.model.layers, self.cache):
            attention = layer.self_attn
            q, keys[:, :, now], values[:, :, now] = attention.project(
                layer.input_layernorm(x), tables
            )
            mask = self.mask.expand(-1, at + 1)
            x = x + attention.attend(q, keys[:, :, so_far], values[:, :, so_far], mask)
            x = x + layer.mlp(layer.post_attention_layernorm(x))
        self.position += 1
        return model.head(model.model.norm(x))[:, 0]


def sample(model, prompts, length, temperature=1.0, seed=0):
    """Ids (B, length): prompts (B, P), continued by sampling at `temperature`.

    Nothing stops at an end-of-text token: the next document simply begins.
    """
    generator = torch.Generator(device=prompts.device).manual_seed(seed)
    rows = torch.empty(len(prompts), length, dtype=torch.long, device=prompts.device)
    rows[:, : prompts.shape[1]] = prompts
    decoder = Decoder(model, len(prompts), length)
    for position in range(length - 1):
        logits = decoder.step(rows[:, position])
        if position + 1 >= prompts.shape[1]:
            probabilities = (logits / temperature).softmax(-1)
            rows[:, position + 1] = torch.multinomial(probabilities, 1, generator=generator)[:, 0]
    return rows


def greedy(model, prompt, count):
    """`count` greedy ids after a prompt (a list), and each one's lead in logits over the next."""
    decoder = Decoder(model, 1, len(prompt) + count)
    for token in prompt:
        logits = decoder.step(torch.tensor([token]))
    ids, margins = [], []
    while len(ids) < count:
        best, second = logits[0].topk(2).values.tolist()
        margins.append(best - second)
        ids.append(int(logits[0].argmax()))
        logits = decoder.step(torch.tensor(ids[-1:]))
    return ids, margins
