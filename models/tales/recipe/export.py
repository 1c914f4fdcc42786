"""Writes a trained model in the Hugging Face layout with float16 weights, and reads it back.

Usage: python3 export.py target|draft CHECKPOINT
"""

import argparse
import json
from pathlib import Path

import numpy as np
import torch

import safetensors
from model import MAX_POSITIONS, RMS_EPSILON, ROPE_THETA, Llama, Shape
from settings import CONFIG, HOME

LARGEST_WEIGHT = 100.0  # far below float16's 65504


def hugging_face_config(shape):
    return {
        "architectures": ["LlamaForCausalLM"],
        "model_type": "llama",
        "vocab_size": shape.vocab,
        "hidden_size": shape.width,
        "intermediate_size": shape.ffn,
        "num_hidden_layers": shape.layers,
        "num_attention_heads": shape.heads,
        "num_key_value_heads": shape.kv_heads,
        "head_dim": shape.head_dim,
        "hidden_act": "silu",
        "max_position_embeddings": MAX_POSITIONS,
        "rms_norm_eps": RMS_EPSILON,
        "rope_theta": ROPE_THETA,
        "rope_scaling": None,
        "attention_bias": False,
        "mlp_bias": False,
        "attention_dropout": 0.0,
        "initializer_range": 0.02,
        "tie_word_embeddings": True,
        "bos_token_id": 0,
        "eos_token_id": 0,
        "torch_dtype": "float16",
        "use_cache": True,
    }


def write_json(path, contents):
    path.write_text(json.dumps(contents, indent=2) + "\n", encoding="utf-8")


def half_precision(model):
    """The state as float16 arrays by Hugging Face name."""
    tensors = {}
    for name, value in model.state_dict().items():
        largest = value.abs().max().item()
        if not largest < LARGEST_WEIGHT:
            raise ValueError(f"{name} reaches {largest}. Train again with a lower rate.")
        tensors[name] = value.cpu().float().numpy().astype(np.float16)
    return tensors


def write_model(model, which):
    """Writes config, generation config and weights into the directory of `target` or `draft`."""
    directory = HOME / which
    generation = {"bos_token_id": 0, "eos_token_id": 0, "do_sample": True, "temperature": 0.8}
    write_json(directory / "config.json", hugging_face_config(model.shape))
    write_json(directory / "generation_config.json", generation)
    safetensors.write(directory / "model.safetensors", half_precision(model))


def read_model(which):
    """The exported model in float32; the inverse of `write_model` up to rounding."""
    config = json.loads((HOME / which / "config.json").read_text(encoding="utf-8"))
    shape = Shape(
        vocab=config["vocab_size"],
        width=config["hidden_size"],
        layers=config["num_hidden_layers"],
        heads=config["num_attention_heads"],
        kv_heads=config["num_key_value_heads"],
        head_dim=config["head_dim"],
        ffn=config["intermediate_size"],
    )
    model = Llama(shape)
    tensors = safetensors.read(HOME / which / "model.safetensors")
    state = {name: torch.from_numpy(array.astype(np.float32)) for name, array in tensors.items()}
    model.load_state_dict(state)
    return model.eval()


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("which", choices=["target", "draft"])
    parser.add_argument("checkpoint", type=Path)
    arguments = parser.parse_args()
    model = Llama(Shape(**CONFIG[arguments.which]["model"]))
    model.load_state_dict(torch.load(arguments.checkpoint, map_location="cpu")["model"])
    write_model(model, arguments.which)


if __name__ == "__main__":
    main()
