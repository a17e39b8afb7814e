#!/usr/bin/env python3
"""Writes the ONNX files of this folder and, in NAME.npz, inputs x as bitloom takes them (N,H,W,C) and PyTorch's outputs y for them.

    tests/data/onnx/make.py [FOLDER]

PyTorch 1.13 (torch.onnx.export) and onnx 1.12, Debian's. The file keras.onnx is put together as tf2onnx writes Keras' networks: NHWC input, Transposes,
auto_pad, biases as Adds, MatMul, Softmax at the end; its y are what stands before that Softmax, computed by PyTorch.
"""
import os
import sys

import numpy as np
import onnx
import torch
import torch.nn.functional as F
from onnx import TensorProto, helper, numpy_helper
from torch import nn

folder = sys.argv[1] if len(sys.argv) > 1 else os.path.dirname(os.path.abspath(__file__))


class Residual(nn.Module):
    """Kept normalizations, a sum, ReLU6, max and global average pool."""

    def __init__(self):
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(3, 4, 3, padding=1, bias=False), nn.BatchNorm2d(4)
        self.conv2, self.bn2 = nn.Conv2d(4, 4, 3, padding=1), nn.BatchNorm2d(4, eps=1e-3)
        self.conv3 = nn.Conv2d(4, 6, (3, 2), stride=(2, 1), padding=(1, 0))
        self.fc = nn.Linear(6, 5)

    def forward(self, x):
        x = F.relu(self.bn1(self.conv1(x)))
        x = F.relu(x + self.bn2(self.conv2(x)))
        x = F.relu6(self.conv3(F.max_pool2d(x, 2)))
        return self.fc(torch.flatten(F.adaptive_avg_pool2d(x, 1), 1))


class Mobile(nn.Module):
    """Depthwise convolutions, normalizations that the exporter folds, a mean over the image."""

    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(1, 4, 3, stride=2, padding=1, bias=False), nn.BatchNorm2d(4), nn.ReLU6(),
            nn.Conv2d(4, 4, 3, padding=1, groups=4, bias=False), nn.BatchNorm2d(4), nn.ReLU6(),
            nn.Conv2d(4, 7, 1, bias=False), nn.BatchNorm2d(7), nn.ReLU6(),
            nn.Conv2d(7, 7, (5, 3), stride=(2, 1), padding=(2, 1), groups=7, bias=False), nn.BatchNorm2d(7), nn.ReLU(), nn.Dropout())
        self.fc = nn.Linear(7, 3)

    def forward(self, x):
        return self.fc(self.body(x).mean([2, 3]))


class Lenet(nn.Module):
    """ReLUs behind pools, a padded pool with ceil_mode, an image of several pixels flattened with a computed shape."""

    def __init__(self):
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(2, 3, 4), nn.Conv2d(3, 5, 3)
        self.fc1, self.fc2 = nn.Linear(5 * 2 * 2, 8), nn.Linear(8, 4)

    def forward(self, x):
        x = F.relu(F.max_pool2d(self.conv1(x), 2))
        x = F.relu(F.max_pool2d(self.conv2(x), 3, stride=2, padding=1, ceil_mode=True))
        x = x.view(x.size(0), -1)
        return self.fc2(F.dropout(F.relu(self.fc1(x)), training=False))


class Mlp(nn.Module):
    """Vectors; the products are a Gemm with normalization and a MatMul with a sum."""

    def __init__(self):
        super().__init__()
        self.fc1, self.bn1 = nn.Linear(12, 9), nn.BatchNorm1d(9)
        self.weight, self.bias = nn.Parameter(torch.randn(9, 4)), nn.Parameter(torch.randn(4))

    def forward(self, x):
        return torch.matmul(F.relu(self.bn1(self.fc1(x))), self.weight) + self.bias


class Preactivation(nn.Module):
    """Normalizations before convolutions, padding on two sides only, tiles averaged."""

    def __init__(self):
        super().__init__()
        self.bn0, self.conv1 = nn.BatchNorm2d(2), nn.Conv2d(2, 4, 2)
        self.bn1, self.conv2 = nn.BatchNorm2d(4), nn.Conv2d(4, 4, 3, padding=1)
        self.fc = nn.Linear(4 * 2 * 3, 3)

    def forward(self, x):
        x = self.conv1(F.pad(self.bn0(x), (0, 1, 1, 0)))
        x = x + self.conv2(F.relu(self.bn1(x)))
        return self.fc(torch.flatten(F.avg_pool2d(x, 3), 1))


def settle(model):
    """Running statistics as after training."""
    for m in model.modules():
        if isinstance(m, (nn.BatchNorm1d, nn.BatchNorm2d)):
            with torch.no_grad():
                m.weight.uniform_(0.5, 1.5), m.bias.uniform_(-0.5, 0.5)
                m.running_mean.uniform_(-0.5, 0.5), m.running_var.uniform_(0.5, 2)
    return model.eval()


def save(name, x, y):
    x = x.numpy()
    np.savez_compressed(f"{folder}/{name}.npz", x=x.transpose(0, 2, 3, 1) if x.ndim == 4 else x.reshape(len(x), 1, 1, -1), y=y.detach().numpy())


def export(name, model, shape, keep=False, dynamic=False):
    torch.manual_seed(len(name))
    model = settle(model())
    x = 3 * torch.randn(3, *shape)
    training = torch.onnx.TrainingMode.PRESERVE if keep else torch.onnx.TrainingMode.EVAL
    axes = {"x": {0: "batch"}, "y": {0: "batch"}} if dynamic else None
    torch.onnx.export(model, x[:1], f"{folder}/{name}.onnx", input_names=["x"], output_names=["y"], training=training,
                      do_constant_folding=not keep, dynamic_axes=axes)
    save(name, x, model(x))


def keras():
    torch.manual_seed(6)
    tensors = {"w1": torch.randn(4, 3, 3, 3) / 3, "b1": torch.randn(4), "w2": torch.randn(4, 1, 3, 3) / 2, "b2": torch.randn(4),
               "w3": torch.randn(6, 4, 1, 1), "b3": torch.randn(6), "w4": torch.randn(6 * 2 * 2, 5) / 3, "b4": torch.randn(5)}
    x = 2 * torch.randn(3, 3, 8, 7)
    y = F.relu(F.conv2d(F.pad(x, (1, 1, 0, 1)), tensors["w1"], tensors["b1"], stride=2))  # 4 x 4, 'same'
    y = torch.clamp(F.conv2d(F.pad(y, (0, 1, 0, 1)), tensors["w2"], tensors["b2"], groups=4), 0, 6)  # zeros below and right: 3 x 3
    y = F.relu(F.conv2d(y, tensors["w3"], tensors["b3"]))
    y = F.max_pool2d(F.pad(y, (0, 1, 0, 1)), 2)  # 2 x 2; behind a ReLU, 0 is as good as nothing
    y = y.permute(0, 2, 3, 1).reshape(3, -1) @ tensors["w4"] + tensors["b4"]
    constants = {k: v.numpy() for k, v in tensors.items()}
    constants["b1"] = constants["b1"].reshape(1, 4, 1, 1)
    constants.update(six=np.array(6, np.float32), zero=np.array(0, np.float32), flat=np.array([-1, 24], np.int64),
                     pads=np.array([0, 0, 0, 0, 0, 1, 1, 0], np.int64), below=np.array([0, 0, 0, 0, 0, 0, 1, 0], np.int64))
    node, nodes = helper.make_node, []
    add = lambda op, ins, out, **attributes: nodes.append(node(op, ins, [out], name=f"model/{out}", **attributes))
    add("Transpose", ["x"], "x_nchw", perm=[0, 3, 1, 2])
    add("Conv", ["x_nchw", "w1"], "c1", auto_pad="SAME_UPPER", strides=[2, 2], kernel_shape=[3, 3])
    add("Add", ["c1", "b1"], "a1")
    add("Relu", ["a1"], "r1")
    add("Transpose", ["r1"], "t1", perm=[0, 2, 3, 1])
    add("Pad", ["t1", "pads"], "p1", mode="constant")
    add("Transpose", ["p1"], "t2", perm=[0, 3, 1, 2])
    add("Conv", ["t2", "w2"], "c2", group=4, auto_pad="VALID", strides=[1, 1], kernel_shape=[3, 3])
    add("Transpose", ["c2"], "t3", perm=[0, 2, 3, 1])
    add("Add", ["t3", "b2"], "a2")
    add("Clip", ["a2", "zero", "six"], "r2")
    add("Transpose", ["r2"], "t4", perm=[0, 3, 1, 2])
    add("Conv", ["t4", "w3", "b3"], "c3", auto_pad="SAME_UPPER", strides=[1, 1], kernel_shape=[1, 1])
    add("Relu", ["c3"], "r3")
    add("Pad", ["r3", "below"], "p3")
    add("MaxPool", ["p3"], "m3", auto_pad="NOTSET", pads=[0, 0, 0, 1], kernel_shape=[2, 2], strides=[2, 2])
    add("Transpose", ["m3"], "t5", perm=[0, 2, 3, 1])
    add("Reshape", ["t5", "flat"], "f")
    add("MatMul", ["f", "w4"], "d")
    add("Add", ["d", "b4"], "logits")
    add("Softmax", ["logits"], "y")
    return nodes, constants, x, y


def write_keras():
    nodes, constants, x, y = keras()
    initializers = [numpy_helper.from_array(v, k) for k, v in constants.items()]
    graph = helper.make_graph(nodes, "keras", [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["batch", 8, 7, 3])],
                              [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["batch", 5])], initializers)
    model = helper.make_model(graph, producer_name="as tf2onnx", opset_imports=[helper.make_opsetid("", 13)])
    onnx.checker.check_model(model)
    onnx.save(model, f"{folder}/keras.onnx")
    save("keras", x, y)


export("residual", Residual, (3, 8, 6), keep=True)
export("mobile", Mobile, (1, 12, 9))
export("lenet", Lenet, (2, 14, 11), dynamic=True)
export("mlp", Mlp, (12,), keep=True)
export("preactivation", Preactivation, (2, 6, 9), keep=True)
write_keras()
