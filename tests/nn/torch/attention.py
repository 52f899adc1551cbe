"""What PyTorch's attention and transformer layers compute, for tests/ops/attention/test_attention.c
and tests/nn/layers/test_attention_layers.c.

    python3 attention.py > attention.txt        # PyTorch 1.13

A row is @, a name, and the elements of the result and of the gradients by inputs and parameters, for
the cotangent x(9, ...). Tensors are x_i = 2 sin(1.3 i + k), and parameters x(k) / 4 in their order.
"""
import math

import torch
import torch.nn as nn
import torch.nn.functional as F

torch.set_default_dtype(torch.float64)


def x(k, *shape):
    n = math.prod(shape)
    return torch.tensor([2 * math.sin(1.3 * i + k) for i in range(n)]).reshape(shape)


def row(name, f, *inputs):
    inputs = [v.clone().requires_grad_() for v in inputs]
    y = f(*inputs)
    found = [y] + list(torch.autograd.grad(y, inputs, x(9, *y.shape)))
    print("@" + name, " ".join("%.14g" % v for t in found for v in t.flatten().tolist()))


q, k, v = x(0, 1, 2, 3, 2), x(1, 1, 2, 4, 2), x(2, 1, 2, 4, 3)
allowed = torch.tensor([[1, 0, 1, 1], [0, 1, 0, 0], [1, 1, 1, 0]]).bool()
attention = F._scaled_dot_product_attention
row("plain", lambda *t: attention(*t)[0], q, k, v)
row("causal", lambda *t: attention(*t, is_causal=True)[0], q, k, v)
row("chosen", lambda *t: attention(*t, allowed)[0], q, k, v)
row("added", lambda q, k, v, m: torch.softmax(q @ k.mT / math.sqrt(2) + m, -1) @ v, q, k, v,
    x(3, 3, 4))
