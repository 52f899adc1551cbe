"""Values and gradients of torch's losses, for tests/nn/losses/test_more_losses.c.

    python3 losses.py > losses.txt        # PyTorch 1.13

A row is @, a name, the loss, and its gradients by the inputs. The inputs are x_i = 2 sin(1.3 i + k)
for i = 0, 1, ... and k = 0, 1, 2 for the first input, the second, the third."""
import math

import torch
import torch.nn.functional as F

torch.set_default_dtype(torch.float64)


def x(k, *shape):
    n = math.prod(shape)
    return torch.tensor([2 * math.sin(1.3 * i + k) for i in range(n)]).reshape(shape)


def row(name, f, *inputs):
    inputs = [v.clone().requires_grad_() for v in inputs]
    loss = f(*inputs)
    loss.backward()
    values = [loss.item()] + [g for v in inputs for g in v.grad.flatten().tolist()]
    print("@" + name, " ".join("%.14g" % v for v in values))


labels = torch.tensor([2, 0, 1, 2, 1])
some = torch.tensor([2, -100, 1, -100, 0])
weights = torch.tensor([0.5, 2.0, 1.25])
logits = x(0, 5, 3)
row("class_loss", lambda v: F.cross_entropy(v, labels), logits)
row("class_loss_smoothed", lambda v: F.cross_entropy(v, labels, label_smoothing=0.2), logits)
row("class_loss_weighted", lambda v: F.cross_entropy(v, labels, weights), logits)
row("class_loss_ignored", lambda v: F.cross_entropy(v, some), logits)
row("class_loss_all", lambda v: F.cross_entropy(v, some, weights, label_smoothing=0.3), logits)
row("nll", lambda v: F.nll_loss(v, some, weights), logits)
y, t = x(0, 4, 3), x(1, 4, 3)
row("huber", lambda a, b: F.huber_loss(a, b, delta=0.7), y, t)
row("smooth_l1", lambda a, b: F.smooth_l1_loss(a, b, beta=0.7), y, t)
row("smooth_l1_0", lambda a, b: F.smooth_l1_loss(a, b, beta=0.0), y, t)
p = torch.softmax(t, 1)
row("kl", lambda a: F.kl_div(torch.log_softmax(a, 1), p, reduction="batchmean"), y)
row("poisson", lambda a: F.poisson_nll_loss(a, t.abs()), y)
side = torch.tensor([1.0, -1, -1, 1])
row("cosine", lambda a, b: F.cosine_embedding_loss(a, b, side, 0.1), y, t)
row("triplet", lambda a, b, c: F.triplet_margin_loss(a, b, c, margin=2.0, eps=0), y, t, x(2, 4, 3))
row("hinge", lambda a: torch.relu(1 - side[:, None] * a).mean(), y)


def ctc(v):
    return F.ctc_loss(torch.log_softmax(v, 2), torch.tensor([[1, 2, 2], [3, 1, 1], [0, 0, 0]]),
                      torch.tensor([7, 5, 4]), torch.tensor([3, 2, 0]), blank=0)


row("ctc", ctc, x(0, 7, 3, 4))
