#!/usr/bin/python3
"""Runs a program that writes figures of PyTorch's once more, and compares them with the file that
the tests read: the same words, and numbers that differ by rounding at most. It needs python3-torch.

    tests/nn/torch/again.py tests/nn/torch/norms.py
"""
import pathlib
import subprocess
import sys


def words(text):
    """lists of words, one for each line"""
    return [line.split() for line in text.splitlines()]


def alike(a, b):
    """the same word, or numbers of which all digits but the last few are the same"""
    if a == b:
        return True
    try:
        return abs(float(a) - float(b)) <= 1e-10 * max(1, abs(float(b)))
    except ValueError:
        return False


def main():
    program = pathlib.Path(sys.argv[1])
    made = subprocess.run([sys.executable, "-W", "ignore", program.name], cwd=program.parent,
                          stdout=subprocess.PIPE, check=True, text=True).stdout
    now, kept = words(made), words(program.with_suffix(".txt").read_text(encoding="utf-8"))
    passed = failed = 0
    for number in range(max(len(now), len(kept))):
        a = now[number] if number < len(now) else []
        b = kept[number] if number < len(kept) else []
        if len(a) == len(b) and all(map(alike, a, b)):
            passed += 1
        else:
            failed += 1
            print("line %d: %s is %s now" % (number + 1, " ".join(b[:8]), " ".join(a[:8])))
    print("%d passed, %d failed, 0 skipped" % (passed, failed))
    return failed > 0 or passed == 0


if __name__ == "__main__":
    sys.exit(main())
