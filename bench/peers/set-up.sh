#!/bin/sh
# Makes a virtual environment of the peers that attune is measured against:
#   sh bench/peers/set-up.sh peers|ppo [FOLDER]
# FOLDER defaults to .cache/NAME in the repository; the packages are those of NAME.txt. PyTorch's
# Linux package brings CUDA libraries of some 4 GB, which are never used; where a CPU build can be
# had, point PIP_INDEX_URL at it. Prints the path of the Python.
set -eu
here=$(CDPATH= cd -- "$(dirname -- "$0")" && pwd)
name=${1:-peers}
folder=${2:-$here/../../.cache/$name}
if [ ! -x "$folder/bin/python" ]; then
  mkdir -p "$folder"
  python3 -m venv "$folder" >&2
fi
if ! cmp -s "$here/$name.txt" "$folder/installed.txt"; then
  "$folder/bin/python" -m pip install --quiet -r "$here/$name.txt" >&2
  cp "$here/$name.txt" "$folder/installed.txt"
fi
printf '%s\n' "$(CDPATH= cd -- "$folder" && pwd)/bin/python"
