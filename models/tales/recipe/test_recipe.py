"""Fast checks of the recipe's parts. Usage: python3 -m unittest, in this directory."""

import tempfile
import unittest
from pathlib import Path

import numpy as np
import torch

import bpe
import corpus
import generate
import safetensors
from model import Llama, Normalise, Rotate, Shape, rotary_tables
from muon import orthogonalise

SMALL = Shape(vocab=50, width=32, layers=2, heads=4, kv_heads=2, head_dim=16, ffn=64)


class TokenizerTest(unittest.TestCase):
    def test_round_trip(self):
        merges = bpe.train_merges(["the cat and the hat, 'she said"] * 3, merge_count=10)
        tokenizer = bpe.Tokenizer(corpus.END_OF_TEXT, merges)
        text = "the 'cats'  sat\n\non thé hat \t 🐉"
        self.assertEqual(tokenizer.decode(tokenizer.encode(text)), text)
        self.assertLess(len(tokenizer.encode(text)), len(text.encode()))

    def test_pattern_keeps_every_character(self):
        text = " 'She isn't\r\n 12   x\t"
        self.assertEqual("".join(bpe.SPLIT.findall(text)), text)


class ModelTest(unittest.TestCase):
    def test_backward_passes(self):
        x = torch.randn(2, 3, 5, 16, dtype=torch.double, requires_grad=True)
        cosines, sines = (table.double() for table in rotary_tables(16, 5))
        self.assertTrue(torch.autograd.gradcheck(lambda t: Rotate.apply(t, cosines, sines), x))
        self.assertTrue(torch.autograd.gradcheck(Normalise.apply, x))

    def test_cached_decoding_agrees_with_one_pass(self):
        torch.manual_seed(0)
        model = Llama(SMALL).eval()
        for parameter in model.parameters():
            parameter.data.mul_(4.0)  # so that attention is far from uniform
        ids = torch.randint(0, SMALL.vocab, (3, 20))
        decoder = generate.Decoder(model, 3, 20)
        stepped = torch.stack([decoder.step(ids[:, at]) for at in range(20)], dim=1)
        with torch.no_grad():
            torch.testing.assert_close(stepped, model(ids), rtol=1e-4, atol=1e-4)

    def test_a_position_does_not_see_later_ones(self):
        model = Llama(SMALL).eval()
        ids = torch.randint(0, SMALL.vocab, (1, 12))
        changed = ids.clone()
        changed[0, 7] = (changed[0, 7] + 1) % SMALL.vocab
        with torch.no_grad():
            difference = (model(ids) - model(changed)).abs().amax(-1)[0]
        self.assertEqual(difference[:7].max().item(), 0.0)
        self.assertGreater(difference[7:].min().item(), 0.0)


class MuonTest(unittest.TestCase):
    def test_singular_values_come_near_one(self):
        torch.manual_seed(0)
        values = torch.linalg.svdvals(orthogonalise(torch.randn(96, 32)))
        self.assertGreater(values.min().item(), 0.5)
        self.assertLess(values.max().item(), 1.4)


class SafetensorsTest(unittest.TestCase):
    def test_round_trip(self):
        tensors = {"a": np.arange(6, dtype=np.float16).reshape(2, 3), "b": np.ones(5, np.float32)}
        with tempfile.TemporaryDirectory() as directory:
            path = Path(directory) / "x.safetensors"
            safetensors.write(path, tensors)
            found = safetensors.read(path)
        for name, array in tensors.items():
            np.testing.assert_array_equal(found[name], array)


if __name__ == "__main__":
    unittest.main()
