"""The safetensors format in a few lines: https://github.com/huggingface/safetensors#format

Eight bytes: the header's length, little-endian. The header: JSON, padded with spaces. Then the
tensors' bytes.
"""

import json

import numpy as np

DTYPES = {"F16": np.float16, "F32": np.float32}
ALIGNMENT = 64  # in bytes, so that a reader may view tensors in place


def write(path, tensors):
    """Writes a dictionary of numpy arrays (float16 or float32), in the dictionary's order."""
    names = {np.dtype(dtype): name for name, dtype in DTYPES.items()}
    header, offset = {"__metadata__": {"format": "pt"}}, 0
    for name, array in tensors.items():
        header[name] = {
            "dtype": names[array.dtype],
            "shape": list(array.shape),
            "data_offsets": [offset, offset + array.nbytes],
        }
        offset += array.nbytes
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-(8 + len(text)) % ALIGNMENT)
    with open(path, "wb") as file:
        file.write(len(text).to_bytes(8, "little"))
        file.write(text)
        for array in tensors.values():
            file.write(np.ascontiguousarray(array).tobytes())


def read(path):
    """A dictionary of numpy arrays; the inverse of `write`."""
    with open(path, "rb") as file:
        length = int.from_bytes(file.read(8), "little")
        header, body = json.loads(file.read(length)), file.read()
    tensors = {}
    for name, entry in header.items():
        if name != "__metadata__":
            start, end = entry["data_offsets"]
            flat = np.frombuffer(body[start:end], DTYPES[entry["dtype"]])
            tensors[name] = flat.reshape(entry["shape"])
    return tensors
