"""Cotangent from Python, for tests and notebooks: every public function, by ctypes.

    import cotangent as ct
    x = ct.variable([1.0, 2.0, 3.0])
    y = ct.sum(x * ct.sin(x))
    ct.backward(y)
    print(x.gradient.numpy())

ct.name is the C function ct_name, and ct.F32 the constant CT_F32. The context is the module's own
and is left out, and so are counts behind lists, ct.reshape(x, [2, 3]), and the `user` behind a
function. A struct of options is a dict, or None. Where C returns a tensor, Python has a Tensor.
Where a call fails, ct.Error is raised. An array, a list or a number will do for a tensor.

NumPy arrays go in and out without a copy: ct.tensor(a) uses a's memory, and Tensor.numpy() the
tensor's. The library is the file that COTANGENT_LIBRARY names, or else the installed one."""
import ctypes as c
import ctypes.util
import functools
import os
import sys

import numpy as np
from prototypes import CONSTANTS, FUNCTIONS, STRUCTS
globals().update({name[3:]: value for name, value in CONSTANTS.items()})

_c = c.CDLL(os.environ.get("COTANGENT_LIBRARY") or ctypes.util.find_library("cotangent") or "?")
_DTYPES = {"f4": CONSTANTS["CT_F32"], "f8": CONSTANTS["CT_F64"], "i8": CONSTANTS["CT_I64"],
           "b1": CONSTANTS["CT_BOOL"]}
_TYPES = {"void": None, "bool": c.c_bool, "int": c.c_int, "status": c.c_int, "unsigned": c.c_uint,
          "int64": c.c_int64, "uint64": c.c_uint64, "uint32": c.c_uint32, "size": c.c_size_t,
          "double": c.c_double, "float": c.c_float, "text": c.c_char_p}
_LISTS = {"ints": c.c_int64, "doubles": c.c_double, "tensors": c.c_void_p}
_FUNCTION = c.CFUNCTYPE(c.c_void_p, c.c_void_p, c.POINTER(c.c_void_p), c.c_int, c.c_void_p)
_RELEASE = c.CFUNCTYPE(None, c.c_void_p, c.c_void_p)


class Error(Exception):
    """What a call that failed says; `code` is a ct_status."""

    def __init__(self, code, text):
        super().__init__(text)
        self.code = code


# -- Types of C
def _type(kind):
    return _struct(kind[7:]) if kind.startswith("struct ") else _TYPES.get(kind, c.c_void_p)


@functools.cache
def _struct(name):
    fields = [(f, _type(kind) * n if n else _type(kind)) for f, kind, n in STRUCTS[name]]
    return type(name, (c.Structure,), {"_fields_": fields})


for _name, (_result, _parameters) in list(FUNCTIONS.items()):
    if hasattr(_c, _name):
        getattr(_c, _name).restype = _type(_result)
        getattr(_c, _name).argtypes = [_type(kind) for _, kind in _parameters]
    else:
        del FUNCTIONS[_name]  # the library was built without it
_cx = _c.ct_context_new(None)  # lives as long as the process


def _check(succeeded=True):
    code = _c.ct_error(_cx)
    if code or not succeeded:
        text = _c.ct_error_text(_cx if code else None).decode()
        _c.ct_error_clear(_cx)
        raise Error(code or CONSTANTS["CT_ERROR_NULL"], text)


# -- Handles
class Tensor:
    """Retains a tensor of C until it is gone itself."""

    def __init__(self, pointer):
        self.pointer, self.release = _c.ct_retain(pointer), _c.ct_release

    def __del__(self):
        self.release(self.pointer)

    @property
    def shape(self):
        return tuple(_c.ct_size(self.pointer, i) for i in range(_c.ct_ndim(self.pointer)))

    @property
    def gradient(self):
        """What backward brought, or None."""
        g = _c.ct_gradient(self.pointer)
        return Tensor(g) if g else None

    @property
    def __array_interface__(self):
        data = _c.ct_data(self.pointer)
        _check(data or 0 in self.shape)
        name = {v: k for k, v in _DTYPES.items()}[_c.ct_dtype_of(self.pointer)]
        steps = c.cast(_c.ct_strides(self.pointer), c.POINTER(c.c_int64))
        order = "|" if name == "b1" else "<" if sys.byteorder == "little" else ">"
        return {"version": 3, "shape": self.shape, "typestr": order + name,
                "data": (data or 8, False), "strides":
                tuple(steps[i] * int(name[1]) for i in range(len(self.shape)))}

    def numpy(self):
        """The same memory, as an array that keeps this tensor. The graph does not see writes."""
        return np.asarray(self)

    def __float__(self):
        return call("ct_item", self)

    def __repr__(self):
        return call("ct_text", self)

    def __neg__(self):
        return call("ct_neg", self)


for _word, _name in (("add", "ct_add"), ("sub", "ct_sub"), ("mul", "ct_mul"), ("truediv", "ct_div"),
                     ("pow", "ct_pow"), ("matmul", "ct_matmul"), ("lt", "ct_lt"), ("le", "ct_le"),
                     ("gt", "ct_gt"), ("ge", "ct_ge")):
    setattr(Tensor, f"__{_word}__", lambda a, b, name=_name: call(name, a, _like(a, b)))
    setattr(Tensor, f"__r{_word}__", lambda a, b, name=_name: call(name, _like(a, b), a))


class Object:
    """A module, an optimizer or the like, freed when it is gone. A module can be called."""

    def __init__(self, pointer, kind, keep):
        self.pointer, self.free, self.keep = pointer, getattr(_c, f"{kind}_free", None), keep

    def __del__(self):
        if self.free:
            self.free(self.pointer)

    def __call__(self, x):
        return call("ct_module_forward", self, x)


# -- Tensors from arrays
_borrowed = {}  # by number: arrays whose memory tensors have


@_RELEASE
def _release(_, number):
    _borrowed.pop(number, None)


def tensor(value, dtype=None):
    """A tensor over the memory of an array of float32, float64, int64 or bool, without a copy. What
    is no such array, or may not be written, is copied, to float64 unless dtype is given."""
    array = np.asarray(value)
    names = {code: name for name, code in _DTYPES.items()}
    own = array.dtype.str[1:] if isinstance(value, np.ndarray) else None
    wanted = names[dtype] if dtype else own if own in _DTYPES else "f8"
    if array.dtype != np.dtype(wanted) or not array.flags.writeable or any(
            s < 0 or s % array.itemsize for s in array.strides):
        array = np.array(array, wanted, order="C")
    number = max(_borrowed, default=0) + 1
    _borrowed[number] = array
    try:
        return call("ct_borrow", _DTYPES[wanted], array.shape, array.ctypes.data, {
            "strides": [s // array.itemsize for s in array.strides],
            "release": c.cast(_release, c.c_void_p), "user": number})
    except Error:
        _borrowed.pop(number, None)
        raise


def _like(x, value):
    return call("ct_scalar_like", x, value) if np.isscalar(value) else value


# -- Calls
def _function(f):
    """f, from tensors to a tensor, as a ct_function."""
    @_FUNCTION
    def run(cx, x, n, _):
        try:
            y = f(*(Tensor(x[i]) for i in range(n)))
            return _c.ct_scope_return(cx, _c.ct_scope_begin(cx), y.pointer)
        except Exception as e:  # it may not pass through C
            _c.ct_fail(c.c_void_p(cx), CONSTANTS["CT_ERROR_CALLBACK"], b"%s", str(e).encode())
    return run


def _argument(kind, value, keep):
    """A value of Python as C has it; keep gets what must live until C returns."""
    if isinstance(value, (Tensor, Object)):
        keep.append(value)
        return value.pointer
    if value is None or kind not in _LISTS and kind != "tensor" and isinstance(
            value, (int, float, c.c_void_p)):
        return value
    if kind == "text":
        return value.encode()
    if kind == "tensor":
        value = tensor(value)
    elif kind in _LISTS and not isinstance(value, (np.ndarray, c.Array)):
        items = [_argument("tensor", v, keep) if kind == "tensors" else v for v in value]
        value = (_LISTS[kind] * max(len(items), 1))(*items)
    elif kind.startswith("options "):
        of = {field: (kind, count) for field, kind, count in STRUCTS[kind[8:]]}
        value = _struct(kind[8:])(**{f: (_type(of[f][0]) * of[f][1])(*v) if of[f][1] else
                                     _argument(of[f][0], v, keep) for f, v in value.items()})
    elif callable(value):
        value = _function(value)
    keep.append(value)
    if isinstance(value, (Tensor, np.ndarray)):
        return value.pointer if isinstance(value, Tensor) else value.ctypes.data
    return c.cast(value if isinstance(value, c._CFuncPtr) else c.byref(value), c.c_void_p)


def call(name, *values):
    """The C function of that name; see above for what is left out."""
    result, parameters = FUNCTIONS[name]
    values, given, keep, listed = list(values), [], [], None
    for i, (parameter, kind) in enumerate(parameters):
        before = parameters[i - 1] if i else ("", "")
        if kind == "context":
            given.append(_cx)
        elif before[1] in _LISTS and kind in ("int", "int64") and listed is not None:
            given.append(listed)
        elif parameter == "user" and before[1] == "pointer":
            given.append(None)
        else:
            value = values.pop(0) if values else None
            listed = len(value) if kind in _LISTS and value is not None else None
            given.append(_argument(kind, value, keep))
    if values:
        raise TypeError(f"{name} takes {', '.join(p for p, _ in parameters)}")
    scope = _c.ct_scope_begin(_cx) if result in ("tensor", "text") else 0
    try:
        y = getattr(_c, name)(*given)
        if result == "tensor":
            y = Tensor(y) if y else _check(False)
        elif result.startswith("object "):
            _check(y)
            y = Object(y, result[7:], keep)
        elif result == "text":
            y = y.decode() if y is not None else _check(False)
        else:
            _check(result != "status" or y == 0)
        return None if result == "status" else y
    finally:
        _c.ct_scope_end(_cx, scope)


def __getattr__(name):
    if f"ct_{name}" not in FUNCTIONS:
        raise AttributeError(name)
    return functools.partial(call, f"ct_{name}")


# -- What has results behind pointers in C
def gradients(y, xs, flags=0):
    """dy/dx for each x, as ct_grad; with ct.CREATE_GRAPH they can be differentiated again."""
    out = (c.c_void_p * len(xs))()
    scope = _c.ct_scope_begin(_cx)
    try:
        call("ct_grad", y, None, xs, flags, out)
        return [Tensor(g) if g else None for g in out]
    finally:
        _c.ct_scope_end(_cx, scope)


def grad(f):
    """The gradient of f, which makes one number of arrays or tensors: a function of the same."""
    def gradient(*xs):
        xs = [call("ct_variable", call("ct_detach", x)) for x in xs]
        g = gradients(f(*xs), xs)
        return g if len(g) > 1 else g[0]
    return gradient


def parameters(module):
    """The parameters of a module, a list."""
    n = c.c_int()
    found = c.cast(_c.ct_module_parameters(module.pointer, c.addressof(n)), c.POINTER(c.c_void_p))
    _check(n.value == 0 or found)
    return [Tensor(found[i]) for i in range(n.value)]
