# The four MLPerf Tiny networks in PyTorch, layer for layer those of nn/models: name -> (constructor, input shape without the batch, parameters).
import torch
import torch.nn.functional as F
from torch import nn


class Norm(nn.Sequential):
    """A biased convolution with TensorFlow 'same' padding and its batch normalization; the padding is that of an input of size `inside`."""

    def __init__(self, inputs, outputs, kernel, stride, inside, groups=1):
        pads = []  # left, right, top, bottom, as F.pad takes them: the odd zero comes last
        for size, k, s in reversed(list(zip(inside, kernel, stride))):
            total = max((-(-size // s) - 1) * s + k - size, 0)
            pads += [total // 2, total - total // 2]
        self.pads = pads if pads[0] != pads[1] or pads[2] != pads[3] else None
        padding = 0 if self.pads else (pads[2], pads[0])
        convolution = nn.Conv2d(inputs, outputs, kernel, stride, padding, groups=groups)
        super().__init__(convolution, nn.BatchNorm2d(outputs))

    def forward(self, x):
        return super().forward(F.pad(x, self.pads) if self.pads else x)


class Block(nn.Module):
    """Two 3x3 convolutions beside an identity, or beside a 1x1 convolution without normalization where the size changes."""

    def __init__(self, inputs, outputs, stride, inside):
        super().__init__()
        self.first = Norm(inputs, outputs, (3, 3), (stride, stride), (inside, inside))
        self.second = Norm(outputs, outputs, (3, 3), (1, 1), (inside // stride, inside // stride))
        self.shortcut = nn.Conv2d(inputs, outputs, 1, stride) if stride > 1 else nn.Identity()
        self.relu1, self.relu2 = nn.ReLU(inplace=True), nn.ReLU(inplace=True)

    def forward(self, x):
        return self.relu2(self.shortcut(x) + self.second(self.relu1(self.first(x))))


class Mean(nn.Module):
    def forward(self, x):
        return torch.mean(x, (2, 3))


def resnet8():
    return nn.Sequential(Norm(3, 16, (3, 3), (1, 1), (32, 32)), nn.ReLU(inplace=True), Block(16, 16, 1, 32), Block(16, 32, 2, 32),
                         Block(32, 64, 2, 16), Mean(), nn.Linear(64, 10))


def separable(channels, blocks, inside):
    """Depthwise 3x3 and pointwise convolutions; blocks: (output channels, stride)."""
    layers = []
    for outputs, stride in blocks:
        layers += [Norm(channels, channels, (3, 3), (stride, stride), inside, channels), nn.ReLU(inplace=True)]
        inside = tuple(-(-size // stride) for size in inside)
        layers += [Norm(channels, outputs, (1, 1), (1, 1), inside), nn.ReLU(inplace=True)]
        channels = outputs
    return layers


def ds_cnn():
    return nn.Sequential(Norm(1, 64, (10, 4), (2, 2), (49, 10)), nn.ReLU(inplace=True), *separable(64, [(64, 1)] * 4, (25, 5)), Mean(),
                         nn.Linear(64, 12))


def mobilenet_v1():
    blocks = [(16, 1), (32, 2), (32, 1), (64, 2), (64, 1), (128, 2)] + [(128, 1)] * 5 + [(256, 2), (256, 1)]
    return nn.Sequential(Norm(3, 8, (3, 3), (2, 2), (96, 96)), nn.ReLU(inplace=True), *separable(8, blocks, (48, 48)), Mean(),
                         nn.Linear(256, 2))


def autoencoder():
    layers, inputs = [], 640
    for width in [128] * 4 + [8] + [128] * 4:
        layers += [nn.Linear(inputs, width), nn.BatchNorm1d(width), nn.ReLU(inplace=True)]
        inputs = width
    return nn.Sequential(*layers, nn.Linear(inputs, 640))


MODELS = {
    "resnet8": (resnet8, (3, 32, 32), 78186),
    "ds_cnn": (ds_cnn, (1, 49, 10), 23756),
    "mobilenet_v1": (mobilenet_v1, (3, 96, 96), 216322),
    "autoencoder": (autoencoder, (640,), 267928),
}


def make(name):
    constructor, _, parameters = MODELS[name]
    model = constructor()
    found = sum(p.numel() for p in model.parameters())
    assert found == parameters, f"not {name}: {found} parameters, expected {parameters}"
    return model


def make_input(name, batch, layout=torch.channels_last):
    x = torch.randn(batch, *MODELS[name][1])
    return x.contiguous(memory_format=layout) if x.dim() == 4 else x
