#!/usr/bin/env python3
"""Writes tin_entity13.yaml and tin_living9.yaml from subpopulation_tasks.json.

usage: make_subpopulations.py TINY_IMAGENET_FOLDER

A task has superclasses; each has source subclasses, that are trained on, and target subclasses,
that are met afterwards. Subclasses that belong to no superclass are left out.
"""
import json
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
DATA = "../../../shared/data/tiny_imagenet"
TITLES = {"tin_entity13": "Tiny-ImageNet, 13 superclasses: unseen subclasses",
          "tin_living9": "Tiny-ImageNet, 9 living superclasses: unseen subclasses"}


def class_map(task, kind):
    pairs = [(sub["wnid"], superclass["superclass"])
             for superclass in task for sub in superclass[kind]]
    return "{" + ", ".join(f"{wnid}: {name}" for wnid, name in sorted(pairs)) + "}"


def recipe(name, task):
    source, target = class_map(task, "source"), class_map(task, "target")
    val = f"{DATA}/tin200_val.tar.gz"
    return f"""# Made by make_subpopulations.py. The pretrained models have seen the subclasses of both kinds, with
# their own labels: the shift is smaller than for features that have not.
version: 1
base: methods.yaml
title: "{TITLES[name]}"
data:
  train:
    tar: {DATA}/tin200_train_a.tar.gz
    only_mapped: true
    class_map: {source}
  val: {{split_from: train, fraction: 0.15, seed: 0}}
  test:
    id:
      tar: {val}
      only_mapped: true
      class_map: {source}
    ood:
      target:
        tar: {val}
        only_mapped: true
        class_map: {target}
"""


def main():
    tasks = json.loads(Path(sys.argv[1], "subpopulation_tasks.json").read_text())
    for name in TITLES:
        (HERE / f"{name}.yaml").write_text(recipe(name, tasks[name]))


if __name__ == "__main__":
    main()
