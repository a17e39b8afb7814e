#!/usr/bin/python3
# Times a float ResNet-8 training step (forward, cross-entropy, backward, optimizer) in PyTorch and prints one JSON line:
#   {"peer": "pytorch 1.13", "batch": 128, "threads": 2, "configuration": "...", "img_per_s": ..., "slots": [...], "all": {...}}
# Run with the system's python (Debian: python3-torch, python3-numpy). img_per_s is the median over slots of the best
# configuration; the configurations take turns, so that a slow moment of the machine hits them all.
import argparse
import json
import os
import statistics
import sys
import time

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--batch", type=int, default=128, help="images per step (default: 128)")
parser.add_argument("--threads", type=int, default=2, help="threads (default: 2)")
parser.add_argument("--slots", type=int, default=5, help="timed slots per configuration (default: 5)")
parser.add_argument("--seconds", type=float, default=0.5, help="least length of a slot (default: 0.5)")
options = parser.parse_args()
if options.batch < 1 or options.threads < 1 or options.slots < 1 or options.seconds <= 0:
    parser.error("--batch, --threads, --slots and --seconds must be positive")
for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):  # read once, when torch loads
    os.environ[name] = str(options.threads)

try:
    import torch
    import torch.nn.functional as F
except ImportError as missing:
    sys.exit(f"error: {missing}; install it with: apt-get install python3-torch python3-numpy")


class Norm(torch.nn.Sequential):
    """A biased convolution with TensorFlow 'same' padding and its batch normalization."""

    def __init__(self, inputs, outputs, kernel, stride):
        self.extra = (max(kernel - stride, 0)) % 2  # 'same' puts an odd zero below and to the right
        convolution = torch.nn.Conv2d(inputs, outputs, kernel, stride, max(kernel - stride, 0) // 2)
        super().__init__(convolution, torch.nn.BatchNorm2d(outputs))

    def forward(self, x):
        return super().forward(F.pad(x, (0, self.extra, 0, self.extra)) if self.extra else x)


class Block(torch.nn.Module):
    """Two 3x3 convolutions beside an identity, or beside a 1x1 convolution without normalization where the size changes."""

    def __init__(self, inputs, outputs, stride):
        super().__init__()
        self.first = Norm(inputs, outputs, 3, stride)
        self.second = Norm(outputs, outputs, 3, 1)
        self.shortcut = torch.nn.Conv2d(inputs, outputs, 1, stride) if stride > 1 else torch.nn.Identity()

    def forward(self, x):
        return torch.relu_(self.shortcut(x) + self.second(torch.relu_(self.first(x))))


class ResNet8(torch.nn.Module):
    """MLPerf Tiny image classification: 32x32x3 images, 10 classes."""

    def __init__(self):
        super().__init__()
        self.stem = Norm(3, 16, 3, 1)
        self.blocks = torch.nn.Sequential(Block(16, 16, 1), Block(16, 32, 2), Block(32, 64, 2))
        self.dense = torch.nn.Linear(64, 10)

    def forward(self, x):
        return self.dense(self.blocks(torch.relu_(self.stem(x))).mean((2, 3)))


OPTIMIZERS = {
    "adam": lambda p: torch.optim.Adam(p, lr=1e-3),
    "adam foreach": lambda p: torch.optim.Adam(p, lr=1e-3, foreach=True),
    "sgd foreach": lambda p: torch.optim.SGD(p, lr=0.01, momentum=0.9, foreach=True),
}


def make_step(layout, optimizer_name):
    """One training step of a new network, as a function without arguments that returns the loss."""
    torch.manual_seed(0)
    net = ResNet8().to(memory_format=layout).train()
    optimizer = OPTIMIZERS[optimizer_name](net.parameters())
    images = torch.randn(options.batch, 3, 32, 32).contiguous(memory_format=layout)
    labels = torch.randint(0, 10, (options.batch,))

    def step():
        optimizer.zero_grad(set_to_none=True)
        loss = F.cross_entropy(net(images), labels)
        loss.backward()
        optimizer.step()
        return loss.item()

    return step


def images_per_second(step):
    """Runs steps for at least options.seconds."""
    start, steps = time.perf_counter(), 0
    while steps == 0 or time.perf_counter() - start < options.seconds:
        step()
        steps += 1
    return steps * options.batch / (time.perf_counter() - start)


def main():
    torch.set_num_threads(options.threads)
    torch.set_flush_denormal(True)
    parameters = sum(p.numel() for p in ResNet8().parameters())
    assert parameters == 78186, f"not ResNet-8: {parameters} parameters"
    configurations = {}
    for layout_name, layout in (("channels_last", torch.channels_last), ("contiguous", torch.contiguous_format)):
        for optimizer_name in OPTIMIZERS:
            configurations[f"{optimizer_name}, {layout_name}"] = make_step(layout, optimizer_name)
    for name, step in configurations.items():
        losses = [step() for _ in range(3)]  # also warms up
        assert losses[-1] < losses[0], f"{name} does not train: losses {losses}"
    slots = {name: [] for name in configurations}
    for _ in range(options.slots):
        for name, step in configurations.items():
            slots[name].append(round(images_per_second(step), 1))
    medians = {name: statistics.median(values) for name, values in slots.items()}
    best = max(medians, key=medians.get)
    print(json.dumps({"peer": f"pytorch {torch.__version__}", "batch": options.batch, "threads": options.threads,
                      "configuration": best, "img_per_s": medians[best], "slots": slots[best], "all": medians}))


main()
