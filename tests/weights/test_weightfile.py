"""Foreign files of weights: read lazily when they are good; refused, unrun and in little memory when they are not."""

import json
import os
import pickle
import pickletools
import struct
import subprocess
import sys
import zipfile
import zlib
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.torch
import torch
from torch import Tensor

from atalho import networks
from atalho.errors import AtalhoError, Exit
from atalho.grammar.module import build
from atalho.weights import statedict, trained, weightfile

NETWORK = networks.get("resnet20", input=(1, 8, 8))
State = dict[str, Tensor]


@pytest.fixture(scope="module")
def state() -> State:
    return dict(build(NETWORK, seed=5).state_dict())


def save(path: Path, state: Any, how: str = "zip") -> Path:
    if how == "safetensors":
        safetensors.torch.save_file(state, path)
    else:
        torch.save(state, path, _use_new_zipfile_serialization=how == "zip")
    return path


FORMATS = ("safetensors", "zip", "legacy")


@pytest.mark.parametrize("name", ["weights.pth", "weights"])
@pytest.mark.parametrize("how", FORMATS)
def test_every_format_gives_back_what_was_saved(
    state: State, tmp_path: Path, how: str, name: str
) -> None:
    """Its name does not matter: the content says what it is."""
    path = save(tmp_path / name, state, how)
    found = weightfile.read(path, NETWORK)
    assert found.keys() == state.keys()
    assert all(torch.equal(found[key], state[key]) for key in state)
    assert len(weightfile.sha256(path)) == 64


@pytest.mark.parametrize("how", FORMATS)
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_other_precisions_become_float32(
    state: State, tmp_path: Path, how: str, dtype: torch.dtype
) -> None:
    lower = {key: t.to(dtype) if t.is_floating_point() else t for key, t in state.items()}
    found = weightfile.read(save(tmp_path / "x", lower, how), NETWORK)
    _, model = trained.restore(NETWORK, found)
    for key, tensor in model.state_dict().items():
        assert tensor.dtype == state[key].dtype
        assert torch.equal(tensor, lower[key].to(tensor.dtype))
    assert not model.training


def test_parameters_and_channels_last_are_weights_too(state: State, tmp_path: Path) -> None:
    model = build(NETWORK).to(memory_format=torch.channels_last)
    statedict.load(model, state)
    path = save(
        tmp_path / "x.pth", {**dict(model.named_parameters()), **dict(model.named_buffers())}
    )
    restored = trained.restore(NETWORK, weightfile.read(path, NETWORK))[1].state_dict()
    assert all(torch.equal(restored[key], state[key]) for key in state)


# The fuzz: every file is refused with exit 4 or 5.


def refused(path: Path) -> AtalhoError:
    with pytest.raises(AtalhoError) as error:
        trained.restore(NETWORK, weightfile.read(path, NETWORK))
    assert error.value.exit in (Exit.CHECKPOINT, Exit.UNSAFE)
    assert "\n" not in str(error.value)
    return error.value


@pytest.mark.parametrize("how", FORMATS)
def test_truncated_anywhere(state: State, tmp_path: Path, how: str) -> None:
    whole = save(tmp_path / "x", state, how).read_bytes()
    generator = np.random.default_rng(0)
    lengths = generator.integers(1, len(whole), 20).tolist()
    for length in (0, 1, 8, 9, len(whole) // 2, len(whole) - 1, *lengths):
        (tmp_path / "x").write_bytes(whole[:length])
        refused(tmp_path / "x")


def test_any_bit_of_an_archives_numbers_flipped(state: State, tmp_path: Path) -> None:
    """torch itself does not compare the checksums that its archives hold."""
    path = save(tmp_path / "x.pth", state)
    whole = path.read_bytes()
    generator = np.random.default_rng(0)
    for key in generator.choice([key for key, tensor in state.items() if tensor.any()], 20):
        numbers = state[key].numpy().tobytes()
        place = whole.index(numbers) + int(generator.integers(0, len(numbers)))
        damaged = bytearray(whole)
        damaged[place] ^= 1 << int(generator.integers(0, 8))
        path.write_bytes(damaged)
        torch.load(path, weights_only=True)
        assert "checksum" in refused(path).cause


@pytest.mark.parametrize("how", FORMATS)
def test_bits_flipped_in_what_describes_the_numbers(state: State, tmp_path: Path, how: str) -> None:
    """Refused, or the flip was in a byte that means nothing: then the weights are the right ones."""
    path = save(tmp_path / "x", state, how)
    whole = path.read_bytes()
    generator = np.random.default_rng(0)
    caught = 0
    for place in generator.integers(0, 8000, 60).tolist():
        damaged = bytearray(whole)
        damaged[place] ^= 1 << int(generator.integers(0, 8))
        path.write_bytes(damaged)
        try:
            found = trained.restore(NETWORK, weightfile.read(path, NETWORK))[1].state_dict()
            assert all(torch.equal(found[key], state[key]) for key in state)
        except AtalhoError as error:
            assert error.exit in (Exit.CHECKPOINT, Exit.UNSAFE)
            caught += 1
    assert caught > 20


@pytest.mark.parametrize("how", FORMATS)
@pytest.mark.parametrize(
    ("key", "change", "code"),
    [
        ("fc.linear.weight", lambda t: t.index_fill(1, torch.tensor(3), torch.nan), "NUMBERS"),
        ("fc.linear.bias", lambda t: t + torch.inf, "NUMBERS"),
        ("conv1.bn.running_var", lambda t: -t, "NUMBERS"),
        ("fc.linear.weight", lambda t: t.double() * 1e300, "NUMBERS"),
        ("fc.linear.weight", lambda t: t.int(), "DTYPE"),
        ("fc.linear.weight", lambda t: t > 0, "DTYPE"),
        ("conv1.bn.num_batches_tracked", lambda t: t.float(), "DTYPE"),
        ("fc.linear.weight", lambda t: t[:9], "SHAPE"),
        ("fc.linear.weight", lambda t: t.flatten(), "SHAPE"),
        ("fc.linear.weight", lambda t: t[:0], "SHAPE"),
    ],
)
def test_tensors_that_are_not_the_networks(
    state: State, tmp_path: Path, how: str, key: str, change: Callable[[Tensor], Tensor], code: str
) -> None:
    changed = {**state, key: change(state[key]).contiguous()}
    error = refused(save(tmp_path / "x", changed, how))
    assert error.code == f"CHECKPOINT-{code}"
    assert key in error.cause


@pytest.mark.parametrize(
    "content",
    [
        None,
        3,
        [torch.zeros(1)],
        {"state_dict": {"a": torch.zeros(1)}},
        {1: torch.zeros(1)},
        {"a": "text"},
        {},
    ],
)
def test_pickles_that_are_no_state_dict(tmp_path: Path, content: object) -> None:
    refused(save(tmp_path / "x.pth", content))


class Runs:
    """A pickle of it touches a file when it is read without care."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.path),)


@pytest.mark.parametrize("how", ["zip", "legacy", "bare"])
def test_code_is_not_run(state: State, tmp_path: Path, how: str) -> None:
    mark = tmp_path / "it was run"
    content = {**state, "fc.linear.bias": Runs(mark)}
    path = tmp_path / "x.pth"
    if how == "bare":
        path.write_bytes(pickle.dumps(content))
    else:
        save(path, content, how)
    error = refused(path)
    assert (error.code, error.exit) == ("CHECKPOINT-UNSAFE", Exit.UNSAFE)
    assert f"{os.mkdir.__module__}.mkdir" in error.cause or "STACK_GLOBAL" in error.cause
    assert not mark.exists()


@pytest.mark.parametrize(
    "program",
    [
        b"\x80\x02cposix\nsystem\n(S'true'\ntR.",
        b"\x80\x04\x8c\x05posix\x8c\x06system\x93(S'true'\ntR.",
        b"(S'true'\niposix\nsystem\n.",
        b"\x80\x02\x82\x01.",
        b"\x80\x02cbuiltins\nbytearray\nJ\x00\x00\x00\x40\x85R.",
        b"\x80\x02c__builtin__\neval\n(S'1'\ntR.",
    ],
)
def test_whatever_asks_for_more_than_tensors_is_named_unsafe(
    tmp_path: Path, program: bytes
) -> None:
    legacy, packed = tmp_path / "legacy.pth", tmp_path / "zip.pth"
    legacy.write_bytes(program)
    with zipfile.ZipFile(packed, "w") as file:
        file.writestr("x/data.pkl", program)
        file.writestr("x/version", "3\n")
    for path in (legacy, packed):
        assert refused(path).exit == Exit.UNSAFE


def test_a_tensor_that_claims_more_than_the_file_holds(state: State, tmp_path: Path) -> None:
    """One number, shown a hundred thousand times by a stride of zero."""
    changed = {**state, "fc.linear.weight": torch.zeros(1, 1).expand(10_000, 10_000)}
    error = refused(save(tmp_path / "x.pth", changed))
    assert (error.code, error.exit) == ("CHECKPOINT-UNSAFE", Exit.UNSAFE)


def test_a_file_larger_than_the_network(state: State, tmp_path: Path) -> None:
    for how in FORMATS:
        path = save(tmp_path / how, {**state, "optimiser": torch.zeros(2_000_000)}, how)
        error = refused(path)
        assert error.code == "CHECKPOINT-SIZE"
        assert "resnet20 with 10 classes are at most 6 MB" in error.cause


def header(description: dict[str, Any] | bytes, data: bytes = b"") -> bytes:
    packed = description if isinstance(description, bytes) else json.dumps(description).encode()
    return struct.pack("<Q", len(packed)) + packed + data


def entry(shape: list[int], end: int, dtype: str = "F32") -> dict[str, Any]:
    return {"dtype": dtype, "shape": shape, "data_offsets": [0, end]}


@pytest.mark.parametrize(
    "content",
    [
        struct.pack("<Q", 2**63) + b"{}",
        struct.pack("<Q", 5_000_000) + b"{" + b" " * 5_000_000,
        header(b"{" + b'"a":' * 100_000),
        header(b"{" * 100_000),
        header({"a": entry([2**40], 4)}, bytes(4)),
        header({"a": entry([2**62, 2**62], 4)}, bytes(4)),
        header({"a": entry([0, 2**62], 0)}),
        header({"a": entry([1], 4, "F128")}, bytes(4)),
        header({"a": entry([8], 4, "F4")}, bytes(4)),
        header({"a": entry([1], 2**60)}, bytes(4)),
        header({"a": entry([1], 4)}, bytes(8)),
        header({"a": entry([1], 4), "b": entry([1], 4)}, bytes(4)),
        header({"a": "text"}),
        header({}),
    ],
)
def test_headers_that_lie(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "x.safetensors"
    path.write_bytes(content)
    refused(path)


def test_a_header_too_long_for_any_network(tmp_path: Path) -> None:
    """Of spaces, which mean nothing; a network that is large enough for the file."""
    path = tmp_path / "x.safetensors"
    path.write_bytes(header(b"{" + b" " * 5_000_000 + b"}"))
    with pytest.raises(AtalhoError, match="header is too long"):
        weightfile.read(path, networks.get("resnet18.b"))


def test_what_is_no_file(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "none.pth"):
        assert refused(path).code == "CHECKPOINT-READ"


# Peak memory, in a process of its own: the kernel's high-water mark, which begins anew with the program.


def archive(path: Path, entries: list[tuple[bytes, bytes, int]], times: int = 1) -> None:
    """A ZIP of (name, deflated or stored bytes, size once unpacked), each listed `times` times."""
    body = central = b""
    for name, data, size in entries:
        method = 0 if len(data) == size else 8
        common = struct.pack("<HHHHHLLLHH", 20, 0, method, 0, 0, 0, len(data), size, len(name), 0)
        listed = b"PK\x01\x02\x14\0" + common + struct.pack("<HHHLL", 0, 0, 0, 0, len(body))
        central += (listed + name) * times
        body += b"PK\x03\x04" + common + name + data
    count = len(entries) * times
    end = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, count, count, len(central), len(body), 0)
    path.write_bytes(body + central + end)


PICKLE = pickletools.optimize(pickle.dumps({}, 2))


def gibibyte() -> bytes:
    """A GiB of zeros, deflated: a MiB that refers to nothing before it, a thousand times."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    part = packer.compress(bytes(2**20)) + packer.flush(zlib.Z_FULL_FLUSH)
    return part * 1024 + packer.flush()


def inflating(path: Path, member: bytes) -> None:
    """An archive of 1 MB that unpacks to 1 GiB."""
    packed = gibibyte()
    assert len(packed) < 2**21
    others = [] if member == b"x/data.pkl" else [(b"x/data.pkl", PICKLE, len(PICKLE))]
    archive(path, [*others, (member, packed, 2**30)])


def overlapping(path: Path) -> None:
    """Stored entries that share their bytes, and unpack to 1 GiB together."""
    archive(path, [(b"x/data/0", bytes(2**20), 2**20)], times=1024)


def many_entries(path: Path) -> None:
    """A central directory of 200,000 empty names."""
    central = struct.pack("<4s6H3L5H2L", b"PK\x01\x02", *(0,) * 16) * 200_000
    end = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, 65535, 65535, len(central), 4, 0)
    path.write_bytes(b"PK\x03\x04" + central + end)


def long_pickle(path: Path) -> None:
    """A bytearray of 1 GiB, which torch would make."""
    path.write_bytes(b"\x80\x02cbuiltins\nbytearray\nJ\x00\x00\x00\x40\x85R.")


BOMBS: dict[str, Callable[[Path], None]] = {
    "numbers that inflate": lambda path: inflating(path, b"x/data/0"),
    "a pickle that inflates": lambda path: inflating(path, b"x/data.pkl"),
    "entries that overlap": overlapping,
    "many entries": many_entries,
    "a call that allocates": long_pickle,
}


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="only Linux says it there")
@pytest.mark.parametrize("bomb", BOMBS)
def test_bombs_are_refused_in_little_memory(tmp_path: Path, bomb: str) -> None:
    """With the network of the largest limit: VGG-19's file may be 1.1 GB."""
    path = tmp_path / "bomb.pth"
    BOMBS[bomb](path)
    program = (
        "import sys; from atalho.cli import main; "
        "code = main(['predict', 'vgg19', '--weights', sys.argv[1], 'x.png']); "
        "print(*(line for line in open('/proc/self/status') if 'VmHWM' in line)); sys.exit(code)"
    )
    child = subprocess.run(
        [sys.executable, "-c", program, str(path)], capture_output=True, text=True, check=False
    )
    assert child.returncode == Exit.UNSAFE, child.stderr
    (line,) = child.stderr.splitlines()
    assert line.startswith("error[CHECKPOINT-UNSAFE]")
    _, kibibytes, _ = child.stdout.split()
    assert int(kibibytes) < 2**20


def test_ordered_dicts_with_metadata_are_what_state_dict_gives(tmp_path: Path) -> None:
    model = build(NETWORK)
    own = model.state_dict()
    assert isinstance(own, OrderedDict) and hasattr(own, "_metadata")
    assert weightfile.read(save(tmp_path / "x.pth", own), NETWORK).keys() == own.keys()
