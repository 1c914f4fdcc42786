"""How large a model's activations grow, to compare with float16's 65504."""

import torch
from torch import nn

from model import Layer


@torch.no_grad()
def largest_activations(model, ids):
    """Largest magnitude on rows ids (N, T), by place in a layer."""
    largest = {}

    def note(place, values):
        largest[place] = max(largest.get(place, 0.0), round(values.abs().max().item(), 2))

    def watch(name):
        def hook(module, inputs, output):
            if isinstance(module, Layer):
                note("residual", output)
            else:
                note(f"{name} input", inputs[0])
                note(f"{name} output", output)

        return hook

    hooks = [
        module.register_forward_hook(watch(name.rpartition(".")[2]))
        for name, module in model.named_modules()
        if isinstance(module, (Layer, nn.Linear))
    ]
    note("logits", model(ids))
    for hook in hooks:
        hook.remove()
    return largest
