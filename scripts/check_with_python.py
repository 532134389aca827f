#!/usr/bin/env python3
"""Opens a model folder with transformers or timm and compares its logits with stockpot's.

usage: check_with_python.py FOLDER REFERENCE [--tolerance 1e-4]

FOLDER is a model as stockpot saves it. REFERENCE is a safetensors file with `logits` (N x
classes, float32) and `images`: either float32, normalised as the network takes them, or uint8
(N x 3 x H x W), which are scaled to [0, 1] and normalised with the folder's own mean and
standard deviation. Prints the largest difference; exit code 1 when it exceeds the tolerance.

Needs: torch, safetensors, and transformers or timm, whichever made the model.
"""
import argparse
import json
import pathlib
import sys

import torch
from safetensors.torch import load_file


def open_with_transformers(folder):
    from transformers import ViTForImageClassification

    model, report = ViTForImageClassification.from_pretrained(
        folder, output_loading_info=True)
    for problem in ("missing_keys", "unexpected_keys", "mismatched_keys"):
        if report[problem]:
            sys.exit(f"{folder}: transformers reports {problem}: {sorted(report[problem])}")
    labels = [model.config.id2label[i] for i in range(model.config.num_labels)]
    preprocessor = json.loads((folder / "preprocessor_config.json").read_text())
    return (lambda images: model(images).logits), model, labels, (
        preprocessor["image_mean"], preprocessor["image_std"])


def open_with_timm(folder, config):
    import timm

    model = timm.create_model(config["architecture"], num_classes=config["num_classes"],
                              **config.get("model_args", {}))
    state = {}
    index = folder / "model.safetensors.index.json"
    if index.exists():
        for shard in sorted(set(json.loads(index.read_text())["weight_map"].values())):
            state.update(load_file(folder / shard))
    else:
        state = load_file(folder / "model.safetensors")
    model.load_state_dict(state, strict=True)
    pretrained = config["pretrained_cfg"]
    return model, model, config["label_names"], (pretrained["mean"], pretrained["std"])


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("reference", type=pathlib.Path)
    parser.add_argument("--tolerance", type=float, default=1e-4)
    arguments = parser.parse_args()

    config = json.loads((arguments.folder / "config.json").read_text())
    if "architecture" in config:
        library = "timm"
        forward, model, labels, (mean, std) = open_with_timm(arguments.folder, config)
    else:
        library = "transformers"
        forward, model, labels, (mean, std) = open_with_transformers(arguments.folder)
    model.float().eval()

    reference = load_file(arguments.reference)
    images, expected = reference["images"], reference["logits"]
    if images.dtype == torch.uint8:
        images = images.float() / 255
        images = (images - torch.tensor(mean).view(3, 1, 1)) / torch.tensor(std).view(3, 1, 1)
    with torch.no_grad():
        logits = forward(images)
    if logits.shape != expected.shape:
        sys.exit(f"{library} computes logits of shape {list(logits.shape)}, "
                 f"{arguments.reference} has {list(expected.shape)}")
    if len(labels) != logits.shape[1]:
        sys.exit(f"the model has {logits.shape[1]} classes but {len(labels)} labels")

    difference = (logits - expected).abs().max().item()
    agree = (logits.argmax(1) == expected.argmax(1)).float().mean().item()
    verdict = "ok" if difference <= arguments.tolerance else "DIFFERENT"
    print(f"{arguments.folder}: {library}, {len(images)} images, {len(labels)} classes: "
          f"largest difference {difference:.2e}, same class for {agree:.1%}: {verdict}")
    return 0 if difference <= arguments.tolerance else 1


if __name__ == "__main__":
    sys.exit(main())
