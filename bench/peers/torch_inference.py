#!/usr/bin/python3
# Times float inference of the four networks in PyTorch, as fast as it gets without quantization: channels_last, batch normalization folded,
# traced, frozen and optimized for inference. Prints one JSON object: {"resnet8": images per second, ...}, medians over slots.
# Run with the system's python (Debian: python3-torch, python3-numpy); inference.sh sets the threads and, for the autoencoder, a BLAS on OpenMP.
import argparse
import json
import statistics
import sys
import time

try:
    import torch

    import torch_models
except ImportError as missing:
    sys.exit(f"error: {missing}; install it with: apt-get install python3-torch python3-numpy")

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("models", nargs="*", default=list(torch_models.MODELS), help="of: " + ", ".join(torch_models.MODELS))
parser.add_argument("--batch", type=int, default=128, help="images per call (default: 128)")
parser.add_argument("--threads", type=int, default=2, help="threads (default: 2)")
parser.add_argument("--slots", type=int, default=5, help="timed slots (default: 5)")
parser.add_argument("--seconds", type=float, default=0.2, help="least length of a slot (default: 0.2)")
options = parser.parse_args()


def frozen(name):
    model = torch_models.make(name).eval().to(memory_format=torch.channels_last)
    x = torch_models.make_input(name, options.batch)
    with torch.no_grad():
        fast = torch.jit.optimize_for_inference(torch.jit.freeze(torch.jit.trace(model, x)))
        for _ in range(3):  # also compiles
            y = fast(x)
        assert torch.allclose(y, model(x), atol=1e-4), f"{name}: the frozen network computes something else"
    return fast, x


def images_per_second(fast, x):
    start, calls = time.perf_counter(), 0
    while calls == 0 or time.perf_counter() - start < options.seconds:
        fast(x)
        calls += 1
    return calls * options.batch / (time.perf_counter() - start)


def main():
    torch.set_num_threads(options.threads)
    torch.set_flush_denormal(True)
    result = {}
    with torch.no_grad():
        for name in options.models:
            fast, x = frozen(name)
            result[name] = round(statistics.median(images_per_second(fast, x) for _ in range(options.slots)), 1)
    print(json.dumps(result))


main()
