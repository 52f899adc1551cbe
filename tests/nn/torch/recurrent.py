#!/usr/bin/python3
"""Writes recurrent.txt: values and gradients of PyTorch's RNN, GRU and LSTM, in f64, which
tests/nn/layers/test_recurrent_torch.c compares with ours. It needs python3-torch.

    tests/nn/torch/recurrent.py > tests/nn/torch/recurrent.txt

A case is a line "KIND STEPS SEQUENCES INPUTS HIDDEN LEVELS BIDIRECTIONAL BATCH_FIRST BIAS STATE
LENGTHS", with 0 or else all lengths in the last place, and then a line for each tensor: its name, a
colon, and its elements: y, h and of an LSTM c, and the gradients of x, of the state if it was
given, and of all parameters. Inputs are not written: they are made by `numbers` here and in the
test. The gradients are those of the sum of y, h and c, each times `numbers`.
"""
import torch
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

torch.set_default_dtype(torch.float64)


def numbers(shape, seed):
    """From -0.79 to 0.79, exact in binary."""
    n = 1
    for size in shape:
        n *= size
    values = [((i * 7919 + seed * 104729) % 101 - 50) / 64 for i in range(n)]
    return torch.tensor(values).reshape(shape)


def show(name, t):
    print(name, ":", " ".join("%.14g" % v for v in t.detach().flatten().tolist()))


def case(kind, steps, n, inputs, hidden, levels=1, bidirectional=False, batch_first=False,
         bias=True, state=False, lengths=None):
    options = dict(num_layers=levels, bidirectional=bidirectional, batch_first=batch_first,
                   bias=bias)
    if kind == "relu":
        m = torch.nn.RNN(inputs, hidden, nonlinearity="relu", **options)
    else:
        m = {"rnn": torch.nn.RNN, "gru": torch.nn.GRU, "lstm": torch.nn.LSTM}[kind](
            inputs, hidden, **options)
    with torch.no_grad():
        for i, p in enumerate(m.parameters()):
            p.copy_(numbers(p.shape, 10 + i))
    shape = (n, steps, inputs) if batch_first else (steps, n, inputs)
    x = numbers(shape, 1).requires_grad_()
    states = [numbers((levels * (1 + bidirectional), n, hidden), 2 + i).requires_grad_()
              for i in range(2 if kind == "lstm" else 1)]
    given = (tuple(states) if kind == "lstm" else states[0]) if state else None
    if lengths:
        packed = pack_padded_sequence(x, torch.tensor(lengths), batch_first, False)
        y, last = m(packed, given)
        y, _ = pad_packed_sequence(y, batch_first, total_length=steps)
    else:
        y, last = m(x, given)
    results = [y, *last] if kind == "lstm" else [y, last]
    print(kind, steps, n, inputs, hidden, levels, int(bidirectional), int(batch_first), int(bias),
          int(state), *(lengths or [0]))
    for name, t in zip("yhc", results):
        show(name, t)
    loss = sum((t * numbers(t.shape, 5 + i)).sum() for i, t in enumerate(results))
    targets = [("x", x)] + (list(zip("hc", states)) if state else [])
    targets += [(name, p) for name, p in m.named_parameters()]
    for (name, _), g in zip(targets, torch.autograd.grad(loss, [t for _, t in targets])):
        show("g" + name, g)


for k in ("rnn", "relu", "gru", "lstm"):
    case(k, 3, 2, 3, 4)
    case(k, 1, 1, 2, 1, bias=False, batch_first=True, state=True)
    case(k, 4, 3, 2, 2, levels=2, bidirectional=True, state=True, lengths=[2, 4, 1])
case("gru", 3, 2, 2, 2, levels=2, bidirectional=True, batch_first=True)
case("lstm", 3, 2, 2, 2, levels=2, bidirectional=True, batch_first=True, lengths=[3, 2])
case("lstm", 5, 1, 1, 2, levels=3, bias=False)
