#!/usr/bin/python3
"""Writes norms.txt: values, gradients and running statistics of PyTorch's normalizations, in f64,
which tests/nn/layers/test_norms.c compares with ours. It needs python3-torch.

    tests/nn/torch/norms.py > tests/nn/torch/norms.txt

Inputs are not written: they are made by `numbers` here and in the test.
"""
import torch

torch.set_default_dtype(torch.float64)


def numbers(shape, seed):
    """Exact in binary."""
    n = 1
    for size in shape:
        n *= size
    values = [((i * 7919 + seed * 104729) % 1009 - 504) / 64 for i in range(n)]
    return torch.tensor(values).reshape(shape)


def show(name, t):
    print("@" + name, " ".join("%.15g" % v for v in t.detach().flatten().tolist()))


def module(name, m, shape, batches=1):
    """`batches` batches in training; what is kept of them; then one in use, if that is another"""
    for i, p in enumerate(m.parameters()):
        with torch.no_grad():
            p += numbers(p.shape, 20 + i) / 16
    kept = [(key, b) for key, b in m.named_buffers() if b is not None]
    for i in range(batches + (1 if kept else 0)):
        m.train(i < batches)
        x = numbers(shape, 1 + i).requires_grad_()
        m.zero_grad()
        y = m(x)
        y.backward(numbers(shape, 3))
    show(f"{name}.y", y)
    show(f"{name}.gx", x.grad)
    for key, p in m.named_parameters() if not kept else []:
        show(f"{name}.g{key}", p.grad)
    for key, b in kept:
        show(f"{name}.{key}", b)


class RMSNorm(torch.nn.Module):
    """Zhang, Sennrich 2019, which PyTorch 1.13 does not have"""
    def __init__(self, shape, eps, affine=True):
        super().__init__()
        self.axes, self.eps = tuple(range(-len(shape), 0)), eps
        self.weight = torch.nn.Parameter(torch.ones(shape)) if affine else None

    def forward(self, x):
        y = x / torch.sqrt((x * x).mean(self.axes, keepdim=True) + self.eps)
        return y if self.weight is None else y * self.weight


nn = torch.nn
module("batch1", nn.BatchNorm1d(3), (4, 3), 3)
module("batch1_train", nn.BatchNorm1d(3, track_running_stats=False), (4, 3))
module("batch2", nn.BatchNorm1d(2, momentum=0.3), (2, 2, 5), 2)
module("batch3", nn.BatchNorm2d(3, momentum=None), (2, 3, 3, 2), 3)
module("batch3_train", nn.BatchNorm2d(3, eps=0.1, track_running_stats=False), (2, 3, 3, 2))
module("batch4", nn.BatchNorm3d(2, affine=False), (2, 2, 2, 1, 3), 2)
module("batch4_train", nn.BatchNorm3d(2, affine=False, track_running_stats=False),
        (2, 2, 2, 1, 3))
module("group1", nn.GroupNorm(2, 6), (2, 6))
module("group2", nn.GroupNorm(3, 6, eps=0.1), (2, 6, 3, 2))
module("group3", nn.GroupNorm(1, 3, affine=False), (2, 3, 4))
module("instance1", nn.InstanceNorm1d(3), (2, 3, 5))
module("instance2", nn.InstanceNorm2d(2, affine=True, eps=0.1), (2, 2, 3, 2))
module("instance3", nn.InstanceNorm2d(2, affine=True, track_running_stats=True), (3, 2, 2, 3), 2)
module("instance4", nn.InstanceNorm3d(2, momentum=0.5, track_running_stats=True),
        (2, 2, 2, 1, 3), 3)
module("rms1", RMSNorm((6,), 2.0 ** -52), (3, 6))
module("rms2", RMSNorm((3, 2), 0.1, False), (2, 3, 2))


def parametrized(name, m, shape):
    """three calls in training, then one in use; the starts of u and v are made by `numbers`"""
    for i, (_, p) in enumerate(sorted(m.named_parameters())):
        with torch.no_grad():
            p.copy_(numbers(p.shape, 20 + i) / 16)
    for i, (_, b) in enumerate(sorted(m.named_buffers())):
        b.copy_(numbers(b.shape, 40 + i) / 16)
    for training in (True, True, True, False):
        m.train(training)
        x = numbers(shape, 1).requires_grad_()
        m.zero_grad()
        y = m(x)
        if training:
            y.backward(numbers(y.shape, 3))
            gx = x.grad
            grads = [(key, p.grad.clone()) for key, p in sorted(m.named_parameters())]
    show(f"{name}.y", y)
    show(f"{name}.gx", gx)
    for key, g in grads:
        show(f"{name}.g{key}", g)
    for key, b in sorted(m.named_buffers()):
        show(f"{name}.{key}", b)


utils = nn.utils
parametrized("weight_norm1", utils.weight_norm(nn.Linear(3, 4)), (2, 3))
parametrized("weight_norm2", utils.weight_norm(nn.Conv2d(2, 3, 2), dim=1), (1, 2, 3, 3))
parametrized("spectral_norm1", utils.spectral_norm(nn.Linear(3, 4)), (2, 3))
parametrized("spectral_norm2", utils.spectral_norm(
    nn.ConvTranspose1d(2, 3, 2), n_power_iterations=2, dim=1), (1, 2, 4))
