"""test_python.py LIBRARY ROOT: the Python module that embed/python/generate.py makes. Arrays go
in and out without copies, functions have gradients, a network is trained, errors are raised, and
nothing is left behind."""
import ctypes
import gc
import os
import pathlib
import subprocess
import sys
import tempfile

try:
    import numpy as np
except ImportError:
    print("0 passed, 0 failed, 1 skipped")
    sys.exit()
root = pathlib.Path(sys.argv[2])
sys.path.insert(0, str(root / "tests/house"))
sys.dont_write_bytecode = True
from counted import Test  # noqa: E402

test = Test()


def near(what, got, wanted):
    test.equal(what, bool(np.allclose(got, wanted, rtol=1e-12, atol=1e-12)), True)


def fails(what, words, call):
    try:
        call()
        test.equal(what, "no error", words)
    except ct.Error as e:
        test.equal(what, words if words in str(e) else str(e), words)


def arrays():
    a = np.arange(6.0).reshape(2, 3)
    t = ct.tensor(a)
    a[0, 0] = 7
    test.equal("the array's memory is the tensor's", str(t), "f64 (2,3) [[7, 1, 2], [3, 4, 5]]")
    test.equal("a tensor's array", t.numpy().ctypes.data, a.ctypes.data)
    turned = ct.permute(t, [1, 0]).numpy()
    test.equal("strides of a view", turned.strides, (8, 24))
    near("a view's array", turned, a.T)
    strided = ct.tensor(a.T[1:])
    near("strides of an array", strided.numpy(), a.T[1:])
    test.equal("without a copy", strided.numpy().ctypes.data, a.T[1:].ctypes.data)
    for dtype in "f4", "f8", "i8", "b1":
        x = np.array([[1, 0, 1]], dtype)
        test.equal(dtype, (ct.tensor(x).numpy().dtype, ct.tensor(x).shape), (x.dtype, (1, 3)))
    near("another byte order", ct.tensor(a.astype(">f8")).numpy(), a)
    near("backward", ct.tensor(a[::-1]).numpy(), a[::-1])
    near("f2", ct.tensor(np.array([1, 2], "f2")).numpy(), [1, 2])
    test.equal("no elements", ct.tensor(np.zeros((0, 3))).numpy().shape, (0, 3))
    del t, turned, strided
    array = ct.tensor([1.0, 2.0]).numpy()
    gc.collect()
    near("an array outlives the handle", array, [1, 2])


def derivatives():
    a = np.array([1.0, 2.0, 3.0])
    near("a gradient", ct.grad(lambda x: ct.sum(x * ct.sin(x)))(a).numpy(),
         np.sin(a) + a * np.cos(a))
    x = ct.variable(a.copy())
    y = ct.sum(2 / x + x**3) - (1 - x) @ a
    dy, = ct.gradients(y, [x], ct.CREATE_GRAPH)
    near("first", dy.numpy(), -2 / a**2 + 3 * a**2 + a)
    near("second", ct.gradients(ct.sum(dy), [x])[0].numpy(), 4 / a**3 + 6 * a)
    ct.backward(y)
    near("backward", x.gradient.numpy(), dy.numpy())
    hessian = ct.hessian(lambda v: ct.sum(v * v * v), a)
    near("a function of Python", hessian.numpy(), np.diag(6 * a))
    two = ct.grad(lambda u, v: ct.sum(u * v))(a, 2 * a)
    near("of two", two[0].numpy(), 2 * a)
    convolved = ct.conv(np.ones((1, 1, 4)), np.ones((1, 1, 3)), None, {"paddings": [1]})
    near("options", convolved.numpy(), [[[2, 3, 3, 2]]])
    test.equal("a comparison", str(x > 1.5), "bool (3) [false, true, true]")


def training():
    ct.seed(1)
    x = np.array([[0, 0], [0, 1], [1, 0], [1, 1]], "f4")
    wanted = np.array([[0], [1], [1], [0]], "f4")
    net = ct.mlp_new(ct.F32, [2, 8, 1], ct.TANH, None)
    adam = ct.adam_new(ct.parameters(net), 0.05, None)
    for step in range(300):
        ct.backward(ct.binary_cross_entropy(net(x), wanted))
        ct.optimizer_step(adam)
    test.equal("exclusive or", (net(x).numpy() > 0).tolist(), (wanted > 0).tolist())


def errors():
    fails("shapes", "add: ", lambda: ct.add([1.0, 2.0], [1.0, 2.0, 3.0]))
    fails("NULL", "NULL", lambda: ct.sin(None))

    def bad(x):
        raise ValueError("as it was meant")
    fails("a function that raises", "as it was meant", lambda: ct.hessian(bad, [1.0]))
    test.equal("no error is left", ct.error(), None)
    fails("nine dimensions", "dimensions", lambda: ct.tensor(np.zeros((1,) * 9)))
    try:
        ct.no_such_function
        test.equal("no such function", True, False)
    except AttributeError:
        pass


def memory():
    stats = ct._struct("ct_memory")()
    ct._c.ct_memory_stats(ct._cx, ctypes.addressof(stats))
    return stats


with tempfile.TemporaryDirectory() as folder:
    subprocess.run([sys.executable, root / "embed/python/generate.py", folder], check=True)
    os.environ["COTANGENT_LIBRARY"] = sys.argv[1]
    sys.path.insert(0, folder)
    import cotangent as ct
    lines = sum(len((root / "embed/python" / name).read_text(encoding="utf-8").splitlines())
                for name in ("generate.py", "cotangent.py"))
    test.equal("generator and module are small", lines <= 400, True)
    for part in arrays, derivatives, training, errors:
        part()
        gc.collect()
        left = memory()
        test.equal(f"{part.__name__}: tensors left", (left.tensors, left.scopes), (0, 0))
        test.equal(f"{part.__name__}: arrays left", len(ct._borrowed), 0)
print(f"{test.passed} passed, {test.failed} failed, 0 skipped")
sys.exit(test.failed != 0)
