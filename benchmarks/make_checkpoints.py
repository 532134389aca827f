"""Writes K checkpoints with the tensors of CLIP's ViT-B/32 image tower (88 M parameters, 353 MB in
fp32): shared random weights and small differences, as fine-tuning makes them.

usage: make_checkpoints.py FOLDER K [fp32|bf16] [safetensors|pt]
"""

import pathlib
import sys

import torch
from safetensors.torch import save_file


def vit_b32_shapes():
    width, patch, layers, embed = 768, 32, 12, 512
    shapes = {
        "visual.class_embedding": (width,),
        "visual.positional_embedding": (50, width),
        "visual.proj": (width, embed),
        "visual.conv1.weight": (width, 3, patch, patch),
        "classification_head.weight": (1000, embed),
        "classification_head.bias": (1000,),
    }
    for norm in ("ln_pre", "ln_post"):
        shapes |= {f"visual.{norm}.weight": (width,), f"visual.{norm}.bias": (width,)}
    for i in range(layers):
        block = f"visual.transformer.resblocks.{i}."
        for name, out, inner in (
            ("attn.in_proj_", 3 * width, width),
            ("attn.out_proj.", width, width),
            ("mlp.c_fc.", 4 * width, width),
            ("mlp.c_proj.", width, 4 * width),
        ):
            shapes |= {block + name + "weight": (out, inner), block + name + "bias": (out,)}
        for norm in ("ln_1", "ln_2"):
            shapes |= {block + norm + ".weight": (width,), block + norm + ".bias": (width,)}
    return shapes


def main():
    folder, count = pathlib.Path(sys.argv[1]), int(sys.argv[2])
    dtype = {"fp32": torch.float32, "bf16": torch.bfloat16}[sys.argv[3] if len(sys.argv) > 3 else "fp32"]
    ending = sys.argv[4] if len(sys.argv) > 4 else "safetensors"
    folder.mkdir(parents=True, exist_ok=True)
    generator = torch.Generator().manual_seed(0)
    shared = {n: 0.02 * torch.randn(s, generator=generator) for n, s in vit_b32_shapes().items()}
    for i in range(count):
        generator.manual_seed(1 + i)
        # One block of noise, rolled: as good for timing, and much quicker to draw.
        noise = 0.002 * torch.randn(1 << 20, generator=generator)
        model = {}
        for name, value in shared.items():
            extra = noise.repeat(value.numel() // noise.numel() + 1)[: value.numel()]
            model[name] = (value + extra.view(value.shape)).to(dtype)
        file = folder / f"model{i:02d}.{ending}"
        if ending == "pt":
            torch.save(model, file)
        else:
            save_file(model, file, metadata={"format": "pt"})


if __name__ == "__main__":
    main()
