#!/usr/bin/env bash
# Installs what is missing, builds everything with warnings as errors, and runs all tests:
# the layer and header checks, the torch-free rooms, those on LibTorch, and the programs.
# Arguments go to ctest, for instance -R Resize.
set -euo pipefail
cd "$(dirname "$0")/.."
scripts/setup.sh --tests
tools/check_layers
cmake --preset ci
cmake --build --preset ci --parallel
ctest --preset ci --parallel "$(nproc)" "$@"
