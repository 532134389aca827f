#!/usr/bin/env python3
"""Makes the Markdown tables of docs/results.md from the runs of scripts/ablations.sh.

usage: ablation_tables.py OUT

Reads OUT/*/results.json and nothing else. One table a run, one of the distances, and one that puts
the paper's claims beside what the runs show.
"""
import json
import sys
from pathlib import Path


def percent(share):
    return "-" if share is None else f"{100 * share:.1f}"


def cell(column):
    text = percent(column["accuracy"])
    if column["low95"] is None or column["accuracy"] is None:
        return text
    half = max(column["accuracy"] - column["low95"], column["high95"] - column["accuracy"])
    return f"{text} ±{100 * half:.1f}"


def result_table(report):
    rows = [row for row in report["summary"] if row["kind"] in ("lp", "ft", "lpft")]
    heads = [column["set"] or "mean OOD" for column in rows[0]["columns"]]
    lines = ["| method | " + " | ".join(heads) + " | seeds |",
             "|---|" + "---:|" * (len(heads) + 1)]
    for row in rows:
        cells = [cell(column) for column in row["columns"]]
        lines.append(f"| {row['name']} | " + " | ".join(cells) + f" | {row['seeds']} |")
    return "\n".join(lines)


def shown(comparison):
    if comparison is None:
        return "-"
    text = f"{100 * comparison['difference']:+.1f}"
    interval = comparison["seeds95"] or comparison["pictures95"]
    if interval:
        text += f" [{100 * interval[0]:+.1f}, {100 * interval[1]:+.1f}]"
    return text


def verdict(comparison, positive):
    """Whether the sign is as the paper says, and whether the interval leaves out 0."""
    if comparison is None:
        return "-"
    interval = comparison["seeds95"] or comparison["pictures95"]
    agrees = (comparison["difference"] > 0) == positive
    sure = interval and (interval[0] > 0 or interval[1] < 0)
    return ("agrees" if agrees else "disagrees") if sure else "open"


# Claim, first, second method, whether in distribution, whether the first is to be above.
CLAIMS = [
    ("FT above LP in distribution", "FT (BN live)", "LP", True, True),
    ("FT below LP out of distribution", "FT (BN live)", "LP", False, False),
    ("LP-FT above FT out of distribution", "LP-FT (BN frozen)", "FT (BN live)", False, True),
    ("the same with BatchNorm frozen in both", "LP-FT (BN frozen)", "FT (BN frozen)", False, True),
    ("LP-FT above LP out of distribution", "LP-FT (BN frozen)", "LP", False, True),
    ("LP-FT above FT in distribution", "LP-FT (BN frozen)", "FT (BN live)", True, True),
]


def without_batchnorm(name):
    return name.split(" (BN")[0]


def find(report, first, second):
    """A - B, from whichever of the two orders was compared."""
    for a, b in ((first, second), (without_batchnorm(first), without_batchnorm(second))):
        exact = [one for one in report["comparisons"] if (one["first"], one["second"]) == (a, b)]
        if exact:
            return exact[0], 1
        other = [one for one in report["comparisons"] if (one["first"], one["second"]) == (b, a)]
        if other:
            return other[0], -1
    return None, 1


def turned(entry, sign):
    if sign > 0:
        return entry
    turn = lambda ends: [-ends[1], -ends[0]] if ends else ends
    return {**entry, "difference": -entry["difference"], "seeds95": turn(entry["seeds95"]),
            "pictures95": turn(entry["pictures95"])}


def claim_rows(name, report):
    seen = set()  # without BatchNorm two claims are one comparison
    for claim, first, second, in_distribution, positive in CLAIMS:
        one, sign = find(report, first, second)
        key = (id(one), in_distribution, positive)
        if one is None or key in seen:
            continue
        seen.add(key)
        if in_distribution:
            sets = [s for s in one["sets"] if s["role"] == "id_test"]
        else:
            ood = [s for s in one["sets"] if s["role"] == "ood"]
            sets = [s for s in ood if s["set"] == ""] or ood
        if sets:
            entry = turned(sets[0], sign)
            yield claim, name, entry, verdict(entry, positive)


def distortion_rows(name, report):
    numbers = (report.get("mechanism") or {}).get("numbers")
    if not numbers:
        return
    for after in [m["name"] for m in numbers["models"] if m["role"] == "after"]:
        moved = {s["name"]: next(m for m in s["movement"] if m["model"] == after)
                 for s in numbers["sets"]}
        (id_name, id_moved), *oods = moved.items()
        if not oods:
            continue
        mean_ood = sum(m["over_spread"] for _, m in oods) / len(oods)
        ratios = [m["id_ratio"] for _, m in oods if m["id_ratio"] is not None]
        ratio = f"{sum(ratios) / len(ratios):.2f}" if ratios else "-"
        factor = id_moved["to_first"]
        yield (f"| {name} | {after} | {id_moved['over_spread']:.3f} | {mean_ood:.3f} | {ratio} | "
               f"{'-' if factor is None else f'{factor:.3f}'} | {id_moved['cka']:.3f} |")


def main():
    runs = {path.parent.name: json.loads(path.read_text())
            for path in sorted(Path(sys.argv[1]).glob("*/results.json"))}
    if not runs:
        sys.exit(f"{sys.argv[1]}: no finished run in it")
    for name, report in runs.items():
        print(f"### {report['title']} ({report['model']})\n")
        if report.get("out_of_protocol"):
            print(report["out_of_protocol"] + "\n")
        print(f"`{name}`, {report['seconds']:.0f} s\n\n{result_table(report)}\n")
    print("### How far features moved\n")
    print("Mean distance over the typical distance of two pictures, of the first seed; ID / OOD is "
          "the mean over the OOD sets of the ratio that the paper predicts above 1.\n")
    print("| run | model | ID | mean OOD | ID / OOD | against FT, ID | CKA, ID |")
    print("|---|---|---:|---:|---:|---:|---:|")
    for name, report in runs.items():
        for row in distortion_rows(name, report):
            print(row)
    print("\n### The paper's claims\n")
    print("Differences in points with 95 % intervals over the seeds (over the pictures where there "
          "is one seed); \"open\": the interval holds 0.\n")
    print("| claim | run | difference | here |\n|---|---|---:|---|")
    rows = [row for name, report in runs.items() for row in claim_rows(name, report)]
    for claim, *_ in CLAIMS:
        for other, name, entry, says in rows:
            if other == claim:
                print(f"| {claim} | {name} | {shown(entry)} | {says} |")


if __name__ == "__main__":
    main()
