#!/usr/bin/env python3
"""agree.py FILE FILE [F64 F32]: do two builds agree? Both files are what `bits SIMD numbers` printed.

In a tensor of a sample the largest difference is at most F64 (in f64) or F32 times the largest number of
that tensor, at least 1; NaN, infinities and errors are the same. Without bounds the largest are printed."""
import math
import sys


def lines(path):
    for line in open(path, encoding="utf-8"):
        name, values = line.split(" : ")
        *tensors, status = values.split(";")
        yield name, [[float(v) for v in t.split()] for t in tensors], status.strip()


def apart(mine, theirs):
    """how far apart two tensors are, of their largest number"""
    if len(mine) != len(theirs):
        return math.inf
    largest = max([1.0] + [abs(v) for v in mine if math.isfinite(v)])
    worst = 0.0
    for a, b in zip(mine, theirs):
        if a != b and not (math.isnan(a) and math.isnan(b)):
            worst = max(worst, abs(a - b) / largest if math.isfinite(a - b) else math.inf)
    return worst


def main(first, second, *bounds):
    bounds = dict(zip(("f64", "f32"), map(float, bounds)))
    found = {"f64": [], "f32": []}
    wrong = 0
    first, second = list(lines(first)), list(lines(second))
    if [line[0] for line in first] != [line[0] for line in second] or not first:
        sys.exit("the samples are not the same")
    for (name, mine, status), (_, theirs, other) in zip(first, second):
        same = len(mine) == len(theirs) and status == other
        worst = max([apart(a, b) for a, b in zip(mine, theirs)], default=0.0) if same else math.inf
        dtype = name.split()[-1]
        found[dtype].append((worst, name))
        if worst > bounds.get(dtype, math.inf):
            wrong += 1
            print(f"{name}: {worst:.2g} apart")
    for dtype, all_of in found.items():
        exact = sum(worst == 0 for worst, _ in all_of)
        print(f"{dtype}: {exact} of {len(all_of)} samples are the same; the others at most "
              "%.2g apart, in %s" % max(all_of))
    return wrong > 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
