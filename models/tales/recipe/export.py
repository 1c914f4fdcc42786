"""Writes a trained model in the Hugging Face layout, with float16 weights; and reads such a directory back.

Usage: python3 export.py target|draft CHECKPOINT
"""

import argparse
import json
import shutil
from pathlib import Path

import numpy as np
import torch

import safetensors
from model import MAX_POSITIONS, RMS_EPSILON, ROPE_THETA, Llama, Shape

HOME = Path(__file__).resolve().parents[1]
CONFIG = Path(__file__).with_name("config.json")
LARGEST_WEIGHT = 1000.0  # far below float16's 65504, so that products of a few weights stay in range too


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
        "tie_word_embeddings": True,
        "bos_token_id": 0,
        "eos_token_id": 0,
        "torch_dtype": "float16",
        "use_cache": True,
    }


def write_json(path, contents):
    path.write_text(json.dumps(contents, indent=2) + "\n", encoding="utf-8")


def write_model(model, directory, tokenizer_directory=HOME / "target"):
    """Writes config, generation config, weights and tokenizer files into `directory`."""
    directory.mkdir(parents=True, exist_ok=True)
    tensors = {}
    for name, value in model.state_dict().items():
        largest = value.abs().max().item()
        if not largest < LARGEST_WEIGHT:
            raise ValueError(f"{name} holds {largest}: not safe in float16. Train again with a lower rate.")
        tensors[name] = value.cpu().float().numpy().astype(np.float16)
    write_json(directory / "config.json", hugging_face_config(model.shape))
    write_json(directory / "generation_config.json",
               {"bos_token_id": 0, "eos_token_id": 0, "do_sample": True, "temperature": 0.8})
    safetensors.write(directory / "model.safetensors", tensors)
    for name in ("tokenizer.json", "tokenizer_config.json"):
        if directory != tokenizer_directory:
            shutil.copyfile(tokenizer_directory / name, directory / name)


def read_model(directory):
    """The model of an exported directory, in float32; the inverse of `write_model` up to rounding."""
    config = json.loads((directory / "config.json").read_text(encoding="utf-8"))
    shape = Shape(config["vocab_size"], config["hidden_size"], config["num_hidden_layers"],
                  config["num_attention_heads"], config["num_key_value_heads"], config["head_dim"],
                  config["intermediate_size"])
    model = Llama(shape)
    tensors = safetensors.read(directory / "model.safetensors")
    model.load_state_dict({name: torch.from_numpy(array.astype(np.float32)) for name, array in tensors.items()})
    return model.eval()


def read_checkpoint(which, path):
    """The model of a training checkpoint."""
    settings = json.loads(CONFIG.read_text(encoding="utf-8"))[which]
    model = Llama(Shape(**settings["model"]))
    model.load_state_dict(torch.load(path, map_location="cpu")["model"])
    return model.eval()


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("which", choices=["target", "draft"])
    parser.add_argument("checkpoint", type=Path)
    arguments = parser.parse_args()
    write_model(read_checkpoint(arguments.which, arguments.checkpoint), HOME / arguments.which)


if __name__ == "__main__":
    main()
