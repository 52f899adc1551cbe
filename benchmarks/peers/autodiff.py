"""The functions of ../objectives.c in PyTorch, and their gradients. See ../peers.h for what is asked
and answered: a request is "value NAME SIZES", "gradient NAME SIZES", or either after "check"."""
import math
import sys
import time

import torch
import torch.nn.functional as F

torch.set_num_threads(1)
torch.set_default_dtype(torch.float64)


def uniform(stream, n):
    h = (torch.arange(n) + 1000003 * stream) * 2654435761 & 0xffffffff
    h ^= h >> 15
    h = h * 2246822519 & 0xffffffff
    return (h ^ h >> 13) / 4294967296


def logistic():
    a, t = -1 + 2 * uniform(1, 500).reshape(100, 5), (torch.arange(100) >= 50).double()

    def f(x):
        return F.binary_cross_entropy_with_logits(a @ x, t, reduction="sum")
    return f, -1 + 2 * uniform(0, 5)


def rosenbrock():
    def f(x):
        low, high = x[:-1], x[1:]
        return (100 * (high - low.square()).square() + (1 - low).square()).sum()
    return f, 0.5 + uniform(0, 50)


def gaussian():
    a, y, eye = torch.arange(60) * (10 / 59), -1 + 2 * uniform(1, 60), torch.eye(60)

    def f(x):
        length, amplitude, noise = x.exp().unbind()
        d = a.unsqueeze(1) - a.unsqueeze(0)
        k = amplitude.square() * torch.exp(-0.5 * (d / length).square()) + noise.square() * eye
        factor = torch.linalg.cholesky(k)
        z = torch.linalg.solve_triangular(factor, y.unsqueeze(1), upper=False)
        return 0.5 * z.square().sum() + factor.diagonal().log().sum()
    return f, torch.tensor([0.1, 0.2, -1])


def lotka():
    counted, sign = 2 + 2 * uniform(1, 42).reshape(21, 2), torch.tensor([1.0, -1.0])

    def f(x):
        a, b, z = x.split(2)
        own, other, dt = a.exp() * sign, b.exp() * -sign, 0.04

        def slope(z):
            return own + other * z.exp().flip(0)
        years = [z]
        for _ in range(20):
            for _ in range(25):
                k1 = slope(z)
                k2 = slope(z + k1 * (dt / 2))
                k3 = slope(z + k2 * (dt / 2))
                k4 = slope(z + k3 * dt)
                z = z + ((k1 + k4) + (k2 + k3) * 2) * (dt / 6)
            years.append(z)
        return 0.5 * (torch.stack(years) - counted).square().sum()
    return f, torch.tensor([-0.6, -0.2, -3.6, -3.7, 3.5, 1.8])


def schools():
    y, sigma = -5 + 30 * uniform(1, 8), 9 + 9 * uniform(2, 8)

    def f(x):
        m, l, eta = x.reshape(100, 10).split([1, 1, 8], 1)
        tau = l.exp()
        theta = 5 * m + tau * eta
        squares = ((y - theta) / sigma).square().sum() + m.square().sum() + eta.square().sum()
        return 0.5 * squares + (torch.log1p(0.04 * tau.square()) - l).sum()
    return f, -1 + 2 * uniform(0, 1000)


def pinn():
    at = (torch.arange(32) * (1 / 31)).reshape(32, 1)
    force = torch.sin(at * math.pi) * math.pi ** 2

    def f(x):
        a, b, c = x.split(16)
        with torch.enable_grad():
            t = at.detach().requires_grad_()
            u = t * (1 - t) * (torch.tanh(t * a + b) @ c.unsqueeze(1))
            du, = torch.autograd.grad(u.sum(), t, create_graph=True)
            d2u, = torch.autograd.grad(du.sum(), t, create_graph=True)
        return (d2u + force).square().mean()
    return f, -1 + 2 * uniform(0, 48)


def gmm(d, k, n):
    p, below = -1 + 2 * uniform(1, n * d).reshape(n, d), d * (d - 1) // 2
    places = torch.tensor([i * d + j for i in range(d) for j in range(i)])

    def f(x):
        alpha, mu, q, l = x.split([k, k * d, k * d, k * below])
        mu, q = mu.reshape(k, 1, d), q.reshape(k, d)
        lower = torch.zeros(k, d * d).index_add(1, places, l.reshape(k, below))
        factor = torch.diag_embed(q.exp()) + lower.reshape(k, d, d)
        square = ((p - mu) @ factor.transpose(1, 2)).square().sum(-1)
        each = (alpha + q.sum(1)).unsqueeze(1) - 0.5 * square
        fit = torch.logsumexp(each, 0).sum()
        return fit - n * torch.logsumexp(alpha, 0) + 0.5 * factor.square().sum()
    return f, -1 + 2 * uniform(0, k * (1 + 2 * d + below))


def lstm(layers, n):
    data, start = uniform(1, n * 14).reshape(n, 14), -1 + 2 * uniform(2, layers * 28).reshape(-1, 14)

    def f(x):
        w, rows, state = x.reshape(-1, 14).unbind(), data.unbind(), list(start.unbind())
        w_in, w_out, bias = w[-3:]
        y = []
        for t in range(n - 1):
            z = rows[t] * w_in
            for k in range(layers):
                v, hidden, cell = w[8 * k:8 * k + 8], state[2 * k], state[2 * k + 1]
                forget, out = torch.sigmoid(z * v[0] + v[4]), torch.sigmoid(z * v[2] + v[6])
                in_, change = torch.sigmoid(hidden * v[1] + v[5]), torch.tanh(hidden * v[3] + v[7])
                cell = cell * forget + in_ * change
                z = out * torch.tanh(cell)
                state[2 * k], state[2 * k + 1] = z, cell
            y.append(z * w_out + bias)
        y = torch.stack(y)
        return -(data[1:] * (y - torch.log(y.exp().sum(1, keepdim=True) + 2))).mean()
    return f, -1 + 2 * uniform(0, (8 * layers + 3) * 14)


def ba(n):
    features = -1 + 2 * uniform(1, 2 * n).reshape(n, 2)
    x = torch.cat([0.05 + 0.1 * uniform(0, 11 * n).reshape(n, 11), 4 + uniform(2, 3 * n).reshape(n, 3),
                   0.5 + uniform(3, n).reshape(n, 1)], 1)

    def f(x):
        r, center, focal, middle, k1, k2, p, w = x.split([3, 3, 1, 2, 1, 1, 3, 1], 1)
        p, angle = p - center, torch.linalg.vector_norm(r, dim=1, keepdim=True)
        axis, c = r / angle, torch.cos(angle)
        p = (c * p + torch.sin(angle) * torch.cross(axis, p, 1)
             + (axis * p).sum(1, keepdim=True) * (1 - c) * axis)
        front, depth = p.split([2, 1], 1)
        u = front / depth
        s = (u * u).sum(1, keepdim=True)
        return w * (focal * (k1 * s + k2 * s.square() + 1) * u + middle - features)
    return f, x


def gradient(f, x):
    y = f(x)
    if y.dim() == 0:
        return torch.autograd.grad(y, x)
    rows = torch.eye(2)
    return [torch.autograd.grad(y, x, rows[k].expand(y.shape), retain_graph=k == 0)[0]
            for k in range(2)]


def check(what, f, x):
    if what == "value":
        y = f(x).detach().flatten()
        return float(y @ (0.5 + uniform(8, y.numel())))
    g = torch.cat([g.flatten() for g in gradient(f, x)])
    return float(g @ (0.5 + uniform(9, g.numel())))


def value(f, x):
    with torch.no_grad():
        f(x)


functions = {f.__name__: f for f in
             (logistic, rosenbrock, gaussian, lotka, schools, pinn, gmm, lstm, ba)}
made = {}


def answer(repeats, request):
    words = request.split()
    checked = words[0] == "check"
    what, name, *sizes = words[checked:]
    if name not in functions:
        return 0
    key = name, *sizes
    if key not in made:
        f, x = functions[name](*map(int, sizes))
        made[key] = f, x, x.clone().requires_grad_()
    f, x, variable = made[key]
    if checked:
        return check(what, f, variable if what == "gradient" else x)
    work, x = (gradient, variable) if what == "gradient" else (value, x)
    if repeats > 1:
        work(f, x)
    start = time.process_time_ns()
    for _ in range(repeats):
        work(f, x)
    return time.process_time_ns() - start


print(torch.__version__, flush=True)
for line in sys.stdin:
    count, asked = line.strip().split(" ", 1)
    print(repr(answer(int(count), asked)), flush=True)
