#!/usr/bin/env bash
# Installs a build tree elsewhere, runs the installed program, and builds another project
# against the installed package.  run.sh BUILD_TREE SOURCE_TREE [cmake options]
set -euo pipefail
build=$1 source=$2
shift 2
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
cmake --install "$build" --prefix "$scratch/prefix" >/dev/null
"$scratch/prefix/bin/stockpot" inspect "$scratch/prefix/share/stockpot/demo/tin-resnet18w32-64" >/dev/null
(cd "$scratch" && prefix/bin/stockpot demo --dry-run --quiet)
cmake -S "$source/tests/install" -B "$scratch/build" -G Ninja -DCMAKE_BUILD_TYPE=Release \
  -DEXAMPLES="$source/examples" "$@" \
  -DCMAKE_PREFIX_PATH="$scratch/prefix;${STOCKPOT_PREFIX_PATH:-}" >"$scratch/log" 2>&1 ||
  { cat "$scratch/log"; exit 1; }
cmake --build "$scratch/build"
"$scratch/build/greedy" | grep "2 ingredients, 885 of 1000 right"
