#!/usr/bin/env bash
# Compares the embedded cross-encoder on an emulated Haswell, which has AVX2 and no int8 dot
# products, with float32 here: int8 as it is, and what `auto` makes of it.
#
#     scripts/avx2_check.sh [QUERIES [TEXTS]]
#
# Needs qemu-x86_64 (Debian: apt-get install qemu-user) and .venv or PYTHON. Takes minutes.
set -euo pipefail
cd "$(dirname "$0")/.."
python=${PYTHON:-.venv/bin/python}
command -v qemu-x86_64 >/dev/null || { echo "qemu-x86_64 is not installed: apt-get install qemu-user" >&2; exit 1; }
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
export SECONDPASS_CACHE_DIR="$out/cache"

"$python" -m scripts.saturation scores "$out/here.json" "$@"
qemu-x86_64 -cpu Haswell "$python" -m scripts.saturation scores "$out/haswell.json" "$@" \
    2> >(grep -v "TCG doesn't support requested feature" >&2)
"$python" -m scripts.saturation compare "$out/here.json" "$out/haswell.json"
