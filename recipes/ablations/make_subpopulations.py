#!/usr/bin/env python3
"""Writes tin_entity13.yaml and tin_living9.yaml from subpopulation_tasks.json, and tin_splits.csv.

usage: make_subpopulations.py TINY_IMAGENET_FOLDER

A task has superclasses; each has source subclasses, that are trained on, and target subclasses,
that are met afterwards. Subclasses that belong to no superclass are left out. The models were
pretrained on the training pictures: held-out ones are every fifth of the validation pictures, the
others are the ID test.
"""
import json
import sys
import tarfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
DATA = "../../../shared/data/tiny_imagenet"
TITLES = {"tin_entity13": "Tiny-ImageNet, 13 superclasses: unseen subclasses",
          "tin_living9": "Tiny-ImageNet, 9 living superclasses: unseen subclasses"}


def class_map(task, kind):
    pairs = [(sub["wnid"], superclass["superclass"])
             for superclass in task for sub in superclass[kind]]
    return "{" + ", ".join(f"{wnid}: {name}" for wnid, name in sorted(pairs)) + "}"


def splits(folder, tasks):
    subclasses = {sub["wnid"] for task in tasks for superclass in task
                  for sub in superclass["source"]}
    pictures = {wnid: [] for wnid in subclasses}
    with tarfile.open(Path(folder, "tin200_val.tar.gz")) as tar:
        for path in (Path(name) for name in tar.getnames()):
            if path.suffix and path.parent.name in pictures:
                pictures[path.parent.name].append(path.stem)
    rows = [f"{picture},{wnid},{'val' if i % 5 == 0 else 'test'}"
            for wnid, names in sorted(pictures.items()) for i, picture in enumerate(sorted(names))]
    return "\n".join(["name,group,split"] + rows) + "\n"


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
  val:
    tar: {val}
    splits: tin_splits.csv
    split: val
    only_mapped: true
    class_map: {source}
  test:
    id:
      tar: {val}
      splits: tin_splits.csv
      split: test
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
    (HERE / "tin_splits.csv").write_text(splits(sys.argv[1], [tasks[name] for name in TITLES]))
    for name in TITLES:
        (HERE / f"{name}.yaml").write_text(recipe(name, tasks[name]))


if __name__ == "__main__":
    main()
