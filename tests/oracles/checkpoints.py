"""Random checkpoints, their files, and the comparison of results with references.

A checkpoint is a dict from names to Tensors. The values of floating-point tensors are fp64 arrays
of numbers that their type has.
"""
import ctypes
import hashlib
import json
import os
import struct
import subprocess
from typing import NamedTuple

import numpy as np

# Bits of the significand with its hidden one, the exponent of the smallest normal number, bytes.
FLOATS = {"F64": (53, -1022, 8), "F32": (24, -126, 4), "F16": (11, -14, 2), "BF16": (8, -126, 2)}
INTEGERS = {"I64": np.int64, "I32": np.int32, "U8": np.uint8, "BOOL": np.bool_}
LARGEST = {"F64": np.finfo(np.float64).max, "F32": float(np.finfo(np.float32).max),
           "F16": 65504.0, "BF16": float.fromhex("0x1.fep127")}


class Tensor(NamedTuple):
    dtype: str
    values: np.ndarray

    @property
    def floating(self):
        return self.dtype in FLOATS


def unit(values, dtype):
    """The distance between neighbouring numbers of the type at these values."""
    bits, lowest, _ = FLOATS[dtype]
    exponents = np.maximum(np.frexp(np.asarray(values, np.float64))[1] - 1, lowest)
    return np.ldexp(1.0, exponents - (bits - 1))


def rounded(values, dtype):
    """fp64 numbers to the nearest of the type, to even in between."""
    values = np.asarray(values, np.float64)
    if dtype == "F64":
        return values
    step = unit(values, dtype)
    return np.rint(values / step) * step


def to_bytes(tensor):
    if tensor.dtype in INTEGERS:
        return np.ascontiguousarray(tensor.values, INTEGERS[tensor.dtype]).tobytes()
    if tensor.dtype == "BF16":
        words = np.ascontiguousarray(tensor.values, np.float32).view(np.uint32)
        return (words >> 16).astype(np.uint16).tobytes()
    kind = {"F64": np.float64, "F32": np.float32, "F16": np.float16}[tensor.dtype]
    return np.ascontiguousarray(tensor.values, kind).tobytes()


def from_bytes(dtype, shape, data):
    if dtype in INTEGERS:
        return Tensor(dtype, np.frombuffer(data, INTEGERS[dtype]).reshape(shape))
    if dtype == "BF16":
        words = np.frombuffer(data, np.uint16).astype(np.uint32) << 16
        return Tensor(dtype, words.view(np.float32).astype(np.float64).reshape(shape))
    kind = {"F64": np.float64, "F32": np.float32, "F16": np.float16}[dtype]
    return Tensor(dtype, np.frombuffer(data, kind).astype(np.float64).reshape(shape))


def save(path, model, metadata=None):
    header, parts, end = {}, [], 0
    if metadata:
        header["__metadata__"] = metadata
    for name, tensor in model.items():
        data = to_bytes(tensor)
        header[name] = {"dtype": tensor.dtype, "shape": list(tensor.values.shape),
                        "data_offsets": [end, end + len(data)]}
        parts.append(data)
        end += len(data)
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text + b"".join(parts))


def load(path):
    with open(path, "rb") as file:
        data = file.read()
    size, = struct.unpack("<Q", data[:8])
    header, body = json.loads(data[8:8 + size]), memoryview(data)[8 + size:]
    header.pop("__metadata__", None)
    return {name: from_bytes(entry["dtype"], entry["shape"],
                             body[slice(*entry["data_offsets"])])
            for name, entry in header.items()}


def check(got, reference, scale, dtype, what, units=64, exact=False):
    """Whether `got` is the reference rounded once to its type.

    exact: the reference is, but for this rounding, exact. Otherwise the half unit of the rounding
    is enlarged by `units` units of fp64 (2^-53) of `scale`, the magnitude of the terms.
    """
    assert got.shape == np.shape(reference), f"{what}: shape {got.shape}, {np.shape(reference)}"
    if got.size == 0:
        return
    if exact:
        wrong = got != rounded(reference, dtype)
    else:
        half = unit(np.maximum(np.abs(got), np.abs(reference)), dtype) / 2
        wrong = ~(np.abs(got - reference) <= half * (1 + 2.0 ** -40) + units * 2.0 ** -53 * scale)
    if not np.any(wrong):
        return
    places = np.argwhere(np.atleast_1d(wrong))
    place = tuple(places[0])
    raise AssertionError(
        f"{what}: {len(places)} of {got.size} elements ({dtype}) are wrong; at {place} found "
        f"{np.atleast_1d(got)[place]!r}, expected {np.atleast_1d(reference)[place]!r}")


class _Hash128(ctypes.Structure):
    _fields_ = [("low", ctypes.c_uint64), ("high", ctypes.c_uint64)]


_xxhash = ctypes.CDLL("libxxhash.so.0")
_xxhash.XXH3_128bits.restype = _Hash128
_xxhash.XXH3_128bits.argtypes = [ctypes.c_char_p, ctypes.c_size_t]


def hash_of(data):
    hashed = _xxhash.XXH3_128bits(data, len(data))
    return hashed.low, hashed.high


def model_hash(model, hash_tensor):
    """The hash of names, types, shapes and of what hash_tensor(tensor) gives."""
    text = b""
    for name in sorted(model, key=str.encode):
        tensor = model[name]
        shape = tensor.values.shape
        text += struct.pack("<Q", len(name.encode())) + name.encode()
        text += struct.pack("<Q", len(tensor.dtype)) + tensor.dtype.encode()
        text += struct.pack(f"<Q{len(shape)}Q", len(shape), *shape)
        text += struct.pack("<QQ", *hash_tensor(tensor))
    low, high = hash_of(text)
    return f"xxh3-128:{high:016x}{low:016x}"


def content_hash(model):
    def hash_tensor(tensor):
        data = to_bytes(tensor)
        step = 65536 * tensor.values.dtype.itemsize
        if tensor.floating:
            step = 65536 * FLOATS[tensor.dtype][2]
        blocks = [hash_of(data[i:i + step]) for i in range(0, len(data), step)]
        return hash_of(struct.pack("<Q", len(data)) +
                       b"".join(struct.pack("<QQ", *block) for block in blocks))
    return model_hash(model, hash_tensor)


def model_key(model):
    """The number that stands for a model's content, by the start of each tensor."""
    return hash_of(model_hash(model, lambda t: hash_of(to_bytes(t)[:4096])).encode())[0]


def philox(counters, key):
    """Ten rounds of Philox 4x32 (Salmon et al. 2011); counters: four arrays of uint64."""
    a, b, c, d = counters
    low = np.uint64(0xFFFFFFFF)
    for _ in range(10):
        p, q = np.uint64(0xD2511F53) * a, np.uint64(0xCD9E8D57) * c
        a, b, c, d = (q >> np.uint64(32)) ^ b ^ np.uint64(key[0]), q & low, \
            (p >> np.uint64(32)) ^ d ^ np.uint64(key[1]), p & low
        key = ((key[0] + 0x9E3779B9) & 0xFFFFFFFF, (key[1] + 0xBB67AE85) & 0xFFFFFFFF)
    return a, b, c, d


def kept_by_chance(key, name, size, density, seed):
    """DARE's mask of a tensor of a model."""
    stream = int(hashlib.sha256(f"{key} {name}".encode()).hexdigest()[:16], 16)
    blocks = np.arange((size + 3) // 4, dtype=np.uint64)
    same = [np.full(blocks.size, value, np.uint64)
            for value in (stream & 0xFFFFFFFF, 10, stream >> 32)]
    numbers = np.stack(philox([blocks, *same], (seed & 0xFFFFFFFF, seed >> 32)), 1)
    return numbers.ravel()[:size] < int(np.floor(density * 2 ** 32 + 0.5))


def run(program, arguments, folder, code=0):
    """What the program prints on stdout; it must end with this exit code."""
    done = subprocess.run([program, *map(str, arguments)], cwd=folder, capture_output=True,
                          text=True, env={**os.environ, "NO_COLOR": "1"})
    if done.returncode != code:
        raise AssertionError(f"{' '.join(map(str, arguments))}: exit code {done.returncode}, "
                             f"expected {code}\n{done.stdout}{done.stderr}")
    return done.stdout
