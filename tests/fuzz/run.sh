#!/usr/bin/env bash
# Builds the fuzz targets and runs each for some seconds from its corpus.
#   run.sh BUILD_FOLDER [seconds each] [seed]
# A finding is left in BUILD_FOLDER/findings; it belongs into corpus/<target>/ with its fix.
set -euo pipefail
source=$(cd "$(dirname "$0")" && pwd)
build=$1 seconds=${2:-10} seed=${3:-1}
compiler=${FUZZ_CXX:-$(command -v clang++-14 || command -v clang++)}
cmake -S "$source" -B "$build" -G Ninja -DCMAKE_BUILD_TYPE=Debug \
  -DCMAKE_CXX_COMPILER="$compiler" >"$build.log" 2>&1 || { cat "$build.log"; exit 1; }
cmake --build "$build" >"$build.log" 2>&1 || { tail -50 "$build.log"; exit 1; }
mkdir -p "$build/findings"
for target in safetensors torch_file zip pickle shard_index; do
  mkdir -p "$build/grown/$target"
  echo "fuzz_$target: $(ls "$source/corpus/$target" | wc -l) inputs, then $seconds s of new ones"
  # New inputs go to the build folder; those of the repository are read only.
  status=0
  "$build/fuzz_$target" -seed="$seed" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=1024 \
    -max_len=65536 -artifact_prefix="$build/findings/$target-" -print_final_stats=1 -verbosity=0 \
    "$build/grown/$target" "$source/corpus/$target" >"$build/$target.log" 2>&1 || status=$?
  grep -E "ERROR|SUMMARY|number_of_executed_units|Test unit written|runtime error" \
    "$build/$target.log" || true
  if [ $status -ne 0 ]; then
    tail -50 "$build/$target.log"
    exit 1
  fi
done
