"""test_numpy.py LIBRARY: tensors and files between NumPy and us. Skipped (77) without NumPy."""
import ctypes as c
import os
import sys
import tempfile

try:
    import numpy as np
except ImportError:
    print("there is no NumPy")
    sys.exit(77)

from ours import BOOL, F32, F64, I64, Given, Ours


def theirs_to_us(o):
    whole = np.arange(24, dtype=np.float32).reshape(4, 6)
    for array in (whole, whole[::2, 1:4], whole.T, whole[:, ::-1], whole[1:1],
                  np.arange(3.0), np.arange(4), np.array(3.5)):
        before = sys.getrefcount(array)
        x = o.take(array)
        assert x, o.lib.ct_error_text(o.cx)
        assert o.lib.ct_data(x) == array.ctypes.data or array.size == 0
        back = np.from_dlpack(Given(o, x))
        assert back.dtype == array.dtype and np.array_equal(back, array)
        assert sys.getrefcount(array) > before
        del back
        o.lib.ct_retain(x)
        o.lib.ct_release(x)
    assert not o.take(np.arange(3, dtype=np.int32))
    assert b"32 bits" in o.lib.ct_error_text(o.cx)
    o.lib.ct_error_clear(o.cx)


def ownership(o):
    array = np.arange(6, dtype=np.float64)
    before = sys.getrefcount(array)
    scope = c.c_uint64(o.lib.ct_scope_begin(o.cx))
    x = o.take(array)
    assert sys.getrefcount(array) == before + 1
    o.lib.ct_fill(x, c.c_double(7))
    assert (array == 7).all()
    o.lib.ct_scope_end(o.cx, scope)
    assert sys.getrefcount(array) == before  # the deleter has run
    scope = c.c_uint64(o.lib.ct_scope_begin(o.cx))
    ours = o.must(o.lib.ct_range(o.cx, I64, c.c_int64(1000)))
    view = np.from_dlpack(Given(o, ours))
    o.lib.ct_scope_end(o.cx, scope)
    assert (view == np.arange(1000)).all()  # it outlives our tensor
    other = Ours(sys.argv[1])
    view = np.from_dlpack(Given(other, other.must(other.lib.ct_range(other.cx, F32,
                                                                     c.c_int64(500)))))
    other.lib.ct_context_free(other.cx)
    assert (view == np.arange(500)).all()  # and our context
    del view


def files(o, folder):
    arrays = {"f2": np.float16([1, -2, np.inf]), "big": np.arange(6, dtype=">i2").reshape(2, 3),
              "turned": np.asfortranarray(np.arange(6.0).reshape(2, 3)), "number": np.float32(3),
              "bools": np.array([True, False]), "u8": np.uint64([2**63 - 1]),
              "none": np.zeros((0, 3)), "\u00e4/b": np.arange(5)}
    for save in (np.savez, np.savez_compressed):
        path = os.path.join(folder, "theirs.npz")
        save(path, **arrays)
        archive = o.must(o.lib.ct_archive_open(o.cx, path.encode(), None))
        assert o.lib.ct_archive_count(archive) == len(arrays)
        for name, array in arrays.items():
            x = o.must(o.lib.ct_archive_read(archive, name.encode(), 0))
            back = np.from_dlpack(Given(o, x)) if array.dtype != bool else None
            assert back is None or np.array_equal(back, array.astype(back.dtype))
        o.lib.ct_archive_close(archive)
    for name, array in arrays.items():
        path = os.path.join(folder, "theirs.npy")
        for version in ((1, 0), (2, 0), (3, 0)):
            with open(path, "wb") as out:
                np.lib.format.write_array(out, np.asanyarray(array), version)
            assert o.lib.ct_read_npy(o.cx, path.encode(), 0, None)
    path = os.path.join(folder, "objects.npz")
    np.savez(path, x=np.array([{}], dtype=object))
    assert not o.lib.ct_archive_open(o.cx, path.encode(), None)
    assert b"|O" in o.lib.ct_error_text(o.cx)
    o.lib.ct_error_clear(o.cx)


class Options(c.Structure):
    _fields_ = [("texts", c.c_void_p), ("n", c.c_int), ("compress", c.c_bool),
                ("shard_bytes", c.c_int64), ("reserved", c.c_uint64 * 4)]


def our_files(o, folder):
    shape = o.shape(2, 3)
    tensors = [o.must(o.lib.ct_reshape(c.c_void_p(o.lib.ct_range(o.cx, F32, c.c_int64(6))), *shape)),
               o.must(o.lib.ct_full(o.cx, BOOL, *shape, c.c_double(1))),
               o.must(o.lib.ct_full(o.cx, F64, None, 0, c.c_double(2.5)))]
    tensors[0] = o.must(o.lib.ct_transpose(tensors[0]))
    want = [np.arange(6, dtype=np.float32).reshape(2, 3).T, np.ones((2, 3), bool), np.float64(2.5)]
    names = (c.c_char_p * 3)(b"a", b"b.c", "\u00e4".encode())
    path = os.path.join(folder, "ours.npz")
    for compress in (False, True):
        options = Options(compress=compress)
        assert o.lib.ct_write_npz(o.cx, path.encode(), names, (c.c_void_p * 3)(*tensors), 3,
                                  c.byref(options)) == 0
        with np.load(path, allow_pickle=False) as found:
            assert found.files == ["a", "b.c", "\u00e4"]
            for name, array in zip(found.files, want):
                assert found[name].dtype == array.dtype and np.array_equal(found[name], array)
    path = os.path.join(folder, "ours.npy")
    for x, array in zip(tensors, want):
        assert o.lib.ct_write_npy(x, path.encode()) == 0
        assert np.array_equal(np.load(path, allow_pickle=False), array)


def main():
    o = Ours(sys.argv[1])
    with tempfile.TemporaryDirectory() as folder:
        tests = [lambda: theirs_to_us(o), lambda: ownership(o), lambda: files(o, folder),
                 lambda: our_files(o, folder)]
        for test in tests:
            test()
    o.lib.ct_context_free(o.cx)
    print(f"{len(tests)} passed, 0 failed, 0 skipped")


main()
