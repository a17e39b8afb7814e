#!/usr/bin/env bash
# A network from PyTorch to a microcontroller: trained and exported there, searched here from its weights, its C run on this machine and on an emulated
# Cortex-M, where every test sample must get the class that bitloom says.
#   BITLOOM_DATA=FOLDER tests/cross/onnx.sh [OUT]
# The samples are 4,000 images of CIFAR-10 (cifar-10-binary.tar.gz in BITLOOM_DATA) and 500 of its test set. Exits with 77, and the reason, when something
# is not installed or not there.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
bitloom=$(realpath "${BITLOOM:-$here/../../build/bitloom}")
out=${1:-$(mktemp -d)}
archive=${BITLOOM_DATA:-data}/cifar-10-binary.tar.gz
python=${PYTHON:-/usr/bin/python3}
[ -e "$archive" ] || { echo "onnx.sh: $archive is not there" >&2 && exit 77; }
"$python" -c 'import torch, onnx' 2>/dev/null || { echo "onnx.sh: torch and onnx (python3-torch, python3-onnx) are not installed" >&2 && exit 77; }
for tool in arm-none-eabi-gcc qemu-system-arm; do
  command -v $tool >/dev/null || { echo "onnx.sh: $tool is not installed" >&2 && exit 77; }
done
mkdir -p "$out"

"$python" - "$archive" "$out" <<'PYTHON'
import sys, tarfile
import numpy as np, torch
from torch import nn

archive, out = sys.argv[1:]
def images(name, count):
    with tarfile.open(archive) as tar:
        member = next(m for m in tar if m.name.endswith(name))
        records = np.frombuffer(tar.extractfile(member).read(count * 3073), np.uint8).reshape(count, 3073)
    return records[:, 1:].reshape(-1, 3, 32, 32), records[:, 0].astype(np.int64)

x, y = images("data_batch_1.bin", 4000)
x_test, y_test = images("test_batch.bin", 500)
np.savez(f"{out}/data.npz", x_train=x.transpose(0, 2, 3, 1), y_train=y, x_test=x_test.transpose(0, 2, 3, 1), y_test=y_test)

torch.manual_seed(0)
torch.set_num_threads(1)
net = nn.Sequential(
    nn.Conv2d(3, 12, 3, padding=1, bias=False), nn.BatchNorm2d(12), nn.ReLU6(), nn.MaxPool2d(2),
    nn.Conv2d(12, 12, 3, padding=1, groups=12, bias=False), nn.BatchNorm2d(12), nn.ReLU6(),
    nn.Conv2d(12, 24, 1, bias=False), nn.BatchNorm2d(24), nn.ReLU6(), nn.MaxPool2d(3, 2, 1),
    nn.Conv2d(24, 24, 3, stride=2, padding=1), nn.ReLU(), nn.Flatten(), nn.Linear(24 * 16, 10))
optimizer = torch.optim.Adam(net.parameters(), 2e-3)
pixels = lambda a: torch.from_numpy(a.astype(np.float32) / 255)  # as bitloom gives them to a network
for epoch in range(4):
    order = torch.randperm(len(x))
    for batch in order.split(64):
        optimizer.zero_grad()
        nn.functional.cross_entropy(net(pixels(x[batch])), torch.from_numpy(y[batch])).backward()
        optimizer.step()
net.eval()
accuracy = float((net(pixels(x_test)).argmax(1).numpy() == y_test).mean())
torch.onnx.export(net, pixels(x_test[:1]), f"{out}/net.onnx", training=torch.onnx.TrainingMode.PRESERVE)
open(f"{out}/accuracy", "w").write(f"{accuracy}")
PYTHON

# The float network scores what it does in PyTorch.
"$bitloom" eval --model "$out/net.onnx" --data "$out/data.npz" --pixels unit --json >"$out/eval.json"
"$python" - "$out" <<'PYTHON'
import json, sys
out = sys.argv[1]
there, here = float(open(f"{out}/accuracy").read()), json.load(open(f"{out}/eval.json"))["test_score_float"]
print(f"float accuracy on 500 test images: PyTorch {there:.4f}, bitloom {here:.4f}")
sys.exit(abs(there - here) > 0.0021)  # one image, where two classes are level
PYTHON

"$bitloom" search --model "$out/net.onnx" --data "$out/data.npz" --budget 40% --search-epochs 2 --finetune-epochs 2 --augment none \
  --out "$out/run" 2>/dev/null
mkdir -p "$out/c"
"$bitloom" deploy --model "$out/run" --target c --out "$out/c" >/dev/null
rm "$out/c/bitloom_selftest.c"
cat >"$out/c/main.c" <<'C'
// Standard input: samples. Standard output: the class of each, a byte.
#include <stddef.h>

#include "bitloom_network.h"

long read(int file, void* data, size_t size);
long write(int file, const void* data, size_t size);

int main(void) {
  static uint8_t in[BITLOOM_INPUT_SIZE];
  static int32_t out[BITLOOM_OUTPUT_SIZE];
  for (;;) {
    for (size_t have = 0; have < sizeof in;) {
      const long got = read(0, in + have, sizeof in - have);
      if (got <= 0) return have != 0;
      have += (size_t)got;
    }
    if (bitloom_infer(in, out) != 0) return 2;
    uint8_t best = 0;
    for (uint8_t k = 1; k < BITLOOM_OUTPUT_SIZE; ++k) best = out[k] > out[best] ? k : best;
    if (write(1, &best, 1) != 1) return 3;
  }
}
C
"$python" -c 'import sys, numpy; sys.stdout.buffer.write(numpy.load(sys.argv[1])["x_test"].tobytes())' "$out/data.npz" >"$out/in"
for target in host cortex-m4; do
  "$here/run.sh" $target "$out/c" <"$out/in" >"$out/$target"
  "$python" - "$out" $target <<'PYTHON'
import sys, numpy
out, target = sys.argv[1:]
expected, got = numpy.load(f"{out}/run/predictions.npz")["class"], numpy.fromfile(f"{out}/{target}", numpy.uint8)
print(f"{target}: {len(got)} classes, {int((got != expected).sum()) if len(got) == len(expected) else 'too few'} differ from bitloom's")
sys.exit(not numpy.array_equal(got, expected))
PYTHON
done
