#!/usr/bin/env python3
"""Makes the Markdown tables of docs/ablations.md from the runs of scripts/ablations.sh.

usage: ablation_tables.py OUT

Reads OUT/*/results.json and nothing else. Differences between methods first, then how far features
moved, then one table a run.
"""
import json
import statistics
import sys
from pathlib import Path

LP, FT, FROZEN, LPFT = "LP", "FT (BN live)", "FT (BN frozen)", "LP-FT (BN frozen)"
PLAIN = (LP, FT, FROZEN, LPFT, "LP-FT (BN live)")
WITHOUT_BATCHNORM = ("FT", "LP-FT")  # the names for a network that has none
# What is compared, and the sign that the LP-FT paper has (0: it says nothing).
IN_DISTRIBUTION = [(FT, LP, 1), (FROZEN, LP, 1), (LPFT, FT, 1), (LPFT, FROZEN, 1), (FROZEN, FT, 0)]
OUT_OF_DISTRIBUTION = [(FT, LP, -1), (FROZEN, LP, -1), (LPFT, LP, 1), (LPFT, FT, 1),
                       (LPFT, FROZEN, 1), (FROZEN, FT, 0)]
# Student's t, 97.5 %, by degrees of freedom; beyond the end the last one, which is too wide.
T975 = [None, 12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228]


def percent(share):
    return "-" if share is None else f"{100 * share:.1f}"


def cell(column):
    text = percent(column["accuracy"])
    if column["low95"] is None or column["accuracy"] is None:
        return text
    half = max(column["accuracy"] - column["low95"], column["high95"] - column["accuracy"])
    return f"{text} ±{100 * half:.1f}"


def markdown(heads, rows, left=1):
    lines = ["| " + " | ".join(heads) + " |",
             "|" + "---|" * left + "---:|" * (len(heads) - left)]
    return "\n".join(lines + ["| " + " | ".join(row) + " |" for row in rows]) + "\n"


def result_table(report):
    rows = [row for row in report["summary"] if row["kind"] in ("lp", "ft", "lpft")]
    heads = [column["set"] or "mean OOD" for column in rows[0]["columns"]]
    return markdown(["method", *heads, "seeds"],
                    [[row["name"], *map(cell, row["columns"]), str(row["seeds"])] for row in rows])


def remarks(report):
    sizes = ", ".join(f"{one['name']} {one['rows']:,}" for one in report["sets"])
    yield f"Pictures: {sizes}."
    edge = dict.fromkeys(model["name"] for model in report["models"]
                         if any("edge of its grid" in text for text in model["warnings"]))
    if edge:
        yield f"Best learning rate at the edge of its grid: {'; '.join(edge)}."
    for note in report["notes"]:
        if note.startswith("lost: "):
            yield note.split(", in the batch")[0].replace("lost: ", "Lost: ") + "."
        elif "are also in" in note:
            yield note + "."


def scores(report):
    return {(model["name"], model["seed"], score["set"]): score["correct"]
            for model in report["models"] for score in model["scores"]}


def trainings(report):
    """What is trained: start, data, settings; None where the report does not say."""
    numbers = (report.get("mechanism") or {}).get("numbers") or {}
    identity = numbers.get("inputs", {}).get("identity", {})
    settings = report.get("recipe", "").partition("\ntrain:")[2].partition("\nmethods:")[0]
    return (identity, settings) if "train" in identity and settings else None


def repeats(report, earlier):
    """The earlier run whose trainings these are, if there is one; whether numbers and sets are, too.

    Other builds and machines give other numbers for the same trainings.
    """
    mine, same = scores(report).items(), trainings(report)
    for name, other in earlier.items():
        equal = mine <= scores(other).items()
        if equal or (same and same == trainings(other)):
            same_sets = [s["name"] for s in report["sets"]] == [s["name"] for s in other["sets"]]
            return name, equal, same_sets
    return None, False, False


def turned(entry):
    turn = lambda ends: [-ends[1], -ends[0]] if ends else ends
    return {**entry, "difference": -entry["difference"], "seeds95": turn(entry["seeds95"]),
            "pictures95": turn(entry["pictures95"])}


def without_batchnorm(name):
    return name.split(" (BN")[0]


def compared(report, first, second, in_distribution):
    """first - second on the ID test set or over the OOD sets; None where they were not compared."""
    pairs = [(first, second)]
    if FROZEN not in (first, second):  # a network without BatchNorm has one kind of FT
        pairs.append((without_batchnorm(first), without_batchnorm(second)))
    for a, b in pairs:
        for one in report["comparisons"]:
            names = one["first"], one["second"]
            if names not in ((a, b), (b, a)):
                continue
            if in_distribution:
                sets = [s for s in one["sets"] if s["role"] == "id_test"]
            else:
                ood = [s for s in one["sets"] if s["role"] == "ood"]
                sets = [s for s in ood if s["set"] == ""] or ood
            if sets:
                return sets[0] if names == (a, b) else turned(sets[0])
    return None


def sure(entry):
    """Neither the interval over seeds nor the one over pictures holds 0."""
    intervals = [i for i in (entry["seeds95"], entry["pictures95"]) if i]
    return bool(intervals) and all(low > 0 or high < 0 for low, high in intervals)


def shown(entry):
    if entry is None:
        return "-"
    text = f"{100 * entry['difference']:+.1f}"
    if sure(entry):
        text = f"**{text}**"
    interval = entry["seeds95"] or entry["pictures95"]
    return text + (f" [{100 * interval[0]:+.1f}, {100 * interval[1]:+.1f}]" if interval else "")


def half_width(values):
    degrees = min(len(values) - 1, len(T975) - 1)
    return T975[degrees] * statistics.stdev(values) / len(values) ** 0.5


def mean_of(entries):
    values = [100 * entry["difference"] for entry in entries if entry]
    if len(values) < 3:
        return "-"
    return f"{statistics.mean(values):+.1f} ±{half_width(values):.1f}"


def shifts_of_models(runs, counted):
    """{name of a pretrained model: the counted runs that start from it}, of three or more each."""
    groups = {}
    for name in counted:
        numbers = (runs[name].get("mechanism") or {}).get("numbers")
        if numbers:
            key = tuple(numbers["inputs"]["identity"]["model_sha256"])
            groups.setdefault(key, []).append(name)
    named = {}
    for group in groups.values():
        name = ending(group) or runs[group[0]]["model"]
        if name in named:  # another model of the same description
            name += f" of {group[0]}"
        if len(group) >= 3:
            named[name] = group
    return named


def ending(group):
    """What the runs' names have in common behind their first dash: a model."""
    model = group[0].partition("-")[2]
    return model if all(name.endswith("-" + model) for name in group) else ""


def difference_table(runs, counted, groups, pairs, in_distribution):
    found = {name: [compared(report, a, b, in_distribution) for a, b, _ in pairs]
             for name, report in runs.items()}
    rows = [[name, *map(shown, entries)] for name, entries in found.items()]
    for model, group in groups.items():
        means = [mean_of(column) for column in zip(*(found[name] for name in group))]
        rows.append([f"mean of {len(group)} shifts, {model}", *means])
    counts = []
    for index, (_, _, sign) in enumerate(pairs):
        entries = [found[name][index] for name in counted if found[name][index]]
        clear = [entry["difference"] for entry in entries if sure(entry)]
        above = sum(value > 0 for value in clear)
        as_paper = above if sign >= 0 else len(clear) - above
        counts.append(f"{as_paper} / {len(clear) - as_paper} / {len(entries) - len(clear)}")
    rows.append([f"of {len(counted)} runs", *counts])
    return markdown(["run", *(f"{a} − {b}" for a, b, _ in pairs)], rows)


def by_seed(report, method, in_distribution):
    """(seed, accuracy on the ID test set or over the OOD sets) of each seed."""
    id_sets = {one["name"] for one in report["sets"] if one["role"] == "id_test"}
    values = []
    for model in report["models"]:
        if model["name"] == method:
            inside = [s["accuracy"] for s in model["scores"] if s["set"] in id_sets]
            values.append((model["seed"], inside[0] if in_distribution else model["mean_ood"]))
    return values


def against(report, method, reference, in_distribution):
    """The difference seed by seed; reports compare such methods with one kind of FT only."""
    first = dict(by_seed(report, method, in_distribution))
    second = dict(by_seed(report, reference, in_distribution) or
                  by_seed(report, without_batchnorm(reference), in_distribution))
    differences = [100 * (first[seed] - second[seed]) for seed in first if seed in second]
    if len(differences) < 2:
        return "-"
    mean, half = statistics.mean(differences), half_width(differences)
    text = f"{mean:+.1f}"
    return f"{'**' + text + '**' if abs(mean) > half else text} ±{half:.1f}"


def overview(runs, group):
    """LP, FT and LP-FT out of distribution on the shifts of one model, and their means."""
    rows = []
    for method in (*PLAIN, *WITHOUT_BATCHNORM):
        columns = [next((row["columns"] for row in runs[name]["summary"] if row["name"] == method),
                        None) for name in group]
        if None in columns:
            continue
        inside = [next(c for c in one if c["role"] == "id_test")["accuracy"] for one in columns]
        outside = [[c for c in one if c["role"] == "ood"][-1]["accuracy"] for one in columns]
        values = [*outside, statistics.mean(outside), statistics.mean(inside)]
        rows.append([method, *map(percent, values)])
    shifts = [name.removesuffix("-" + ending(group)) for name in group]
    return markdown(["method", *shifts, "mean OOD", "mean ID"], rows)


def variants_table(runs, in_distribution):
    """The other ways to fine-tune, each against FT (BN live), where they were run."""
    methods = {name: {without_batchnorm(row["name"]): row["name"] for row in report["summary"]
                      if row["kind"] in ("ft", "lpft")
                      and row["name"] not in (*PLAIN, *WITHOUT_BATCHNORM)}
               for name, report in runs.items()}
    heads = list(dict.fromkeys(method for found in methods.values() for method in found))
    rows = [[name] + [against(runs[name], found[method], FT, in_distribution) if method in found
                      else "-" for method in heads] for name, found in methods.items() if found]
    return markdown(["run", *heads], rows) if rows else None


def distortion_rows(name, report):
    """Means over the seeds: a seed's numbers are one element of `seeds`."""
    numbers = (report.get("mechanism") or {}).get("numbers")
    if not numbers:
        return
    seeds = [numbers] + numbers.get("later_seeds", [])
    for index, after in enumerate(numbers["models"]):
        if after["role"] != "after":
            continue
        moved = [[next(m for m in s["movement"] if m["model"] == after["name"])
                  for s in seed["sets"]] for seed in seeds]
        ids, oods = [sets[0] for sets in moved], [m for sets in moved for m in sets[1:]]
        if not oods:
            continue
        ratios = [m["id_ratio"] for m in oods if m["id_ratio"] is not None]
        changes = [seed["models"][index]["head"].get("change") or {} for seed in seeds]
        yield [name, after["name"], two_digits(m["over_spread"] for m in ids),
               two_digits(m["over_spread"] for m in oods), two_digits(ratios),
               f"{sum(r > 1 for r in ratios)} of {len(ratios)}" if ratios else "-",
               two_digits(m["to_first"] for m in ids), two_digits(m["cka"] for m in ids),
               two_digits(change.get("cosine") for change in changes)]


def two_digits(values):
    """Their mean; a dash where there is none, or one is missing."""
    values = list(values)
    return f"{statistics.mean(values):.2f}" if values and None not in values else "-"


def main():
    runs = {path.parent.name: json.loads(path.read_text())
            for path in sorted(Path(sys.argv[1]).glob("*/results.json"))}
    if not runs:
        sys.exit(f"{sys.argv[1]}: no finished run in it")
    kept, repeated = {}, {}
    for name, report in runs.items():
        twin, equal, same_sets = repeats(report, kept)
        if twin:
            repeated[name] = twin, equal
        if not (equal and same_sets):
            kept[name] = report
    # In protocol, each training once.
    counted = [name for name, report in kept.items()
               if name not in repeated and not report.get("out_of_protocol")]
    groups = shifts_of_models(kept, counted)
    if groups:
        print("## Each model on its shifts\n")
        print("Accuracy out of distribution in percent (mean over the OOD sets and seeds), and "
              "means over the shifts.\n")
    for model, group in groups.items():
        print(f"### {model}\n")
        print(overview(kept, group))
    print("## Differences between the methods\n")
    print("In points, with the 95 % interval over the seeds. Bold: neither this interval nor the "
          "one over the pictures (bootstrap) holds 0; all others are open. A model's mean is over "
          "its shifts, with Student's t over them. Last row: in how many runs the sign is clear and "
          "the paper's (of the last column: plus), clear and the opposite, open. Counted are runs "
          "that were chosen on ID data, each training once: " + ", ".join(counted) + ".\n")
    print("In distribution (ID test):\n")
    print(difference_table(kept, counted, groups, IN_DISTRIBUTION, True))
    print("Out of distribution (mean OOD; where there is one OOD set, that):\n")
    print(difference_table(kept, counted, groups, OUT_OF_DISTRIBUTION, False))
    variants = [variants_table(kept, inside) for inside in (True, False)]
    if all(variants):
        print("### Other ways to fine-tune, against FT\n")
        print("All with live BatchNorm. In points, mean over the seeds and 95 % interval (Student's "
              "t over the seeds alone; bold: it leaves out 0). In distribution:\n")
        print(variants[0])
        print("Out of distribution:\n")
        print(variants[1])
    print("## How far features moved\n")
    print("From the pretrained model, means over the seeds. ID, OOD: distance over the typical "
          "distance of two pictures (OOD: mean over the sets). ID / OOD: ratio of plain distances, "
          "which the paper predicts above 1, mean over the OOD sets (it is not the quotient of the "
          "columns before it, whose units differ from set to set), and for how many sets and seeds "
          "it is above 1. "
          "Against FT: how far ID features moved, over the same for FT (BN live). CKA: linear, "
          "with the features before, on ID. Head: cosine to LP's.\n")
    rows = [row for name, report in kept.items() for row in distortion_rows(name, report)]
    print(markdown(["run", "model", "ID", "OOD", "ID / OOD", "above 1", "against FT", "CKA",
                    "head"], rows, 2))
    print("## The runs\n")
    print("Accuracy in percent, mean over the seeds; ± is the longer side of the 95 % interval: "
          "Student's t over the seeds, Wilson's interval for LP.\n")
    for name, report in runs.items():
        print(f"### {report['title']} ({report['model']})\n")
        if name not in kept:
            print(f"`{name}`: the trainings, sets and numbers of `{repeated[name][0]}`.\n")
            continue
        print(f"`{name}`. " + " ".join(remarks(report)) + "\n")
        if name in repeated:
            twin, equal = repeated[name]
            print(f"The trainings of `{twin}` again, " + (
                "with the same numbers.\n" if equal else
                "by another build or on another machine, with other numbers: not counted.\n"))
        if report.get("out_of_protocol"):
            print(report["out_of_protocol"] + "\n")
        print(result_table(report))


if __name__ == "__main__":
    main()
