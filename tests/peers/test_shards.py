"""test_shards.py LIBRARY: safetensors that we write in several files, read by Python alone."""
import ctypes as c
import json
import os
import struct
import sys
import tempfile

from ours import F32, I64, Ours


class Options(c.Structure):
    """ct_archive_options"""
    _fields_ = [("texts", c.c_void_p), ("n", c.c_int), ("compress", c.c_bool),
                ("shard_bytes", c.c_int64), ("reserved", c.c_uint64 * 4)]


def read(path):
    """the tensors of one file: dtype, shape and numbers of each"""
    with open(path, "rb") as f:
        length, = struct.unpack("<Q", f.read(8))
        header, data = json.loads(f.read(length)), f.read()
    found = {}
    for name, about in header.items():
        begin, end = about["data_offsets"]
        form = {"F32": "f", "I64": "q"}[about["dtype"]]
        count = (end - begin) // struct.calcsize(form)
        found[name] = about["dtype"], about["shape"], struct.unpack_from(f"<{count}{form}", data,
                                                                         begin)
    assert sum(about["data_offsets"][1] - about["data_offsets"][0]
               for about in header.values()) == len(data)
    return found, len(data)


def main():
    o = Ours(sys.argv[1])
    sizes = [3, 5, 1, 100, 2, 2]
    dtypes = [F32, I64, F32, I64, F32, I64]
    tensors = [o.must(o.lib.ct_range(o.cx, d, c.c_int64(n))) for d, n in zip(dtypes, sizes)]
    names = [f"layer.{i}.größe" for i in range(6)]
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "model.safetensors.index.json")
        for limit in 56, 1, 10 ** 6, 56:
            status = o.lib.ct_write_safetensors(
                o.cx, path.encode(), (c.c_char_p * 6)(*(n.encode() for n in names)),
                (c.c_void_p * 6)(*tensors), 6, c.byref(Options(shard_bytes=limit)))
            assert status == 0, o.lib.ct_error_text(o.cx)
            with open(path, encoding="utf-8") as f:
                index = json.load(f)
            files = sorted(set(index["weight_map"].values()))
            assert sorted(os.listdir(folder)) == sorted(files + [os.path.basename(path)])
            total = 0
            for name in files:
                found, size = read(os.path.join(folder, name))
                total += size
                assert size <= limit or len(found) == 1
                assert set(found) == {k for k, v in index["weight_map"].items() if v == name}
                for key, (dtype, shape, numbers) in found.items():
                    i = names.index(key)
                    assert dtype == ("F32" if dtypes[i] == F32 else "I64") and shape == [sizes[i]]
                    assert list(numbers) == list(range(sizes[i]))
            assert total == index["metadata"]["total_size"] and len(files) == {
                56: 3, 1: 6, 10 ** 6: 1}[limit], files
    o.lib.ct_context_free(o.cx)


main()
