#!/usr/bin/env python3
"""A step of a learned soup on a GPU: 72 models of ViT-B/32's shapes at 224 x 224, 256 pictures.

    benchmarks/run_learned_gpu.py [--count 72] [--files 8] [--keep bf16] [--device cuda]
                                  [--build build/bench] [--work FOLDER]

The seconds of a step are (those of a long run - those of a short one) / (steps more), both of
`stockpot soup learned`: loading, the models' way to the GPU and the final mix are in both. Weights
are random, shared but for small differences; beyond `files` models the others are links to them.
"""
import argparse
import json
import os
import pathlib
import shutil
import subprocess
import tarfile
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
EMOJI = HERE.parent / "demo" / "emoji" / "noto.tar.gz"
WIDTH, LAYERS, PATCH, SIZE = 768, 12, 32, 224


def shapes(classes):
    yield "vit.embeddings.cls_token", (1, 1, WIDTH)
    yield "vit.embeddings.position_embeddings", (1, (SIZE // PATCH) ** 2 + 1, WIDTH)
    yield "vit.embeddings.patch_embeddings.projection.weight", (WIDTH, 3, PATCH, PATCH)
    yield "vit.embeddings.patch_embeddings.projection.bias", (WIDTH,)

    def linear(name, out, inner):
        yield name + ".weight", (out, inner)
        yield name + ".bias", (out,)

    for i in range(LAYERS):
        layer = f"vit.encoder.layer.{i}."
        for norm in ("layernorm_before", "layernorm_after"):
            yield from linear(layer + norm, WIDTH, 0)
        for part in ("query", "key", "value"):
            yield from linear(layer + "attention.attention." + part, WIDTH, WIDTH)
        yield from linear(layer + "attention.output.dense", WIDTH, WIDTH)
        yield from linear(layer + "intermediate.dense", 4 * WIDTH, WIDTH)
        yield from linear(layer + "output.dense", WIDTH, 4 * WIDTH)
    yield from linear("vit.layernorm", WIDTH, 0)
    yield from linear("classifier", classes, WIDTH)


def make_models(work, count, files):
    import torch
    from safetensors.torch import save_file
    with tarfile.open(EMOJI) as tar:
        labels = sorted({name.split("/")[0] for name in tar.getnames() if "/" in name})
    config = {"architectures": ["ViTForImageClassification"], "model_type": "vit",
              "hidden_size": WIDTH, "num_hidden_layers": LAYERS, "num_attention_heads": 12,
              "intermediate_size": 4 * WIDTH, "hidden_act": "gelu", "image_size": SIZE,
              "patch_size": PATCH, "num_channels": 3, "layer_norm_eps": 1e-12, "qkv_bias": True,
              "hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0,
              "id2label": {str(i): label for i, label in enumerate(labels)},
              "label2id": {label: i for i, label in enumerate(labels)}}
    processor = {"image_processor_type": "ViTImageProcessor", "do_resize": True, "resample": 2,
                 "size": {"height": SIZE, "width": SIZE}, "do_rescale": True,
                 "rescale_factor": 1 / 255, "do_normalize": True, "image_mean": [0.5] * 3,
                 "image_std": [0.5] * 3}
    torch.manual_seed(0)
    base = {}
    for name, shape in shapes(len(labels)):
        if shape[-1] == 0:  # a norm's scale
            base[name] = torch.ones(shape[:1])
        else:
            base[name] = 0.02 * torch.randn(shape)
    folders = []
    for i in range(count):
        folder = work / f"model-{i:02}"
        folder.mkdir(parents=True)
        (folder / "config.json").write_text(json.dumps(config))
        (folder / "preprocessor_config.json").write_text(json.dumps(processor))
        target = folder / "model.safetensors"
        if i < files:
            save_file({name: tensor + 1e-3 * torch.randn(tensor.shape)
                       for name, tensor in base.items()}, target, {"format": "pt"})
        else:
            os.link(folders[i % files] / "model.safetensors", target)
        folders.append(folder)
    return folders


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--count", type=int, default=72)
    parser.add_argument("--files", type=int, default=8)
    parser.add_argument("--keep", default="bf16")
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--build", type=pathlib.Path, default=pathlib.Path("build/bench"))
    parser.add_argument("--work", type=pathlib.Path)
    args = parser.parse_args()
    work = args.work or pathlib.Path(tempfile.mkdtemp(prefix="run_learned_gpu."))
    folders = make_models(work, args.count, args.files)

    def learn(epochs):
        out = work / f"soup-{epochs}"
        start = time.perf_counter()
        subprocess.run([str(args.build / "bin" / "stockpot"), "soup", "learned", *map(str, folders),
                        "--val", EMOJI, "--epochs", str(epochs), "--keep", args.keep, "--bf16",
                        "--device", args.device, "-o", str(out), "-q"],
                       check=True, stdout=subprocess.DEVNULL)
        return time.perf_counter() - start

    with tarfile.open(EMOJI) as tar:
        pictures = sum(member.isfile() for member in tar.getmembers())
    per_epoch = -(-pictures // 256)
    few, many = 2, 42
    short, long = learn(few), learn(many)
    print(f"{args.count} models of ViT-B/32's shapes, {args.keep} on {args.device}, {pictures} "
          f"pictures, {per_epoch} steps an epoch: {few} epochs {short:.1f} s, {many} epochs "
          f"{long:.1f} s: {1000 * (long - short) / ((many - few) * per_epoch):.1f} ms a step")
    if not args.work:
        shutil.rmtree(work)


if __name__ == "__main__":
    main()
