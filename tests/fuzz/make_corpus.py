"""Writes the first inputs of the fuzz targets with the real tools: safetensors and torch.

usage: make_corpus.py FOLDER   (needs PyTorch and safetensors)
"""

import argparse
import collections
import io
import json
import pathlib
import pickle
import sys
import zipfile

import torch
from safetensors.torch import save


def tensors():
    shared = torch.arange(6, dtype=torch.float32)
    return collections.OrderedDict([
        ("a.weight", shared.view(2, 3)),
        ("b.weight", shared.view(2, 3)),
        ("c", torch.tensor(3)),
        ("d", torch.ones(2, 2, dtype=torch.bfloat16).t()),
        ("e", torch.zeros(0, 4)),
        ("f", torch.tensor([True, False])),
    ])


def torch_file(value, **options):
    buffer = io.BytesIO()
    torch.save(value, buffer, **options)
    return buffer.getvalue()


def main():
    root = pathlib.Path(sys.argv[1])

    def put(target, name, contents):
        (root / target).mkdir(parents=True, exist_ok=True)
        (root / target / name).write_bytes(contents)

    plain = {name: value.clone().contiguous() for name, value in tensors().items()}
    put("safetensors", "six", save(plain, metadata={"format": "pt"}))
    put("safetensors", "none", save({}))
    put("safetensors", "half", save({"h": torch.ones(3, dtype=torch.float16)}))

    trained = {"epoch": 3, "state_dict": tensors(), "args": argparse.Namespace(lr=0.1),
               "optimizer": {"state": {}, "param_groups": [{"lr": 0.1, "params": [0, 1]}]}}
    parameter = {"p": torch.nn.Parameter(torch.ones(2))}
    files = {
        "state": torch_file(tensors()),
        "trained": torch_file(trained),
        "parameter": torch_file(parameter),
        "protocol4": torch_file(tensors(), pickle_protocol=4),
        "legacy": torch_file(tensors(), _use_new_zipfile_serialization=False),
        "legacy_trained": torch_file(trained, _use_new_zipfile_serialization=False),
    }
    for name, contents in files.items():
        put("torch_file", name, contents)
        if not name.startswith("legacy"):
            put("zip", name, contents)
            with zipfile.ZipFile(io.BytesIO(contents)) as archive:
                data = next(n for n in archive.namelist() if n.endswith("data.pkl"))
                put("pickle", name, archive.read(data))
    values = {"a": [1, 2.5, -(2**70), None, True, "x" * 300], "b": ({1, 2}, b"bytes", bytearray(3))}
    for protocol in range(6):
        put("pickle", f"values{protocol}", pickle.dumps(values, protocol=protocol))

    index = {"metadata": {"total_size": 8}, "weight_map": {"a": "model-00001-of-00002.safetensors",
                                                         "b": "model-00002-of-00002.safetensors"}}
    put("shard_index", "two", json.dumps(index, indent=2).encode())
    put("shard_index", "leaves", json.dumps({"weight_map": {"a": "../x"}}).encode())
    put("shard_index", "empty", b'{"weight_map": {}}')


if __name__ == "__main__":
    main()
