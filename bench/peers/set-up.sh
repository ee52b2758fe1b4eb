#!/bin/sh
# Makes the virtual environment of the peers that attune is measured against: sh bench/peers/set-up.sh [FOLDER]
# FOLDER defaults to .cache/peers in the repository. PyTorch's Linux package brings CUDA libraries of some 4 GB, which are
# never used; where a CPU build can be had, point PIP_INDEX_URL at it. Prints the path of the Python to run the peers with.
set -eu
here=$(CDPATH= cd -- "$(dirname -- "$0")" && pwd)
folder=${1:-$here/../../.cache/peers}
if [ ! -x "$folder/bin/python" ]; then
  mkdir -p "$folder"
  python3 -m venv "$folder" >&2
fi
if ! cmp -s "$here/requirements.txt" "$folder/installed.txt"; then
  "$folder/bin/python" -m pip install --quiet -r "$here/requirements.txt" >&2
  cp "$here/requirements.txt" "$folder/installed.txt"
fi
printf '%s\n' "$(CDPATH= cd -- "$folder" && pwd)/bin/python"
