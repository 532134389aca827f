#!/usr/bin/env bash
# Installs what is missing, builds, and runs the whole way on the emoji styles that lie in
# this repository: LP, FT, LP-FT, a small random search, its soups, the shift report.
# Arguments go to `stockpot demo`, for instance --out DIR or --seed N.
set -euo pipefail
cd "$(dirname "$0")/.."
scripts/setup.sh
cmake --preset release -DSTOCKPOT_TESTS=OFF >build-configure.log 2>&1 || {
  cat build-configure.log
  exit 1
}
rm -f build-configure.log
cmake --build --preset release --parallel
exec build/release/bin/stockpot demo "$@"
