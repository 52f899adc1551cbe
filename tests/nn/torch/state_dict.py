#!/usr/bin/python3
"""Weights of every layer, between PyTorch's state_dict and ours. It needs python3-torch.

    tests/nn/torch/state_dict.py write tests/nn/torch/state_dict.safetensors
    tests/nn/torch/state_dict.py check FILE

The first writes the state_dict of each layer of layers.c, as LAYER.NAME, with an x and the y that
PyTorch makes of it in eval mode, as LAYER/x and LAYER/y, for test_state_dict.c. The second checks a
file of the same kind with our weights and our y (the program torch-weights): load_state_dict takes
it strictly, and PyTorch's y is the same, to 1e-6.
"""
import json
import struct
import sys

try:
    import torch
except ImportError:
    print("there is no PyTorch")
    sys.exit(77)

nn = torch.nn


def layers():
    """a new layer for each name, and the shape of its x"""
    norm = nn.utils.weight_norm(nn.Linear(5, 3))
    body = nn.Sequential(nn.Conv2d(4, 4, 1), nn.BatchNorm2d(4), nn.ReLU())
    return {
        "linear": (nn.Linear(5, 3), (2, 5)),
        "mlp": (nn.Sequential(nn.Linear(5, 4), nn.Tanh(), nn.Linear(4, 3)), (2, 5)),
        "layer_norm": (nn.LayerNorm((3, 5)), (2, 3, 5)),
        "group_norm": (nn.GroupNorm(2, 4), (2, 4, 3)),
        "batch_norm": (nn.BatchNorm1d(4), (3, 4, 2)),
        "instance_norm": (nn.InstanceNorm1d(4, affine=True, track_running_stats=True), (2, 4, 5)),
        "conv1d": (nn.Conv1d(4, 6, 3), (2, 4, 7)),
        "conv2d": (nn.Conv2d(4, 6, 3), (2, 4, 5, 6)),
        "conv3d": (nn.Conv3d(4, 2, 2), (1, 4, 3, 3, 4)),
        "conv_transpose1d": (nn.ConvTranspose1d(4, 2, 3), (2, 4, 5)),
        "conv_transpose2d": (nn.ConvTranspose2d(4, 2, 3), (2, 4, 3, 3)),
        "conv_transpose3d": (nn.ConvTranspose3d(4, 2, 2), (1, 4, 2, 3, 2)),
        "rnn": (nn.RNN(3, 4), (5, 2, 3)),
        "gru": (nn.GRU(3, 4, batch_first=True), (2, 5, 3)),
        "lstm": (nn.LSTM(3, 4, num_layers=2, bidirectional=True), (5, 2, 3)),
        "weight_norm": (norm, (2, 5)),
        "spectral_norm": (nn.utils.spectral_norm(nn.Linear(5, 3)), (2, 5)),
        "attention": (nn.MultiheadAttention(6, 2, batch_first=True), (2, 4, 6)),
        "encoder": (nn.TransformerEncoderLayer(6, 2, 8, activation="gelu", batch_first=True),
                    (2, 4, 6)),
        "decoder": (nn.TransformerDecoderLayer(6, 3, 8, batch_first=True, norm_first=True),
                    (2, 4, 6)),
        "embedding": (nn.Embedding(7, 3), (2, 3)),
        "nested": (nn.Sequential(body, nn.Flatten(), nn.Linear(24, 2)), (2, 4, 2, 3)),
    }


def run(name, layer, x, memory):
    layer.eval()
    with torch.no_grad():
        if name == "attention":
            return layer(x, x, x)[0]
        y = layer(x, memory) if memory is not None else layer(x)
    return y[0] if isinstance(y, tuple) else y


# -- safetensors
DTYPES = {"F32": torch.float32, "I64": torch.int64}
NAMES = {dtype: name for name, dtype in DTYPES.items()}


def write(path, tensors):
    header, data = {}, b""
    for name, t in tensors.items():
        raw = t.detach().contiguous().numpy().tobytes()
        header[name] = {"dtype": NAMES[t.dtype], "shape": list(t.shape),
                        "data_offsets": [len(data), len(data) + len(raw)]}
        data += raw
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as out:
        out.write(struct.pack("<Q", len(text)) + text + data)


def read(path):
    with open(path, "rb") as file:
        everything = file.read()
    size, = struct.unpack("<Q", everything[:8])
    data = everything[8 + size:]
    tensors = {}
    for name, entry in json.loads(everything[8:8 + size]).items():
        begin, end = entry["data_offsets"]
        flat = torch.frombuffer(bytearray(data[begin:end]), dtype=DTYPES[entry["dtype"]])
        tensors[name] = flat.reshape(entry["shape"])
    return tensors


# -- The two directions
def record(path):
    torch.manual_seed(1)
    tensors = {}
    for name, (layer, shape) in layers().items():
        state = layer.state_dict()
        for key, value in state.items():
            if key.startswith("running_mean") or "bias" in key or "norm" in key:
                value.add_(torch.rand(value.shape))  # no zeros and ones, where these come first
            tensors[f"{name}.{key}"] = value.clone()
        x = torch.randint(7, shape) if name == "embedding" else torch.randn(shape)
        memory = torch.randn(shape) if name == "decoder" else None
        tensors[name + "/x"] = x
        if memory is not None:
            tensors[name + "/memory"] = memory
        tensors[name + "/y"] = run(name, layer, x, memory)
    write(path, tensors)


def check(path):
    tensors, wrong = read(path), 0
    for name, (layer, _) in layers().items():
        prefix = {"weight_norm": "module.", "spectral_norm": "module."}.get(name, "")
        state = {key[len(name) + 1:].removeprefix(prefix): value
                 for key, value in tensors.items() if key.startswith(name + ".")}
        layer.load_state_dict(state, strict=True)
        y = run(name, layer, tensors[name + "/x"], tensors.get(name + "/memory"))
        error = (y - tensors[name + "/y"]).abs().max().item() / (1 + y.abs().max().item())
        if not error <= 1e-6:
            print(f"{name}: PyTorch's y differs by {error:.2g}")
            wrong += 1
    print(f"{len(layers()) - wrong} passed, {wrong} failed, 0 skipped")
    return wrong > 0


if __name__ == "__main__":
    sys.exit({"write": record, "check": check}[sys.argv[1]](sys.argv[2]))
