#!/usr/bin/env bash
# Instructions of one inference of the exported C beside CMSIS-NN's kernels for the same layers, on an emulated Cortex-M3 (where CMSIS-NN runs its plain C)
# and Cortex-M4 (where it has the DSP extension): the same compiler and flags, counted by qemu. Instructions, not cycles: loads and multiplications of a
# processor may take more than one. Needs Debian's gcc-arm-none-eabi, libnewlib-arm-none-eabi, qemu-system-arm and python3. With TFLITE_MICRO and GEMMLOWP
# (and libstdc++-arm-none-eabi-newlib) beside TensorFlow Lite Micro's reference kernels too, which have 8-bit weights only.
#
#   CMSIS_NN=DIR [TFLITE_MICRO=DIR GEMMLOWP=DIR] bench/peers/cmsis_nn.sh [--layers]
#   DIR: clones of github.com/ARM-software/CMSIS-NN, tensorflow/tflite-micro, google/gemmlowp; FLAGS instead of -O3; BITLOOM=PATH
set -euo pipefail
cd "$(dirname "$0")/../.."
program=${BITLOOM:-build/bitloom}
read -ra flags <<<"${FLAGS:--O3}"
layers=${1:-}
[[ -f ${CMSIS_NN:-}/Include/arm_nnfunctions.h ]] || { echo "usage: CMSIS_NN=DIR bench/peers/cmsis_nn.sh [--layers]: there is no CMSIS-NN in '${CMSIS_NN:-}'" >&2; exit 2; }
tflm=${TFLITE_MICRO:+$TFLITE_MICRO/tensorflow/lite/kernels/internal}
[[ -z $tflm || -f $tflm/common.cc && -f ${GEMMLOWP:-}/fixedpoint/fixedpoint.h ]] ||
  { echo "there is no TensorFlow Lite Micro in '$TFLITE_MICRO', or no gemmlowp in '${GEMMLOWP:-}'" >&2; exit 2; }
for tool in arm-none-eabi-gcc qemu-system-arm python3; do command -v $tool >/dev/null || { echo "$tool is not installed" >&2; exit 1; }; done
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

run() {  # CORE SOURCE...: the counts that the program prints
  local core=$1 board=mps2-an385
  shift
  [[ $core = cortex-m3 ]] || board=mps2-an386
  arm-none-eabi-gcc "${flags[@]}" -mthumb -mcpu="$core" -ffunction-sections -fdata-sections -Wl,--gc-sections -nostartfiles -T tests/cross/mps2.ld \
    -I . tests/cross/mps2_start.c "$@" -o "$work/program" 2>"$work/errors" || { cat "$work/errors" >&2; return 1; }
  qemu-system-arm -M $board -icount shift=0 -display none -monitor none -serial none -semihosting-config enable=on,target=native -kernel "$work/program"
}

# The kernels in question, once a core; those that nobody calls go.
library() {  # CORE
  mkdir -p "$work/$1"
  find "$CMSIS_NN/Source" -name '*.c' |
    grep -E '/arm_(nn_)?(convolve|depthwise_conv|mat_mult|vec_mat_mult|fully_connected|avgpool|elementwise_add|s8_to_s16|q7_to_q15)' |
    grep -Ev '(convolve|depthwise_conv|fully_connected|avgpool).*_s16|_f(16|32)|transpose' |
    xargs -P "$(nproc)" -I{} sh -c 'out=$1/$(basename "$2").o && shift 2 && exec "$@" -o "$out"' sh "$work/$1" {} \
      arm-none-eabi-gcc "${flags[@]}" -mthumb -mcpu="$1" -std=gnu99 -ffunction-sections -fdata-sections -w -I "$CMSIS_NN/Include" -c {}
  arm-none-eabi-ar rcs "$work/$1/libcmsis.a" "$work/$1"/*.o
}

# A DS-CNN at its own size with random weights, w8a8 or w4a8.
ds_cnn() {  # QUANT
  python3 - "$work/words.npz" <<'END'
import random, sys, zipfile
random.seed(1)
def array(*shape, data):  # numpy's format, version 1
    text = repr({"descr": "|u1", "fortran_order": False, "shape": shape}).ljust(117) + "\n"
    return b"\x93NUMPY\x01\0" + len(text).to_bytes(2, "little") + text.encode() + data
with zipfile.ZipFile(sys.argv[1], "w") as file:
    for part in "train", "val", "test":
        file.writestr(f"x_{part}.npy", array(12, 49, 10, 1, data=random.randbytes(12 * 490)))
        file.writestr(f"y_{part}.npy", array(12, data=bytes(range(12))))
END
  "$program" train --data "$work/words.npz" --model ds_cnn --epochs 0 --finetune-epochs 0 --quant "$1" --out "$work/ds_cnn-$1" >/dev/null 2>&1
  echo "$work/ds_cnn-$1"
}

compare() {  # NAME RUN WEIGHT_BITS DEFINE...
  local name=$1 folder=$2 bits=$3 core
  shift 3
  rm -rf "$work/c"
  "$program" deploy --model "$folder" --target c --out "$work/c" >/dev/null
  for core in cortex-m3 cortex-m4; do
    run $core -DBITLOOM_NO_MAIN -DBITLOOM_TRACE -I "$work/c" "$work/c"/bitloom_{network,kernels}.c bench/peers/cmsis_nn_ours.c >"$work/ours"
    run $core "$@" -DWEIGHT_BITS="$bits" -I "$CMSIS_NN/Include" bench/peers/cmsis_nn.c "$work/$core/libcmsis.a" >"$work/theirs"
    : >"$work/tflm"
    [[ $bits = 4 || -z $tflm ]] || run $core "$@" -DTF_LITE_STATIC_MEMORY -DNDEBUG -fno-rtti -fno-exceptions -fno-threadsafe-statics --specs=nosys.specs -w \
      -I "$TFLITE_MICRO" -I "$GEMMLOWP" bench/peers/tflite_micro.cpp "$tflm"/{common,runtime_shape}.cc >"$work/tflm"
    paste "$work/ours" "$work/theirs" "$work/tflm" | awk -v name="$name" -v core=$core -v layers="$layers" -v tflm="$tflm" '
      function line(what, where, digits, ours, theirs, reference) {
        printf "| %s | %s | %." digits "f | %." digits "f | %.2f |", what, where, ours / 1e6, theirs / 1e6, ours / theirs
        if (tflm) printf reference ? " %." digits "f | %.2f |" : " | |", reference / 1e6, ours / (reference ? reference : 1)
        print ""
      }
      layers { line("  layer " NR, "", 3, $1, $2, $3) }
      { ours += $1; theirs += $2; reference += $3 }
      END { line(name, core, 2, ours, theirs, reference) }'
  done
}

library cortex-m3
library cortex-m4
version() { cat "$1/COMMIT" 2>/dev/null || git -C "$1" rev-parse HEAD 2>/dev/null || echo "of unknown version"; }
echo "Instructions of one inference in millions, $(arm-none-eabi-gcc --version | head -1), ${flags[*]}; CMSIS-NN $(version "$CMSIS_NN")${tflm:+;
TensorFlow Lite Micro $(version "$TFLITE_MICRO"), its reference kernels}"
echo
echo "| network | core | bitloom | CMSIS-NN | ratio |${tflm:+ TFLM | ratio |}"
echo "| --- | --- | ---: | ---: | ---: |${tflm:+ ---: | ---: |}"
compare "ResNet-8 w8a8" results/cifar10/w8a8 8
compare "ResNet-8 w4a8, s4" results/cifar10/w4a8 4
compare "ResNet-8 w2a8, s4" results/cifar10/w2a8 4
compare "ResNet-8 channel-1, s8" results/cifar10/channel-1 8
compare "DS-CNN w8a8" "$(ds_cnn w8a8)" 8 -DDS_CNN
compare "DS-CNN w4a8, s4" "$(ds_cnn w4a8)" 4 -DDS_CNN
