"""test_torch.py LIBRARY: tensors between PyTorch and us by DLPack. Skipped (77) without PyTorch."""
import ctypes as c
import sys

try:
    import torch
    from torch.utils.dlpack import from_dlpack
except ImportError:
    print("there is no PyTorch")
    sys.exit(77)

from ours import F32, Given, Ours


def theirs_to_us(o):
    whole = torch.arange(24.0).reshape(4, 6)
    for tensor in (whole, whole[::2, 1:4], whole.T, whole.double(), torch.arange(5),
                   torch.tensor(2.5), torch.zeros(0, 3)):
        x = o.take(tensor)
        assert x, o.lib.ct_error_text(o.cx)
        assert o.lib.ct_data(x) == tensor.data_ptr() or tensor.numel() == 0
        back = from_dlpack(Given(o, x).__dlpack__())
        assert back.dtype == tensor.dtype and torch.equal(back, tensor)
        assert back.data_ptr() == tensor.data_ptr()
    assert not o.take(torch.arange(3, dtype=torch.int32))
    o.lib.ct_error_clear(o.cx)


def ownership(o):
    scope = c.c_uint64(o.lib.ct_scope_begin(o.cx))
    x = o.must(o.lib.ct_range(o.cx, F32, c.c_int64(1000)))
    view = from_dlpack(Given(o, x).__dlpack__())
    view += 1
    assert o.text(x).startswith("f32 (1000) [1, 2, 3")
    o.lib.ct_scope_end(o.cx, scope)
    assert torch.equal(view, torch.arange(1.0, 1001))
    other = Ours(sys.argv[1])
    view = from_dlpack(Given(other, other.must(other.lib.ct_range(
        other.cx, F32, c.c_int64(500)))).__dlpack__())
    other.lib.ct_context_free(other.cx)
    assert torch.equal(view, torch.arange(500.0))
    tensor = torch.ones(4)
    x = o.take(tensor)
    o.lib.ct_fill(x, c.c_double(3))
    assert torch.equal(tensor, torch.full((4,), 3.0))
    del tensor
    assert o.text(x) == "f32 (4) [3, 3, 3, 3]"


o = Ours(sys.argv[1])
theirs_to_us(o)
ownership(o)
o.lib.ct_context_free(o.cx)
print("2 passed, 0 failed, 0 skipped")
