#!/usr/bin/python3
# Times one search step (weights of 2, 4 and 8 bits per channel) of the four networks in a peer and prints one JSON object of images per
# second, named as the benchmarks of bench/train_bench.cpp: {"resnet8/search_step/a8/128": ..., "resnet8/search_step/a248/128": ..., ...}
#   plinio DIR          https://github.com/eml-eda/plinio: MPS per channel, cost params_bit, on the networks of torch_models.py
#   multi-prec-nas DIR  https://github.com/eml-eda/multi-prec-nas: its own models of the four networks, complexity 'weights'
# DIR is a checkout of the peer; nothing in it is changed. A step is what their scripts do for a batch: forward, loss and cost, backward, Adam
# for the weights and SGD for the selection; layout NCHW, as neither's quantizers take another. Medians over slots, configurations in turn.
# Run with the system's python (Debian: python3-torch, for PLiNIO also python3-onnx and python3-networkx).
import argparse
import builtins
import contextlib
import json
import os
import statistics
import sys
import time
import types

try:
    import torch
    import torch.nn.functional as F

    import torch_models
except ImportError as missing:
    sys.exit(f"error: {missing}; install it with: apt-get install python3-torch python3-numpy")

parser = argparse.ArgumentParser(description="Times one search step of the four networks in a peer.")
parser.add_argument("peer", choices=["plinio", "multi-prec-nas"])
parser.add_argument("checkout", help="folder of the peer's checkout")
parser.add_argument("models", nargs="*", default=list(torch_models.MODELS), help="of: " + ", ".join(torch_models.MODELS))
parser.add_argument("--batch", type=int, default=128, help="images per step (default: 128)")
parser.add_argument("--threads", type=int, default=2, help="threads (default: 2)")
parser.add_argument("--slots", type=int, default=2, help="timed slots per configuration (default: 2)")
parser.add_argument("--seconds", type=float, default=0.2, help="least length of a slot (default: 0.2)")
options = parser.parse_args()

WEIGHT_BITS, ACT_BITS = (2, 4, 8), {"a8": (8,), "a248": (2, 4, 8)}
COST_STRENGTH = 1e-6  # small beside the loss: only its time matters


def load_plinio():
    """Imports PLiNIO on PyTorch 1.13 and returns its module MPS."""
    # Needed for loading only; a search step calls neither the digest nor, but for the cost of additions, vmap (torch.vmap since 2.0).
    sys.modules.setdefault("tdigest", types.SimpleNamespace(TDigest=object))
    if not hasattr(torch, "vmap"):
        from torch import _vmap_internals

        torch.vmap = _vmap_internals.vmap
    from plinio.methods import mps

    return mps


def plinio_network(name, activations):
    """-> the network, its forward pass (output, cost), parameters of the selection, parameters of the network."""
    mps = load_plinio()
    from plinio.cost import params_bit

    info = mps.get_default_qinfo(w_precision=WEIGHT_BITS, a_precision=ACT_BITS[activations])
    net = mps.MPS(torch_models.make(name), cost=params_bit, input_shape=torch_models.MODELS[name][1],
                  w_search_type=mps.MPSType.PER_CHANNEL, qinfo=info)
    return net, lambda x: (net(x), net.cost), list(net.nas_parameters()), list(net.net_parameters())


def multi_prec_nas_network(name, activations):
    """As plinio_network."""
    import models
    from models import quant_module, quant_module_1d

    # python's sum() of a tensor adds its elements one by one, most of a step in DS-CNN, MobileNet and the autoencoder: not what is compared.
    for module in quant_module, quant_module_1d:
        module.sum = lambda values: values.sum() if isinstance(values, torch.Tensor) else builtins.sum(values)
    theirs = {"resnet8": "mixres8", "ds_cnn": "mixdscnn", "mobilenet_v1": "mixmobilenetv1", "autoencoder": "mixdenseae"}[name]
    classes = {"resnet8": 10, "ds_cnn": 12, "mobilenet_v1": 2, "autoencoder": 640}[name]
    with contextlib.redirect_stdout(sys.stderr):  # it reports the bit widths
        net = vars(models)[f"{theirs}_w248{activations}_multiprec"](num_classes=classes, reg_target="weights", alpha_init="same",
                                                                   gumbel=False)
    selection = [p for key, p in net.named_parameters() if "alpha" in key]
    weights = [p for key, p in net.named_parameters() if "alpha" not in key]

    def forward(x):
        output, _ = net(x if x.dim() == 4 else x.view(*x.shape, 1, 1), 5.0, False)  # at the temperature their scripts start with
        return output.view(output.shape[0], -1), net.complexity_loss()

    return net, forward, selection, weights


def search_step(name, activations):
    """One search step of a new network, as a function without arguments."""
    torch.manual_seed(0)
    make_network = plinio_network if options.peer == "plinio" else multi_prec_nas_network
    net, forward, selection, weights = make_network(name, activations)
    net.train()
    optimizer, selector = torch.optim.Adam(weights, lr=1e-3), torch.optim.SGD(selection, lr=1e-2, momentum=0.9)
    x = torch_models.make_input(name, options.batch, torch.contiguous_format)
    classes = forward(x)[0].shape[1]
    labels = None if name == "autoencoder" else torch.randint(0, classes, (options.batch,))

    def step():
        optimizer.zero_grad()
        selector.zero_grad()
        output, cost = forward(x)
        loss = F.mse_loss(output, x) if labels is None else F.cross_entropy(output, labels)
        (loss + COST_STRENGTH * cost).backward()
        optimizer.step()
        selector.step()
        return loss.item()

    losses = [step() for _ in range(4)]  # also warms up
    assert min(losses[1:]) < losses[0], f"{options.peer}, {name}: does not train: losses {losses}"
    return step


def images_per_second(step):
    start, steps = time.perf_counter(), 0
    while steps == 0 or time.perf_counter() - start < options.seconds:
        step()
        steps += 1
    return steps * options.batch / (time.perf_counter() - start)


def main():
    package = {"plinio": "plinio", "multi-prec-nas": "models"}[options.peer]
    if not os.path.isdir(os.path.join(options.checkout, package)):
        sys.exit(f"error: {options.checkout} is no checkout of {options.peer}: it has no folder {package}")
    sys.path.insert(0, options.checkout)
    torch.set_num_threads(options.threads)
    torch.set_flush_denormal(True)
    result = {}
    for name in options.models:
        try:
            steps = {activations: search_step(name, activations) for activations in ACT_BITS}
        except ImportError as missing:
            sys.exit(f"error: {missing}; {options.peer} needs: apt-get install python3-torch python3-onnx python3-networkx")
        slots = [[images_per_second(step) for step in steps.values()] for _ in range(options.slots)]
        for activations, rates in zip(steps, zip(*slots)):
            result[f"{name}/search_step/{activations}/{options.batch}"] = round(statistics.median(rates), 1)
    print(json.dumps(result))


main()
