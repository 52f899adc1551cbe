#!/usr/bin/python3
"""Writes convolution.txt: values and gradients of PyTorch's convolutions, pooling and resampling,
in f64, which tests/ops/convolution/test_torch.c compares with ours. It needs python3-torch.

    tests/ops/torch/convolution.py > tests/ops/torch/convolution.txt

A case is a line "OP KIND NUMBERS", where KIND tells functions with the same numbers apart, and then
a line for each tensor: its name, its sizes, a colon, and its elements. Inputs are not written: they
are made by `numbers` here and in the test.
"""
import torch
import torch.nn.functional as F

torch.set_default_dtype(torch.float64)


def numbers(shape, seed, modulus):
    """Exact in binary; with a small modulus many are equal."""
    n = 1
    for size in shape:
        n *= size
    values = [((i * 7919 + seed * 104729) % modulus - modulus // 2) / 64 for i in range(n)]
    return torch.tensor(values).reshape(shape)


def show(name, t):
    sizes = " ".join(str(s) for s in t.shape)
    print(name, sizes, ":", " ".join("%.14g" % v for v in t.detach().flatten().tolist()))


def case(head, y, inputs):
    """y and the gradients of `inputs`, (name, tensor)s, for a cotangent made by `numbers`"""
    print(head)
    show("y", y)
    g = numbers(y.shape, 3, 1009)
    for (name, _), gx in zip(inputs, torch.autograd.grad(y, [t for _, t in inputs], g)):
        show("g" + name, gx)


def conv(kind, images, channels, out, size, kernel, stride=1, padding=0, dilation=1, groups=1,
         output_padding=0, bias=True):
    axes = len(size)
    each = lambda v: tuple(v) if isinstance(v, (list, tuple)) else (v,) * axes
    x = numbers((images, channels, *size), 1, 1009).requires_grad_()
    w_shape = (channels, out // groups) if kind == "transposed" else (out, channels // groups)
    w = numbers((*w_shape, *kernel), 2, 1009).requires_grad_()
    b = numbers((out,), 4, 1009).requires_grad_() if bias else None
    inputs = [("x", x), ("w", w)] + ([("b", b)] if bias else [])
    if kind == "transposed":
        f = [F.conv_transpose1d, F.conv_transpose2d, F.conv_transpose3d][axes - 1]
        y = f(x, w, b, each(stride), each(padding), each(output_padding), groups, each(dilation))
    else:
        f = [F.conv1d, F.conv2d, F.conv3d][axes - 1]
        y = f(x, w, b, each(stride), "same" if kind == "same" else each(padding), each(dilation),
              groups)
    lists = [size, kernel, each(stride), each(padding), each(dilation), each(output_padding)]
    flat = " ".join(" ".join(str(v) for v in part) for part in lists)
    case(f"conv {kind} {axes} {images} {channels} {out} {groups} {int(bias)} {flat}", y, inputs)


def pool(kind, images, channels, size, kernel, stride=None, padding=0, dilation=1, ceil=False,
         exclude=False):
    axes = len(size)
    each = lambda v: tuple(v) if isinstance(v, (list, tuple)) else (v,) * axes
    stride = kernel if stride is None else stride
    x = numbers((images, channels, *size), 1, 11).requires_grad_()
    if kind == "max":
        f = [F.max_pool1d, F.max_pool2d, F.max_pool3d][axes - 1]
        y = f(x, each(kernel), each(stride), each(padding), each(dilation), ceil)
    else:
        f = [F.avg_pool1d, F.avg_pool2d, F.avg_pool3d][axes - 1]
        y = f(x, each(kernel), each(stride), each(padding), ceil, not exclude)
    lists = [size, each(kernel), each(stride), each(padding), each(dilation)]
    flat = " ".join(" ".join(str(v) for v in part) for part in lists)
    case(f"pool {kind} {axes} {images} {channels} {int(ceil)} {int(exclude)} {flat}", y,
         [("x", x)])


def resize(kind, images, channels, size, to):
    axes = len(size)
    x = numbers((images, channels, *size), 1, 11).requires_grad_()
    if kind == "adaptive_max":
        y = [F.adaptive_max_pool1d, F.adaptive_max_pool2d, F.adaptive_max_pool3d][axes - 1](x, to)
    elif kind == "adaptive_avg":
        y = [F.adaptive_avg_pool1d, F.adaptive_avg_pool2d, F.adaptive_avg_pool3d][axes - 1](x, to)
    elif kind == "nearest":
        y = F.interpolate(x, to, mode="nearest")
    else:
        mode = ["linear", "bilinear", "trilinear"][axes - 1]
        y = F.interpolate(x, to, mode=mode, align_corners=kind == "corners")
    flat = " ".join(str(v) for v in [*size, *to])
    case(f"resize {kind} {axes} {images} {channels} {flat}", y, [("x", x)])


conv("plain", 2, 3, 2, (4, 5), (3, 2), padding=1)
conv("plain", 1, 4, 2, (6, 5), (3, 3), (2, 1), (0, 2), (1, 2), groups=2)
conv("plain", 2, 3, 3, (4, 3), (3, 3), padding=1, groups=3, bias=False)
conv("plain", 1, 2, 4, (4, 3), (2, 3), 2, padding=1, groups=2)
conv("plain", 2, 2, 3, (9,), (4,), 3, 2, 2)
conv("plain", 1, 1, 2, (3, 2, 3), (2, 2, 2), (1, 2, 1), (1, 0, 1))
conv("plain", 2, 3, 2, (2, 3), (1, 1))
conv("plain", 1, 2, 2, (1, 1), (3, 3), padding=2)
conv("plain", 1, 1, 1, (7,), (2,), 4)
conv("same", 1, 2, 2, (4, 3), (2, 3), dilation=(3, 1))
conv("transposed", 2, 3, 2, (3, 2), (3, 2), padding=1)
conv("transposed", 1, 4, 2, (2, 3), (3, 2), (2, 3), (1, 0), groups=2, output_padding=(1, 2))
conv("transposed", 2, 2, 2, (3,), (3,), 2, 1, 3, output_padding=2)
conv("transposed", 1, 1, 2, (2, 1, 2), (2, 2, 2), (1, 2, 2), bias=False)
pool("max", 2, 2, (5, 4), 2)
pool("max", 1, 2, (5, 6), 3, 2, 1)
pool("max", 1, 1, (7, 6), (3, 2), 2, (1, 0), (1, 2), ceil=True)
pool("max", 2, 2, (8,), 3, 2, 1, ceil=True)
pool("max", 1, 1, (3, 4, 4), 2, ceil=True)
pool("avg", 2, 2, (5, 4), 2)
pool("avg", 1, 2, (5, 6), 3, 2, 1)
pool("avg", 1, 2, (5, 6), 3, 2, 1, ceil=True)
pool("avg", 1, 2, (6, 7), 3, 2, 1, ceil=True, exclude=True)
pool("avg", 2, 1, (8,), 4, 3, 2, exclude=True)
pool("avg", 1, 1, (3, 4, 5), (2, 3, 2), (1, 2, 3), (0, 1, 1), ceil=True)
resize("adaptive_max", 2, 1, (5, 7), (3, 4))
resize("adaptive_max", 1, 2, (3,), (5,))
resize("adaptive_avg", 2, 1, (5, 7), (3, 4))
resize("adaptive_avg", 1, 2, (2, 3, 4), (1, 1, 1))
resize("adaptive_avg", 1, 2, (3,), (5,))
resize("nearest", 1, 2, (2, 3), (5, 4))
resize("nearest", 1, 1, (7,), (3,))
resize("linear", 1, 2, (3, 2), (5, 7))
resize("linear", 1, 1, (5, 6), (2, 3))
resize("linear", 1, 1, (2, 3, 2), (3, 2, 4))
resize("linear", 2, 1, (1,), (3,))
resize("corners", 1, 2, (3, 2), (5, 7))
resize("corners", 1, 1, (4, 5), (1, 3))
x = numbers((1, 8, 2, 3), 1, 1009).requires_grad_()
case("shuffle shuffle 2", F.pixel_shuffle(x, 2), [("x", x)])
x = numbers((1, 2, 4, 6), 1, 1009).requires_grad_()
case("shuffle unshuffle 2", F.pixel_unshuffle(x, 2), [("x", x)])
