"""The benchmarks' work in PyTorch. See ../peers.h for what is asked and answered."""
import itertools
import os
import subprocess
import sys
import time

import torch
import torch.nn.functional as F

now = time.monotonic_ns


def chain(name, length):
    x = torch.tensor(0.5, requires_grad=True)
    f = {"sin": torch.sin, "mul": lambda y: y * x}[name]

    def run():
        y = x
        for _ in range(length):
            y = f(y)
        y.backward()
        x.grad = None
    return run


def elementwise(name, direction, n):
    functions = {"relu": torch.relu, "exp": torch.exp, "tanh": torch.tanh,
                 "sigmoid": torch.sigmoid, "gelu": F.gelu, "add": torch.add, "mul": torch.mul}
    f, x = functions[name], [torch.rand(n) for _ in range(2 if name in ("add", "mul") else 1)]
    gy = torch.rand(n)

    def forward():
        with torch.no_grad():
            f(*x)

    def backward():
        f(*x).backward(gy)
        for t in x:
            t.grad = None
    for t in x:
        t.requires_grad_(direction == "backward")
    return forward if direction == "forward" else backward


def reduce(name, axes, rows, columns):
    x = torch.rand(rows, columns)
    if axes == "all":
        f = {"sum": torch.sum, "mean": torch.mean, "max": torch.max}[name]
        return lambda: f(x)
    f, axis = {"sum": torch.sum, "mean": torch.mean, "max": torch.amax}[name], axes == "rows"
    return lambda: f(x, int(axis))


def softmax(name, rows, columns):
    x, gy = torch.randn(rows, columns, requires_grad=True), torch.rand(rows, columns)
    labels = torch.randint(columns, (rows,))
    weight, bias = torch.ones(columns, requires_grad=True), torch.zeros(columns, requires_grad=True)
    work = {"softmax": lambda: torch.softmax(x, 1).backward(gy),
            "log_softmax": lambda: torch.log_softmax(x, 1).backward(gy),
            "cross_entropy": lambda: F.cross_entropy(x, labels).backward(),
            "layer_norm": lambda: F.layer_norm(x, (columns,), weight, bias).backward(gy)}[name]

    def run():
        work()
        x.grad = weight.grad = bias.grad = None
    return run


def conv(kernel, channels, size, groups):
    x = torch.randn(32, channels, size, size, requires_grad=True)
    w = torch.randn(channels, channels // groups, kernel, kernel, requires_grad=True)
    gy = torch.randn(32, channels, size, size)

    def run():
        F.conv2d(x, w, padding=kernel // 2, groups=groups).backward(gy)
        x.grad = w.grad = None
    return run


def pool(kind, channels, size):
    x = torch.randn(32, channels, size, size, requires_grad=True)
    gy = torch.randn(32, channels, size // 2, size // 2)
    f = {"max": F.max_pool2d, "avg": F.avg_pool2d}[kind]

    def run():
        f(x, 2).backward(gy)
        x.grad = None
    return run


def attention(heads, width, steps, causal):
    x = [torch.randn(16, heads, steps, width, requires_grad=True) for _ in range(3)]
    gy = torch.randn(16, heads, steps, width)
    f = getattr(F, "scaled_dot_product_attention", None) or (
        lambda *x, is_causal: F._scaled_dot_product_attention(*x, is_causal=is_causal)[0])

    def run():
        f(*x, is_causal=bool(causal)).backward(gy)
        for v in x:
            v.grad = None
    return run


def embedding(table, width, rows):
    """with a sparse gradient, which is the quicker"""
    m = torch.nn.Embedding(table, width, sparse=True)
    rule = torch.optim.SGD(m.parameters(), lr=1e-3)
    steps = itertools.cycle([torch.randint(table, (rows,)) for _ in range(16)])
    gy = torch.randn(rows, width)

    def run():
        for _ in range(4):
            rule.zero_grad(set_to_none=True)
            m(next(steps)).backward(gy)
            rule.step()
    return run


def recurrent(kind, inputs, hidden, steps, batch, what):
    kinds = {"rnn": torch.nn.RNN, "gru": torch.nn.GRU, "lstm": torch.nn.LSTM}
    net = kinds[kind](inputs, hidden)
    rule = torch.optim.SGD(net.parameters(), lr=1e-3)
    x, y = torch.randn(steps, batch, inputs), torch.rand(steps, batch, hidden)

    def train():
        rule.zero_grad(set_to_none=True)
        F.mse_loss(net(x)[0], y).backward()
        rule.step()

    def infer():
        with torch.inference_mode():
            net(x)
    return train if what == "train" else infer


def norm(kind, channels, size):
    x = torch.randn(32, channels, size, size, requires_grad=True)
    gy = torch.rand(32, channels, size, size)
    shape = (size, size) if kind == "rms" else (channels,)
    weight, bias = torch.ones(shape, requires_grad=True), torch.zeros(shape, requires_grad=True)
    mean, variance = torch.zeros(channels), torch.ones(channels)
    f = {"batch": lambda: F.batch_norm(x, mean, variance, weight, bias, training=True),
         "group": lambda: F.group_norm(x, 8, weight, bias),
         "rms": lambda: x * torch.rsqrt((x * x).mean((2, 3), keepdim=True) + 1e-5) * weight}[kind]

    def run():
        f().backward(gy)
        x.grad = weight.grad = bias.grad = None
    return run


def network(sizes, hidden):
    sizes, layers = [int(s) for s in sizes.split("-")], []
    for a, b in zip(sizes, sizes[1:]):
        layers += [torch.nn.Linear(a, b), hidden()]
    return torch.nn.Sequential(*layers[:-1]), sizes


def train(sizes, hidden, batch, rule):
    net, sizes = network(sizes, {"relu": torch.nn.ReLU, "tanh": torch.nn.Tanh}[hidden])
    rule = {"sgd": torch.optim.SGD, "adam": torch.optim.Adam}[rule](net.parameters(), lr=1e-3)
    x = torch.rand(batch, sizes[0])
    if sizes[-1] > 1:
        y, loss = torch.randint(sizes[-1], (batch,)), F.cross_entropy
    else:
        y, loss = torch.randn(batch, 1), F.mse_loss

    def run():
        rule.zero_grad(set_to_none=True)
        loss(net(x), y).backward()
        rule.step()
    return run


class Block(torch.nn.Module):
    """two convolutions beside a way that is none, or one of 1 x 1"""

    def __init__(self, inputs, outputs, stride):
        super().__init__()
        self.body = torch.nn.Sequential(
            *convolution(inputs, outputs, 3, stride), torch.nn.ReLU(),
            *convolution(outputs, outputs, 3, 1))
        self.around = torch.nn.Sequential(
            *(convolution(inputs, outputs, 1, stride) if inputs != outputs else ()))

    def forward(self, x):
        return F.relu(self.body(x) + self.around(x))


def convolution(inputs, outputs, kernel, stride):
    return (torch.nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, bias=False),
            torch.nn.BatchNorm2d(outputs))


def lenet():
    return torch.nn.Sequential(
        torch.nn.Conv2d(1, 20, 5), torch.nn.ReLU(), torch.nn.MaxPool2d(2),
        torch.nn.Conv2d(20, 50, 5), torch.nn.ReLU(), torch.nn.MaxPool2d(2), torch.nn.Flatten(),
        torch.nn.Linear(800, 500), torch.nn.ReLU(), torch.nn.Linear(500, 10))


def residual():
    return torch.nn.Sequential(
        *convolution(1, 16, 5, 2), torch.nn.ReLU(), Block(16, 16, 1), Block(16, 32, 2),
        Block(32, 64, 2), torch.nn.AdaptiveAvgPool2d(1), torch.nn.Flatten(),
        torch.nn.Linear(64, 10))


class Attention(torch.nn.MultiheadAttention):
    def forward(self, x):
        return super().forward(x, x, x, need_weights=False)[0]


def whole(name):
    """those of ../nets.c"""
    if name == "lstm":
        return recurrent("lstm", 128, 128, 32, 32, "train")
    if name == "mlp":
        return train("784-512-512-10", "relu", 128, "adam")
    net = {"lenet": lenet, "residual": residual,
           "attention": lambda: Attention(128, 4, batch_first=True)}[name]()
    more = {"momentum": 0.9, "nesterov": True, "weight_decay": 5e-4} if name == "residual" else {}
    rule = torch.optim.SGD(net.parameters(), lr=1e-3, **more)
    if name == "attention":
        x, y, loss = torch.rand(16, 128, 128), torch.rand(16, 128, 128), F.mse_loss
    else:
        n = 64 if name == "lenet" else 128
        x, y, loss = torch.rand(n, 1, 28, 28), torch.randint(10, (n,)), F.cross_entropy

    def run():
        rule.zero_grad(set_to_none=True)
        loss(net(x), y).backward()
        rule.step()
    return run


def infer(sizes):
    net, sizes = network(sizes, torch.nn.ReLU)
    x = torch.rand(1, sizes[0])

    def run():
        with torch.inference_mode():
            net(x)
    return run


def update(name, n):
    w = torch.rand(n, requires_grad=True)
    w.grad = torch.rand(n)
    rule = {"sgd": lambda: torch.optim.SGD([w], lr=1e-3),
            "momentum": lambda: torch.optim.SGD([w], lr=1e-3, momentum=0.9),
            "adam": lambda: torch.optim.Adam([w], lr=1e-3)}[name]()
    return rule.step


# -- Asked of a process of its own
def first_step():
    train("784-128-10", "relu", 64, "sgd")()
    print(now())


def peak():
    """bytes of the process at most"""
    with open("/proc/self/status") as status:
        kilobytes, = (int(line.split()[1]) for line in status if line.startswith("VmHWM:"))
    return kilobytes * 1024


def peak_memory():
    """training on `images`, beyond these"""
    step, images = train("784-128-10", "relu", 64, "sgd"), torch.ones(20000, 784)
    for _ in range(100):
        step()
    print(peak() - images.numel() * 4)


def network_memory(name):
    step = whole(name)
    for _ in range(20):
        step()
    print(peak())


def alone(*what):
    start = now()
    out = subprocess.run([sys.executable, __file__, *what], stdout=subprocess.PIPE, check=True)
    return int(out.stdout) - (start if what[0] == "first_step" else 0)


works = {"chain": chain, "elementwise": elementwise, "reduce": reduce, "softmax": softmax,
         "train": train, "infer": infer, "update": update, "conv": conv, "pool": pool,
         "attention": attention, "embedding": embedding, "recurrent": recurrent, "norm": norm,
         "network": whole}
made = {}


def measure(repeats, request):
    name, *arguments = request.split()
    if name == "alone":
        return alone(*arguments)
    if name not in works:
        return 0
    if request not in made:
        made[request] = works[name](*(int(a) if a.isdigit() else a for a in arguments))
    run = made[request]
    if repeats > 1:
        run()
    start = now()
    for _ in range(repeats):
        run()
    return now() - start


def main():
    torch.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))
    if len(sys.argv) > 1:
        return {"first_step": first_step, "peak_memory": peak_memory,
                "network_memory": network_memory}[sys.argv[1]](*sys.argv[2:])
    blas = {line.split("/")[-2] for line in open("/proc/self/maps") if "libblas.so" in line}
    print(torch.__version__, *sorted(blas), flush=True)
    for line in sys.stdin:
        repeats, request = line.strip().split(" ", 1)
        print(measure(int(repeats), request), flush=True)


main()
