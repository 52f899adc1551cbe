"""Cotangent through ctypes, as far as these tests need it: contexts, tensors by DLPack, files."""
import ctypes as c

CPU = 1
PLAIN = b"dltensor"
F32, F64, I64, BOOL = 1, 2, 3, 4

api = c.pythonapi
api.PyCapsule_GetPointer.restype = c.c_void_p
api.PyCapsule_GetPointer.argtypes = [c.py_object, c.c_char_p]
api.PyCapsule_New.restype = c.py_object
api.PyCapsule_New.argtypes = [c.c_void_p, c.c_char_p, c.c_void_p]
api.PyCapsule_SetName.argtypes = [c.py_object, c.c_char_p]

USED = c.create_string_buffer(b"used_dltensor")  # a capsule keeps the address of its name


class Ours:
    """the library, and a context"""

    def __init__(self, path):
        self.lib = c.CDLL(path)
        for name in ("ct_context_new", "ct_from_dlpack_legacy", "ct_to_dlpack_legacy", "ct_range",
                     "ct_reshape", "ct_transpose", "ct_read_npy", "ct_text", "ct_archive_open",
                     "ct_archive_read", "ct_data", "ct_full"):
            getattr(self.lib, name).restype = c.c_void_p
        self.lib.ct_error_text.restype = c.c_char_p
        self.lib.ct_scope_begin.restype = c.c_uint64
        self.cx = c.c_void_p(self.lib.ct_context_new(None))

    def must(self, pointer):
        """a result that is no NULL"""
        assert pointer, self.lib.ct_error_text(self.cx).decode()
        return c.c_void_p(pointer)

    def text(self, x):
        return c.string_at(self.lib.ct_text(x)).decode()

    def shape(self, *sizes):
        return (c.c_int64 * len(sizes))(*sizes), len(sizes)

    def take(self, array):
        """a view of an array of somebody else"""
        capsule = array.__dlpack__()
        x = self.lib.ct_from_dlpack_legacy(
            self.cx, c.c_void_p(api.PyCapsule_GetPointer(capsule, PLAIN)))
        if x:
            api.PyCapsule_SetName(capsule, USED)  # the capsule gives nothing back any more
        return c.c_void_p(x) if x else None


class Given:
    """one of our tensors for a from_dlpack"""

    def __init__(self, ours, x):
        self.ours, self.x = ours, x

    def __dlpack_device__(self):
        return CPU, 0

    def __dlpack__(self, stream=None):
        managed = self.ours.must(self.ours.lib.ct_to_dlpack_legacy(self.x))
        return api.PyCapsule_New(managed, PLAIN, None)
