#!/bin/sh
# Makes a Python environment for the scripts of this folder, with the pinned packages and PyTorch without CUDA.
# It leaves Python itself (3.10 or later, with venv) to the machine. Usage: tests/golden/make_venv.sh FOLDER
# TORCH_INDEX names another package index with PyTorch's builds for the CPU.
set -eu
if [ $# -ne 1 ]; then
  echo "usage: tests/golden/make_venv.sh FOLDER" >&2
  exit 2
fi
python3 -m venv "$1"
"$1/bin/pip" install --extra-index-url "${TORCH_INDEX:-https://download.pytorch.org/whl/cpu}" -r "$(dirname "$0")/requirements.txt"
echo "next: $1/bin/python tests/golden/make_passes.py, and make_trajectories.py or make_torch_files.py"
