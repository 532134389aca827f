#!/usr/bin/env python3
"""Opens checkpoints that stockpot writes with the Python libraries, and compares every value.

usage: check_checkpoints_with_python.py STOCKPOT [FIXTURES]

STOCKPOT is the program; FIXTURES the folder tests/fixtures of the repository (beside this script
when left out). Converts models that torch, transformers and timm made here, between torch files,
safetensors, shards and types, and opens each result with torch.load(weights_only=True),
safetensors, transformers and timm; merges LoRA adapters and opens the soup with peft. A check
whose library is not installed is left out, and said so. Exit code 1 when one fails.

Needs: torch, safetensors; transformers, timm and peft for their parts.
"""
import argparse
import importlib.util
import pathlib
import subprocess
import sys
import tempfile
import zipfile

import torch
from safetensors.torch import load_file


def run(program, *arguments):
    done = subprocess.run([program, *map(str, arguments), "--quiet"], capture_output=True, text=True)
    if done.returncode != 0:
        raise AssertionError(f"stockpot {' '.join(map(str, arguments))}: {done.stderr.strip()}")


def load_torch(file):
    assert zipfile.ZipFile(file).testzip() is None, f"{file}: a checksum is wrong"
    return torch.load(file, map_location="cpu", weights_only=True)


def same_bits(a, b):
    return (a.dtype == b.dtype and a.shape == b.shape
            and torch.equal(a.contiguous().flatten().view(torch.uint8),
                            b.contiguous().flatten().view(torch.uint8)))


def assert_same(found, wanted, what):
    assert set(found) == set(wanted), f"{what}: names differ: {set(found) ^ set(wanted)}"
    for name, value in wanted.items():
        assert same_bits(found[name], value), f"{what}: {name} differs"


def check_torch_files(program, fixtures, folder):
    every = fixtures / "checkpoint/written/every_dtype.pt"
    run(program, "convert", every, folder / "every.pt")
    found, wanted = load_torch(folder / "every.pt"), load_torch(every)
    assert_same(found, wanted, "torch to torch")
    assert found["tied"].data_ptr() == found["float32"].data_ptr(), "a tie was lost"
    run(program, "convert", every, folder / "every.safetensors")
    assert_same(load_file(folder / "every.safetensors"), wanted, "torch to safetensors")
    values = {"w": torch.randn(3, 50_000), "n": torch.arange(5)}
    torch.save({"epoch": 3, "state_dict": values, "optimizer": {}}, folder / "training.pth")
    for name, kind in (("f16", torch.float16), ("bf16", torch.bfloat16), ("f64", torch.float64)):
        run(program, "convert", folder / "training.pth", folder / f"{name}.pt", "--dtype", name)
        assert_same(load_torch(folder / f"{name}.pt"),
                    {"w": values["w"].to(kind), "n": values["n"]}, name)


def check_transformers(program, _, folder):
    import transformers

    config = transformers.BertConfig(vocab_size=50, hidden_size=16, num_hidden_layers=2,
                                     num_attention_heads=2, intermediate_size=24)
    model = transformers.BertForMaskedLM(config).eval()  # the decoder is tied to the embedding
    model.save_pretrained(folder / "bert")
    words = torch.arange(8)[None]
    logits = model(words).logits
    forms = {"sharded": ["--shard-size", "10KB"], "bin": ["--format", "pt"], "plain": []}
    for form, flags in forms.items():
        run(program, "convert", folder / "bert", folder / form, *flags)
        if form == "bin":
            opened = transformers.BertForMaskedLM(config).eval()
            state = load_torch(folder / form / "pytorch_model.bin")
            problems = opened.load_state_dict(state, strict=False)
            assert not problems.unexpected_keys, problems
        else:
            opened = transformers.BertForMaskedLM.from_pretrained(folder / form).eval()
        assert torch.equal(opened(words).logits, logits), f"{form}: other logits"
    shards = sorted(p.name for p in (folder / "sharded").glob("*.safetensors"))
    assert len(shards) > 2, shards


def check_timm(program, _, folder):
    import timm

    model = timm.create_model("resnet18", num_classes=5).eval()
    torch.save({"epoch": 1, "arch": "resnet18", "state_dict": model.state_dict()},
               folder / "last.pth.tar")
    images = torch.randn(1, 3, 64, 64)
    for name in ("timm.safetensors", "timm.pth"):
        run(program, "convert", folder / "last.pth.tar", folder / name)
        opened = timm.create_model("resnet18", num_classes=5,
                                   checkpoint_path=str(folder / name)).eval()
        assert torch.equal(opened(images), model(images)), f"{name}: other logits"


def check_peft(program, fixtures, folder):
    import peft

    lora = fixtures / "merge/lora"
    sys.path.insert(0, str(lora))
    from make import merged, model

    run(program, "lora", "merge", lora / "base.safetensors", lora / "a", "-o",
        folder / "merged.safetensors")
    run(program, "lora", "soup", lora / "a", lora / "b", "-o", folder / "soup")
    run(program, "lora", "soup", lora / "a", lora / "b", "--base", lora / "base.safetensors", "-o",
        folder / "folded.pt")
    opened = merged(peft.PeftModel.from_pretrained(model(lora), folder / "soup"))
    for what, found, wanted in (
            ("lora merge", load_file(folder / "merged.safetensors"), "merged_a.safetensors"),
            ("lora soup, opened by peft", opened, "soup.safetensors"),
            ("lora soup --base", load_torch(folder / "folded.pt"), "soup.safetensors")):
        reference = load_file(lora / wanted)
        assert set(found) == set(reference), what
        worst = max((found[k].double() - v.double()).abs().max().item()
                    for k, v in reference.items())
        assert worst < 1e-6, f"{what}: differs by {worst}"
        print(f"  {what}: largest difference {worst:.1e}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("program")
    parser.add_argument("fixtures", nargs="?", type=pathlib.Path,
                        default=pathlib.Path(__file__).parent.parent / "tests/fixtures")
    arguments = parser.parse_args()
    checks = {"torch": check_torch_files, "transformers": check_transformers, "timm": check_timm,
              "peft": check_peft}
    failed = False
    for library, check in checks.items():
        if importlib.util.find_spec(library) is None:
            print(f"{library}: not installed, left out")
            continue
        with tempfile.TemporaryDirectory() as scratch:
            try:
                check(arguments.program, arguments.fixtures, pathlib.Path(scratch))
                print(f"{library} {__import__(library).__version__}: ok")
            except AssertionError as error:
                failed = True
                print(f"{library}: FAILED: {error}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
