"""What PyTorch's attention, transformer layers and embedding compute, for
tests/ops/attention/test_attention.c, tests/nn/layers/test_embedding.c
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


def layer(name, m, f, *inputs):
    for k, p in enumerate(m.parameters()):
        p.data = x(k, *p.shape) / 4
    inputs = [v.clone().requires_grad_() for v in inputs]
    y = f(*inputs)
    found = [y] + list(torch.autograd.grad(y, inputs + list(m.parameters()), x(9, *y.shape)))
    print("@" + name, " ".join("%.14g" % v for t in found for v in t.flatten().tolist()))


here, there = x(0, 2, 3, 4), x(1, 2, 2, 4)
padded = torch.tensor([[True, True], [True, False]])  # the keys that take part
causal = torch.ones(3, 3).tril().bool()
m = nn.MultiheadAttention(4, 2, batch_first=True)
layer("itself", m, lambda q: m(q, q, q, need_weights=False)[0], here)
layer("itself_causal", m, lambda q: m(q, q, q, attn_mask=~causal, need_weights=False)[0], here)
layer("cross", m, lambda q, k, v: m(q, k, v, key_padding_mask=~padded, need_weights=False)[0],
      here, there, x(2, 2, 2, 4))
more = x(5, 3, 2)
layer("cross_added", m, lambda q, k: m(q, k, k, attn_mask=more, need_weights=False)[0], here, there)
m = nn.MultiheadAttention(4, 4, bias=False, batch_first=True)
layer("no_bias", m, lambda q: m(q, q, q, need_weights=False)[0], here)
m = nn.TransformerEncoderLayer(4, 2, 6, 0, batch_first=True)
layer("encoder", m, lambda x: m(x), here)
m = nn.TransformerEncoderLayer(4, 2, 6, 0, "gelu", 0.1, True, True)
layer("encoder_first", m, lambda x: m(x, ~causal), here)
m = nn.TransformerDecoderLayer(4, 2, 6, 0, batch_first=True)
layer("decoder", m, lambda x, memory: m(x, memory, ~causal, memory_key_padding_mask=~padded), here,
      there)
m = nn.TransformerDecoderLayer(4, 2, 6, 0, "gelu", 0.1, True, True)
layer("decoder_first", m, lambda x, memory: m(x, memory), here, there)
m = nn.Embedding(5, 3, padding_idx=1)
layer("embedding", m, lambda: m(torch.tensor([[4, 1], [0, 4]])))
