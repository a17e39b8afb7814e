#!/usr/bin/python3
# Times the four networks in PyTorch at its best and prints one JSON object of images per second, named as the benchmarks of bench/train_bench.cpp:
#   {"resnet8/train_step/128": ..., "resnet8/integer/128": ..., ...}
# A training step is forward, loss, backward and optimizer in float, in the fastest of memory layouts and optimizers ("integer" is what a user
# would run instead of our integer network: float inference, normalization folded, traced, frozen and optimized). Medians over slots; the
# configurations take turns, so that a slow moment of the machine hits them all.
# Run with the system's python (Debian: python3-torch, python3-numpy); run.sh sets threads, memory and BLAS.
import argparse
import json
import statistics
import sys
import time

try:
    import torch
    import torch.nn.functional as F

    import torch_models
except ImportError as missing:
    sys.exit(f"error: {missing}; install it with: apt-get install python3-torch python3-numpy")

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("models", nargs="*", default=list(torch_models.MODELS), help="of: " + ", ".join(torch_models.MODELS))
parser.add_argument("--threads", type=int, default=2, help="threads (default: 2)")
parser.add_argument("--slots", type=int, default=5, help="timed slots per configuration (default: 5)")
parser.add_argument("--seconds", type=float, default=0.2, help="least length of a slot (default: 0.2)")
options = parser.parse_args()

LAYOUTS = {"channels_last": torch.channels_last, "contiguous": torch.contiguous_format}
OPTIMIZERS = {
    "adam": lambda p: torch.optim.Adam(p, lr=1e-3),
    "adam foreach": lambda p: torch.optim.Adam(p, lr=1e-3, foreach=True),
}


def train_step(name, batch, layout, make_optimizer):
    """One training step of a new network, as a function without arguments that returns the loss."""
    torch.manual_seed(0)
    net = torch_models.make(name).to(memory_format=layout).train()
    optimizer = make_optimizer(net.parameters())
    x = torch_models.make_input(name, batch, layout)
    classes = net(x).shape[1]
    labels = None if name == "autoencoder" else torch.randint(0, classes, (batch,))

    def step():
        optimizer.zero_grad(set_to_none=True)
        loss = F.mse_loss(net(x), x) if labels is None else F.cross_entropy(net(x), labels)
        loss.backward()
        optimizer.step()
        return loss.item()

    losses = [step() for _ in range(4)]  # also warms up
    assert losses[-1] < losses[0], f"{name} does not train: losses {losses}"
    return step


def inference(name, batch):
    model = torch_models.make(name).eval().to(memory_format=torch.channels_last)
    x = torch_models.make_input(name, batch)
    with torch.no_grad():
        fast = torch.jit.optimize_for_inference(torch.jit.freeze(torch.jit.trace(model, x)))
        for _ in range(3):  # also compiles
            y = fast(x)
        assert torch.allclose(y, model(x), atol=1e-4), f"{name}: the frozen network computes something else"

    def call():
        with torch.no_grad():
            fast(x)

    return call


def images_per_second(step, batch):
    start, steps = time.perf_counter(), 0
    while steps == 0 or time.perf_counter() - start < options.seconds:
        step()
        steps += 1
    return steps * batch / (time.perf_counter() - start)


def best_median(steps, batch):
    """The median rate of the fastest of `steps`."""
    slots = [[images_per_second(step, batch) for step in steps] for _ in range(options.slots)]
    return round(max(statistics.median(of_step) for of_step in zip(*slots)), 1)


def main():
    torch.set_num_threads(options.threads)
    torch.set_flush_denormal(True)
    result = {}
    for name in options.models:
        layouts = list(LAYOUTS.values())[: 2 if len(torch_models.MODELS[name][1]) == 3 else 1]
        for batch in (32, 128):
            steps = [train_step(name, batch, layout, o) for layout in layouts for o in OPTIMIZERS.values()]
            result[f"{name}/train_step/{batch}"] = best_median(steps, batch)
        result[f"{name}/integer/128"] = best_median([inference(name, 128)], 128)
    print(json.dumps(result))


main()
