#!/usr/bin/python3
"""Bits per character of PyTorch's LSTM, on the text and by the rules of tests/nn/train/characters.c,
which has this program's figure. It needs python3-torch.

    tests/nn/torch/characters.py FILE
"""
import math
import sys

import numpy
import torch
import torch.nn.functional as F

UNITS, STREAMS, STEPS, EPOCHS, LENGTH, TEST = 128, 32, 64, 2, 1000000, 50000


def streams(text, n):
    """n stretches of equal length, side by side: (length,n)"""
    length = len(text) // n
    return torch.tensor([text[i * length:(i + 1) * length] for i in range(n)]).t()


def run(net, out, x, y, state, kinds):
    h, state = net(F.one_hot(x, kinds).float(), state)
    return F.cross_entropy(out(h).flatten(0, 1), y.flatten()), tuple(s.detach() for s in state)


def drawn(p, which):
    """Uniform between -1 / sqrt(UNITS) and 1 / sqrt(UNITS): SplitMix64, as in characters.c."""
    z = numpy.arange(p.numel(), dtype=numpy.uint64) + numpy.uint64((which << 32) + 1)
    z *= numpy.uint64(0x9e3779b97f4a7c15)
    for shift, factor in (30, 0xbf58476d1ce4e5b9), (27, 0x94d049bb133111eb):
        z = (z ^ z >> numpy.uint64(shift)) * numpy.uint64(factor)
    z ^= z >> numpy.uint64(31)
    u = (z >> numpy.uint64(11)).astype(float) * 2.0**-53
    return torch.tensor((2 * u - 1) / math.sqrt(UNITS)).float().reshape(p.shape)


def bits(train, test, kinds):
    net, out = torch.nn.LSTM(kinds, UNITS), torch.nn.Linear(UNITS, kinds)
    parameters = [*net.parameters(), *out.parameters()]
    with torch.no_grad():
        for i, p in enumerate(parameters):
            p.copy_(drawn(p, i))
    rule = torch.optim.Adam(parameters, lr=3e-3)
    for _ in range(EPOCHS):
        state = None
        for t in range(0, len(train) - 1 - STEPS, STEPS):
            rule.zero_grad()
            loss, state = run(net, out, train[t:t + STEPS], train[t + 1:t + STEPS + 1], state,
                              kinds)
            loss.backward()
            torch.nn.utils.clip_grad_norm_(parameters, 1)
            rule.step()
    with torch.no_grad():
        loss, _ = run(net, out, test[:-1], test[1:], None, kinds)
    return loss.item() / math.log(2)


with open(sys.argv[1], "rb") as file:
    text = file.read(LENGTH)
codes = {c: i for i, c in enumerate(sorted(set(text)))}
text = [codes[c] for c in text]
torch.set_num_threads(1)
print("%.4f" % bits(streams(text[:-TEST], STREAMS), streams(text[-TEST:], 10), len(codes)))
