"""What torch.optim makes of 100 steps, for tests/nn/optimizers/test_rules.c; and the schedules of
torch.optim.lr_scheduler, for test_schedule.c.

    python3 optimizers.py > optimizers.txt        # PyTorch 1.13

A row is @, a name, and numbers. The problem has 4 weights, w_i = sin(i + 1) at first, and the gradient
(i + 1) w_i / 2 + cos(t (i + 1)) / 3 at step t = 1, 2, ...; the row has w after 1, 10 and 100 steps.
Lion, which PyTorch lacks, is a loop of the paper's formula (Chen et al. 2023, algorithm 2)."""
import math

import torch
from torch.optim import lr_scheduler as L

torch.set_default_dtype(torch.float64)
N, STEPS = 4, 100


def row(name, values):
    print("@" + name, " ".join("%.12g" % v for v in values))


def gradient(w, t):
    return [(i + 1) * w[i] / 2 + math.cos(t * (i + 1)) / 3 for i in range(N)]


def start():
    return [math.sin(i + 1) for i in range(N)]


def run(name, kind, **options):
    w = torch.nn.Parameter(torch.tensor(start()))
    o = kind([w], **options)
    kept = []
    for t in range(1, STEPS + 1):
        w.grad = torch.tensor(gradient(w.tolist(), t))
        o.step()
        if t in (1, 10, 100):
            kept += w.tolist()
    row(name, kept)


def lion(name, rate, beta1, beta2, decay):
    w, m, kept = start(), [0.0] * N, []
    for t in range(1, STEPS + 1):
        g = gradient(w, t)
        for i in range(N):
            c = beta1 * m[i] + (1 - beta1) * g[i]
            w[i] -= rate * ((c > 0) - (c < 0) + decay * w[i])
            m[i] = beta2 * m[i] + (1 - beta2) * g[i]
        if t in (1, 10, 100):
            kept += w
    row(name, kept)


O = torch.optim
run("sgd", O.SGD, lr=0.05)
run("sgd_nesterov", O.SGD, lr=0.05, momentum=0.9, nesterov=True, weight_decay=0.1)
run("adam", O.Adam, lr=0.05, weight_decay=0.1)
run("adam_amsgrad", O.Adam, lr=0.05, amsgrad=True, betas=(0.8, 0.9), eps=1e-3)
run("adamw", O.AdamW, lr=0.05, weight_decay=0.1)
run("adamw_amsgrad", O.AdamW, lr=0.05, weight_decay=0.1, amsgrad=True)
run("rmsprop", O.RMSprop, lr=0.02)
run("rmsprop_centered", O.RMSprop, lr=0.02, alpha=0.9, centered=True, weight_decay=0.1)
run("rmsprop_momentum", O.RMSprop, lr=0.02, momentum=0.8, eps=1e-3)
run("rmsprop_both", O.RMSprop, lr=0.02, alpha=0.95, momentum=0.5, centered=True)
run("adagrad", O.Adagrad, lr=0.3)
run("adagrad_decay", O.Adagrad, lr=0.3, lr_decay=0.05, weight_decay=0.1, eps=1e-3)
run("adadelta", O.Adadelta, lr=1.0)
run("adadelta_decay", O.Adadelta, lr=2.0, rho=0.8, eps=1e-3, weight_decay=0.1)
# foreach: the loop over single tensors of 1.13 has one factor too many in its product of mu
run("nadam", O.NAdam, lr=0.05, foreach=True)
run("nadam_decay", O.NAdam, lr=0.05, momentum_decay=0.05, betas=(0.8, 0.95), weight_decay=0.1,
    foreach=True)
run("radam", O.RAdam, lr=0.05)
run("radam_decay", O.RAdam, lr=0.05, betas=(0.8, 0.95), eps=1e-3, weight_decay=0.1)
run("adamax", O.Adamax, lr=0.05)
run("adamax_decay", O.Adamax, lr=0.05, betas=(0.8, 0.9), eps=1e-3, weight_decay=0.1)
lion("lion", 0.01, 0.9, 0.99, 0)
lion("lion_decay", 0.02, 0.8, 0.95, 0.1)


def schedule(name, make, rate=0.3, steps=STEPS):
    o = O.SGD([torch.nn.Parameter(torch.zeros(1))], lr=rate)
    s = make(o)
    rates = []
    for t in range(steps):
        rates.append(o.param_groups[0]["lr"])
        o.step()
        if t + 1 < steps:  # OneCycleLR has no rate behind its last step
            s.step()
    row(name, rates)


schedule("step", lambda o: L.StepLR(o, 15, 0.5))
schedule("multi_step", lambda o: L.MultiStepLR(o, [10, 40, 41, 90], 0.3))
schedule("exponential", lambda o: L.ExponentialLR(o, 0.97))
schedule("cosine", lambda o: L.CosineAnnealingLR(o, 99, 0.01))
schedule("cosine_restarts", lambda o: L.CosineAnnealingWarmRestarts(o, 30, 1, 0.01))
schedule("cosine_restarts_longer", lambda o: L.CosineAnnealingWarmRestarts(o, 9, 2))
schedule("warm_up", lambda o: L.LinearLR(o, 0.1, 1, 33))
schedule("one_cycle", lambda o: L.OneCycleLR(o, 0.3, 100))
schedule("one_cycle_other", lambda o: L.OneCycleLR(o, 0.3, 100, pct_start=0.45, div_factor=10,
                                                   final_div_factor=100))
for n in 1, 2, 3, 4, 5:
    schedule("one_cycle_%d" % n, lambda o: L.OneCycleLR(o, 0.3, n), steps=n)
    schedule("one_cycle_%d_half" % n, lambda o: L.OneCycleLR(o, 0.3, n, pct_start=0.55), steps=n)
    if n > 1:  # else PyTorch divides 0 by 0
        schedule("one_cycle_%d_rise" % n, lambda o: L.OneCycleLR(o, 0.3, n, pct_start=1.0),
                 steps=n)
schedule("polynomial", lambda o: L.PolynomialLR(o, 80, 2.5))
schedule("joined", lambda o: L.SequentialLR(o, [
    L.LinearLR(o, 0.25, 1, 10), L.CosineAnnealingLR(o, 50, 0.02), L.ExponentialLR(o, 0.9)],
    [10, 60]))


def plateau(name, **options):
    o = O.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.3)
    s = L.ReduceLROnPlateau(o, **options)
    rates = []
    for t in range(STEPS):
        s.step(1 / (1 + t // 3) + 0.2 * math.cos(t * t) + (0.5 if t > 60 else 0))
        rates.append(o.param_groups[0]["lr"])
    row(name, rates)


plateau("plateau")
plateau("plateau_other", mode="max", factor=0.5, patience=2, threshold=0.01, cooldown=4,
        min_lr=1e-3)
