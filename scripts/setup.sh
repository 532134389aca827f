#!/usr/bin/env bash
# Installs what building stockpot needs, from Debian's packages only; with --tests also what its
# tests need, with --benchmarks the peers that it is measured against, too.
# Safe to run again: it installs what is missing and says what it does.
set -euo pipefail

packages=(
  # compilers and build
  build-essential cmake ninja-build ccache lld git
  # tensors: Debian's LibTorch takes whatever BLAS is installed; without OpenBLAS a matrix
  # product runs more than twenty times slower
  libtorch-dev libopenblas-dev libopenblas0-pthread
  # training on several processes: LibTorch's process groups name Gloo's types
  libgloo-dev
  # formats: JSON, YAML, images, archives, hashes
  nlohmann-json3-dev libyaml-cpp-dev libjpeg62-turbo-dev libpng-dev libwebp-dev libarchive-dev
  libssl-dev zlib1g-dev libdeflate-dev libxxhash-dev
  # merging: patterns of tensor names, Cholesky and singular values
  libpcre2-dev libeigen3-dev
  # command line and report
  libcli11-dev libjs-chart.js
)
if [[ ${1:-} == --tests || ${1:-} == --benchmarks ]]; then
  packages+=(
    clang-format libgtest-dev libbenchmark-dev python3 python3-numpy
    # training on several processes: torchrun, mpirun, networks of their own
    python3-torch openmpi-bin iproute2
    # sweeps: a Slurm on one machine, a clock that is set back
    slurm-wlm munge faketime
    # fuzzing (libFuzzer) and injected faults
    clang-14 libclang-rt-14-dev strace
  )
fi
if [[ ${1:-} == --benchmarks ]]; then
  packages+=(python3-sklearn python3-pil)  # the peers we measure against
fi

if ! command -v dpkg-query >/dev/null; then
  echo "setup: this script knows Debian and Ubuntu only; install these yourself: ${packages[*]}" >&2
  exit 1
fi
missing=()
for package in "${packages[@]}"; do
  status=$(dpkg-query -W -f='${Status}' "$package" 2>/dev/null || true)
  [[ $status == "install ok installed" ]] || missing+=("$package")
done
if ((${#missing[@]} == 0)); then
  echo "setup: all ${#packages[@]} packages are installed"
  exit 0
fi

as_root=()
if ((EUID != 0)); then
  command -v sudo >/dev/null || {
    echo "setup: needs root to install: ${missing[*]}" >&2
    exit 1
  }
  as_root=(sudo)
fi
echo "setup: installing ${#missing[@]} packages: ${missing[*]}"
export DEBIAN_FRONTEND=noninteractive
"${as_root[@]}" apt-get update -q
"${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
  apt-get install -q -y --no-install-recommends "${missing[@]}"
echo "setup: done"
