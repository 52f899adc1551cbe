"""What the tests in Python share: comparisons that are counted, and named where they fail."""


class Test:
    passed = failed = 0

    def equal(self, what, got, wanted):
        if got == wanted:
            self.passed += 1
        else:
            self.failed += 1
            print(f"FAILED: {what}: {got!r}"[:1000] + f", not {wanted!r}"[:1000])
