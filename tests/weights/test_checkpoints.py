"""Weights as people have them: inside checkpoints, under prefixes, without counters, with heads and classes of their own."""

import argparse
import json
import re
import shlex
import subprocess
import sys
import warnings
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.torch
import torch
import torchvision
from torch import Tensor, nn

from atalho import networks
from atalho.cli import main
from atalho.data.dataset import Dataset
from atalho.errors import AtalhoError, Exit
from atalho.grammar.module import build
from atalho.networks import subjects
from atalho.weights import fitting, pretrained, statedict, tensorfile, weightfile
from photo_folders import fill

NETWORK = networks.get("resnet20", num_classes=3)
State = dict[str, Tensor]


@pytest.fixture(scope="module")
def state() -> State:
    return dict(build(NETWORK, seed=5).state_dict())


@pytest.fixture(scope="module")
def shuffle() -> State:
    """torchvision's smallest network, for ten classes."""
    torch.manual_seed(0)
    model = torchvision.models.shufflenet_v2_x0_5(weights=None, num_classes=10)
    return dict(model.state_dict())


SHUFFLE = "torchvision:shufflenet_v2_x0_5"


def load(path: Path, content: Any, name: str = "resnet20", **options: Any) -> tuple[State, str]:
    """The weights that `--weights FILE` gives a network, and what was said."""
    torch.save(content, path)
    said: list[str] = []
    found = pretrained.load(name, str(path), say=said.append, **options)
    return dict(found.model.state_dict()), "\n".join(said)


def assert_equal(one: State, other: State) -> None:
    assert one.keys() == other.keys()
    assert all(torch.equal(one[key], other[key]) for key in one)


def refused(path: Path, content: Any, name: str = "resnet20", **options: Any) -> AtalhoError:
    with pytest.raises(AtalhoError) as error:
        load(path, content, name, **options)
    assert "\n" not in str(error.value)
    return error.value


# Checkpoints: the one state dict inside is taken, and said.


@pytest.mark.parametrize("name", [*weightfile.WRAPPERS, "generator"])
def test_the_state_dict_inside_is_taken_and_said(state: State, tmp_path: Path, name: str) -> None:
    found, said = load(tmp_path / "x.pth", {"epoch": 3, name: state, "best": 0.9, "args": None})
    assert_equal(found, state)
    assert f"its {name} is taken" in said


def test_a_lightning_checkpoint(state: State, tmp_path: Path) -> None:
    content = {
        "epoch": 3,
        "global_step": 99,
        "pytorch-lightning_version": "2.5.0",
        "state_dict": {f"model.{key}": tensor for key, tensor in state.items()},
        "loops": {"fit_loop": {"state_dict": {}, "epoch_progress": {"total": {"ready": 4}}}},
        "callbacks": {"ModelCheckpoint": {"best_model_score": torch.tensor(0.5), "kth": ""}},
        "optimizer_states": [{"state": {0: {"step": torch.tensor(1.0)}}, "param_groups": [{}]}],
        "lr_schedulers": [{"milestones": Counter({30: 1}), "last_epoch": 4}],
    }
    found, said = load(tmp_path / "epoch=3.ckpt", content)
    assert_equal(found, state)
    assert "its state_dict is taken" in said


def test_of_several_state_dicts_none_is_taken(state: State, tmp_path: Path) -> None:
    error = refused(tmp_path / "x.pth", {"model": state, "model_ema": state})
    assert (error.code, error.exit) == ("CHECKPOINT-READ", Exit.CHECKPOINT)
    assert "2 state dicts: model, model_ema" in error.cause


def test_a_known_name_goes_before_others(state: State, tmp_path: Path) -> None:
    content = {"criterion": {"weight": torch.ones(3)}, "model": state}
    assert_equal(load(tmp_path / "x.pth", content)[0], state)


SAFE: list[Any] = [
    {1, 2},
    complex(1, 2),
    Counter("abc"),
    torch.Size([1, 2]),
    torch.device("cpu"),
    torch.float16,
    [None, True, 2**70, 0.5, "text", (1,), {"a": [{}]}],
]


@pytest.mark.parametrize("beside", SAFE, ids=lambda each: type(each).__name__)
@pytest.mark.parametrize("zipped", [True, False])
def test_what_torchs_safe_loader_takes_beside_weights_is_taken(
    state: State, tmp_path: Path, beside: Any, zipped: bool
) -> None:
    path = tmp_path / "x.pth"
    torch.save({"model": state, "beside": beside}, path, _use_new_zipfile_serialization=zipped)
    torch.load(path, weights_only=True)
    assert_equal(weightfile.read(path, NETWORK), state)


def test_parameters_with_attributes_lose_them(state: State, tmp_path: Path) -> None:
    """An attribute can have the name of a method."""
    marked = {key: tensor.clone() for key, tensor in state.items()}
    parameter = nn.Parameter(marked["fc.linear.weight"])
    parameter.numel = 3  # type: ignore[method-assign,assignment]
    parameter.detach = 3  # type: ignore[method-assign,assignment]
    assert_equal(load(tmp_path / "x.pth", {**marked, "fc.linear.weight": parameter})[0], state)


UNSAFE: dict[str, Any] = {
    "numpy": np.float64(91.2),
    "argparse": argparse.Namespace(lr=0.1),
    "pathlib": Path("data"),
}


@pytest.mark.parametrize("module", UNSAFE)
@pytest.mark.parametrize("name", ["model", "state_dict"])
def test_what_is_refused_beside_weights_comes_with_the_command_that_helps(
    state: State, tmp_path: Path, module: str, name: str
) -> None:
    path = tmp_path / "my best.pth"
    error = refused(path, {"acc": UNSAFE[module], name: state})
    assert (error.code, error.exit) == ("CHECKPOINT-UNSAFE", Exit.UNSAFE)
    assert module in error.cause
    assert error.next_step.startswith("save only the state dict, if you trust who made the file: ")
    _, *command = shlex.split(error.next_step.partition(": ")[2])
    subprocess.run([sys.executable, *command], check=True)
    alone = pretrained.load("resnet20", str(tmp_path / "my best-weights.pth"))
    assert_equal(dict(alone.model.state_dict()), state)


def test_a_pickled_module_is_not_a_state_dict(tmp_path: Path) -> None:
    error = refused(tmp_path / "x.pth", nn.Linear(2, 2))
    assert (error.code, error.exit) == ("CHECKPOINT-UNSAFE", Exit.UNSAFE)
    assert "weights_only" not in error.next_step


@pytest.mark.parametrize(
    "program",
    [
        b"\x80\x02ctorch\nTensor\nJ\x00\x00\x00\x40\x85R.",
        b"\x80\x02ctorch\nFloatTensor\nJ\x00\x00\x00\x40\x85R.",
        b"\x80\x02ctorch.storage\nUntypedStorage\nJ\x00\x00\x00\x40\x85R.",
        b"\x80\x02ctorch._utils\n_rebuild_meta_tensor_no_storage\n)R.",
        b"\x80\x02c_codecs\nencode\nX\x01\x00\x00\x00aX\x03\x00\x00\x00hex\x86R.",
    ],
)
def test_what_makes_memory_from_a_number_stays_refused(tmp_path: Path, program: bytes) -> None:
    path = tmp_path / "x.pth"
    path.write_bytes(program)
    with pytest.raises(AtalhoError) as error:
        weightfile.read(path, NETWORK)
    assert error.value.exit == Exit.UNSAFE


@pytest.mark.parametrize("zipped", [True, False])
@pytest.mark.parametrize("rebuild", ["_rebuild_tensor", "_rebuild_tensor_v2"])
def test_a_tensor_larger_than_its_storage_is_refused(
    tmp_path: Path, rebuild: str, zipped: bool
) -> None:
    """2 GiB from a storage of one number."""
    function = getattr(torch._utils, rebuild)

    class Grows:
        def __reduce__(self) -> tuple[object, ...]:
            more = (False, {}) if rebuild.endswith("v2") else ()
            return function, (torch.zeros(1)._typed_storage(), 0, (2**29,), (1,), *more)

    path = tmp_path / "x.pth"
    torch.save({"a": Grows()}, path, _use_new_zipfile_serialization=zipped)
    with pytest.raises(AtalhoError) as error:
        weightfile.read(path, NETWORK)
    assert error.value.exit in (Exit.CHECKPOINT, Exit.UNSAFE)


# Prefixes, wherever in the name.


@pytest.mark.parametrize(
    "wrap",
    [
        lambda key: f"module.{key}",
        lambda key: f"model._orig_mod.{key}",
        lambda key: f"backbone.{key}",
        lambda key: key.replace(".sum.", ".sum.module.", 1),
        lambda key: f"model.{key}" if key.startswith("conv") else key,
    ],
)
def test_wraps_anywhere_in_names(state: State, tmp_path: Path, wrap: Callable[[str], str]) -> None:
    wrapped = {wrap(key): tensor for key, tensor in state.items()}
    assert_equal(load(tmp_path / "x.pth", wrapped)[0], state)


def test_a_part_of_a_library_network_in_dataparallel(shuffle: State, tmp_path: Path) -> None:
    wrapped = {key.replace("stage2.", "stage2.module.", 1): t for key, t in shuffle.items()}
    assert_equal(load(tmp_path / "x.pth", wrapped, SHUFFLE)[0], shuffle)


def test_an_averaged_model(state: State, tmp_path: Path) -> None:
    averaged = torch.optim.swa_utils.AveragedModel(build(NETWORK, seed=5))
    assert_equal(load(tmp_path / "x.pth", averaged.state_dict())[0], state)


WRAPPED = """
from torch import nn

class Net(nn.Module):
    def __init__(self, num_classes=3):
        super().__init__()
        self.model = nn.Sequential(nn.Conv2d(3, 4, 3, stride=4), nn.BatchNorm2d(4))
        self.backbone = nn.Conv2d(4, 4, 1)
        self.fc = nn.Linear(4, num_classes)

    def forward(self, x):
        return self.fc(self.backbone(self.model(x)).mean((2, 3)))

class Both(Net):
    def __init__(self, num_classes=3):
        super().__init__(num_classes)
        self.module = nn.ModuleDict({"fc": nn.Linear(4, num_classes)})
"""


@pytest.mark.parametrize("prefix", ["", "module.", "model."])
@pytest.mark.parametrize("name", ["Net", "Both"])
def test_names_of_a_modules_own_that_look_like_wraps_stay(
    tmp_path: Path, name: str, prefix: str
) -> None:
    """`Both` has `fc` and `module.fc`: there nothing is passed over, and a prefix is refused."""
    (tmp_path / "net.py").write_text(WRAPPED)
    network = f"{tmp_path / 'net.py'}:{name}"
    own = dict(subjects.build(subjects.get(network, num_classes=3), seed=1).state_dict())
    prefixed = {f"{prefix}{key}": tensor for key, tensor in own.items()}
    if prefix and name == "Both":
        assert refused(tmp_path / "x.pth", prefixed, network).code == "CHECKPOINT-KEYS"
    else:
        assert_equal(load(tmp_path / "x.pth", prefixed, network)[0], own)


# Counters


@pytest.mark.parametrize("half", [False, True])
def test_counters_may_lack_in_every_layout(
    state: State, shuffle: State, tmp_path: Path, half: bool
) -> None:
    torch.manual_seed(0)
    resnet18 = dict(torchvision.models.resnet18(weights=None, num_classes=3).state_dict())
    for name, full in (("resnet20", state), (SHUFFLE, shuffle), ("resnet18", resnet18)):
        old = {
            key: tensor.half() if half else tensor
            for key, tensor in full.items()
            if not key.endswith("num_batches_tracked")
        }
        assert len(old) < len(full)
        found, _ = load(tmp_path / "x.pth", old, name)
        assert len(found) == len(full)
        counters = [key for key in found if key.endswith("num_batches_tracked")]
        assert counters and not any(found[key].any() for key in counters)


def test_statistics_are_not_made_up(shuffle: State, tmp_path: Path) -> None:
    lacking = {k: t for k, t in shuffle.items() if not k.endswith(("running_mean", "tracked"))}
    assert refused(tmp_path / "x.pth", lacking, SHUFFLE).code == "CHECKPOINT-KEYS"


# Heads for training


@pytest.mark.parametrize("name", ["torchvision:googlenet", "torchvision:inception_v3"])
def test_heads_that_only_training_uses_are_left_out_and_said(tmp_path: Path, name: str) -> None:
    make = getattr(torchvision.models, name.partition(":")[2])
    torch.manual_seed(0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that its initialisation takes long
        full = make(weights=None, num_classes=3, aux_logits=True, init_weights=False).state_dict()
    found, said = load(tmp_path / "x.pth", full, name)
    assert_equal(found, {key: t for key, t in full.items() if not key.lower().startswith("aux")})
    assert (
        f"heads for training are left out: {'aux1, aux2' if 'goog' in name else 'AuxLogits'}"
        in said
    )


def test_a_head_for_training_that_the_network_has_is_kept(tmp_path: Path) -> None:
    network = networks.get("googlenet.small", num_classes=3)
    own = dict(build(network).state_dict())
    found, said = load(tmp_path / "x.pth", own, "googlenet.small")
    assert_equal(found, own)
    assert "heads" not in said


# Tied tensors

TIED = """
from torch import nn

class Net(nn.Module):
    def __init__(self, num_classes):
        super().__init__()
        self.stem = nn.Conv2d(1, 8, 3, stride=2, padding=1)
        block = nn.Sequential(nn.Conv2d(8, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU())
        self.one, self.two, self.three = block, block, block
        self.fc = nn.Linear(8, num_classes)

    def forward(self, x):
        return self.fc(self.three(self.two(self.one(self.stem(x)))).mean((2, 3)))

def net(num_classes=3):
    return Net(num_classes)

def wide(num_classes=3):
    model = Net(num_classes)
    model.stem = nn.Conv2d(3, 8, 3, stride=2, padding=1)
    return model
"""


@pytest.mark.parametrize("zipped", [True, False])
def test_tied_storages_are_counted_once(tmp_path: Path, zipped: bool) -> None:
    """So often that their sum is more than the file."""
    tensors = {f"{number}": torch.ones(1000) for number in (0, 1)}
    tied = {f"{number}": tensors["0"] for number in range(20)}
    network = networks.get("resnet20")
    for content in (tensors, tied):
        torch.save(content, tmp_path / "x.pth", _use_new_zipfile_serialization=zipped)
        found = weightfile.read(tmp_path / "x.pth", network)
        assert all(tensor.eq(1).all() for tensor in found.values())
    many = {f"{number}": tensors["0"].as_strided((900,), (1,), number) for number in range(20)}
    torch.save(many, tmp_path / "x.pth", _use_new_zipfile_serialization=zipped)
    with pytest.raises(AtalhoError, match="claim more numbers"):
        weightfile.read(tmp_path / "x.pth", network)


def test_tied_layers_load_train_and_save(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "net.py").write_text(TIED)
    network = f"{tmp_path / 'net.py'}:wide"
    own = dict(subjects.build(subjects.get(network), seed=1).state_dict())
    assert_equal(load(tmp_path / "x.pth", own, network)[0], own)
    safetensors.torch.save_file(tensorfile.separate(own), tmp_path / "x.safetensors")
    assert_equal(tensorfile.read(tmp_path / "x.safetensors")[0], own)
    name, folder = f"{tmp_path / 'net.py'}:net", str(tmp_path / "run")
    arguments = ["train", name, "--steps", "30", "-b", "32", "--save-every", "0"]
    assert main([*arguments, "--device", "cpu", "--output", folder]) == 0
    trained_state = safetensors.torch.load_file(tmp_path / "run" / "model.safetensors")
    assert torch.equal(trained_state["one.0.weight"], trained_state["three.0.weight"])
    capsys.readouterr()
    assert main(["evaluate", name, "--weights", folder]) == 0
    assert capsys.readouterr().out


# Classes


def test_the_number_of_classes_is_read_from_the_file(
    shuffle: State, tmp_path: Path, state: State
) -> None:
    assert_equal(load(tmp_path / "x.pth", shuffle, SHUFFLE)[0], shuffle)
    _, said = load(tmp_path / "x.pth", state)
    assert "taken as 3 classes by number" in said
    for name in ("nin", "googlenet.small", "vgg11.bn"):
        if name == "vgg11.bn":
            network = networks.get(name, num_classes=7)
            with torch.device("meta"):
                own = build(network, device="meta").state_dict()
            head = {k for k in own if k.startswith("fc8")}
            assert statedict.num_classes(networks.get(name), dict(own)) == 7
            assert head
        else:
            own = dict(build(networks.get(name, num_classes=7)).state_dict())
            assert_equal(load(tmp_path / "x.pth", own, name)[0], own)


def test_other_classes_than_asked_for_are_refused(shuffle: State, tmp_path: Path) -> None:
    error = refused(tmp_path / "x.pth", shuffle, SHUFFLE, num_classes=3)
    assert (error.code, error.exit) == ("WEIGHTS-CLASSES", Exit.CHECKPOINT)
    assert "are for 10 classes, not 3" in error.cause


def test_other_widths_are_not_taken_for_classes(shuffle: State, tmp_path: Path) -> None:
    other = {**shuffle, "fc.weight": torch.zeros(10, 7)}
    assert refused(tmp_path / "x.pth", other, SHUFFLE).code == "CHECKPOINT-SHAPE"


@pytest.mark.parametrize("head", ["absent", "of other layers"])
def test_a_head_that_is_drawn_anew_is_not_demanded(
    shuffle: State, tmp_path: Path, head: str, digits: Dataset
) -> None:
    body = {key: tensor for key, tensor in shuffle.items() if not key.startswith("fc.")}
    content = {**body, "fc.1.weight": torch.zeros(5, 9)} if head != "absent" else body
    assert refused(tmp_path / "x.pth", content, SHUFFLE).code == "CHECKPOINT-KEYS"
    torch.save(content, tmp_path / "x.pth")
    said: list[str] = []
    found = pretrained.load(SHUFFLE, str(tmp_path / "x.pth"), new_head=True, say=said.append)
    assert "has no classifier; it is drawn anew" in said[0]
    assert not found.classes
    kept = found.model.state_dict()
    assert all(torch.equal(kept[key], body[key]) for key in body)
    new = fitting.with_new_head(found, {name: name for name in "abc"}, seed=3)
    assert new.model.state_dict()["fc.weight"].shape == (3, 1024)
    with pytest.raises(AtalhoError, match="WEIGHTS-CLASSES"):
        fitting.for_data(found, digits, new_head=False, seed=0)


# Whole commands


@pytest.fixture
def photos(tmp_path: Path) -> str:
    return str(fill(tmp_path / "photos", {"ant": 6, "bee": 6, "cow": 6}))


def test_classes_by_number_are_a_folders_in_the_order_of_their_names(
    state: State, tmp_path: Path, photos: str, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "epoch=3.ckpt"
    torch.save({"epoch": 3, "state_dict": {f"model.{k}": t for k, t in state.items()}}, path)
    command = ["evaluate", "resnet20", "--weights", str(path), "--data", photos]
    assert main([*command, "--format", "json"]) == 0
    told = capsys.readouterr()
    assert [*json.loads(told.out)["per_class"]] == ["ant", "bee", "cow"]
    assert "have no names: taken as ant, bee, cow, in this order" in told.err
    (tmp_path / "photos" / "dog").mkdir()
    fill(tmp_path / "photos", {"dog": 2}, begin=90)
    assert main(command) == Exit.DATA
    assert "DATA-CLASSES" in capsys.readouterr().err


def test_weights_without_a_head_are_trained_by_one_command(
    shuffle: State, tmp_path: Path, photos: str, capsys: pytest.CaptureFixture[str]
) -> None:
    body = {key: tensor for key, tensor in shuffle.items() if not key.startswith("fc.")}
    torch.save(body, tmp_path / "x.pth")
    command = ["train", SHUFFLE, "--weights", str(tmp_path / "x.pth"), "--data", photos]
    short = ["--steps", "1", "-b", "4", "--img-size", "32", "--device", "cpu"]
    assert main([*command, *short, "--output", str(tmp_path / "run")]) == 0
    assert "has no classifier; it is drawn anew" in capsys.readouterr().err
    assert main([*command, *short, "--keep-head", "--output", str(tmp_path / "kept")]) != 0
    assert "CHECKPOINT-KEYS" in capsys.readouterr().err


def test_a_function_of_a_file_takes_the_datas_images(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Neither the function nor its weights say which they take."""
    (tmp_path / "net.py").write_text(TIED)
    network = f"{tmp_path / 'net.py'}:net"
    model = subjects.build(subjects.get(network, input=(1, 8, 8), num_classes=10))
    torch.save(model.state_dict(), tmp_path / "x.pth")
    command = ["evaluate", network, "--weights", str(tmp_path / "x.pth"), "--data", "digits"]
    assert main(command) == 0
    assert "360 images" in capsys.readouterr().out


# Preprocessing


@pytest.mark.parametrize(
    ("name", "mean", "interpolation"),
    [
        ("tf_efficientnet_lite0", [0.5, 0.5, 0.5], "bicubic"),
        ("test_resnet", None, None),
    ],
)
def test_timms_own_preprocessing(
    tmp_path: Path, name: str, mean: list[float] | None, interpolation: str | None
) -> None:
    timm = pytest.importorskip("timm")
    torch.manual_seed(0)
    model = timm.create_model(name, num_classes=3)
    torch.save(model.state_dict(), tmp_path / "x.pth")
    said: list[str] = []
    found = pretrained.load(f"timm:{name}", str(tmp_path / "x.pth"), say=said.append)
    own = timm.data.resolve_data_config({}, model=model)
    assert found.preprocessing.mean.flatten().tolist() == pytest.approx(list(own["mean"]))
    assert found.preprocessing.std.flatten().tolist() == pytest.approx(list(own["std"]))
    assert found.framing.crop_pct == own["crop_pct"]
    assert found.framing.interpolation == own["interpolation"]
    assert mean in (None, list(own["mean"])) and interpolation in (None, own["interpolation"])
    assert f"pictures as for timm's {name}" in said[0]


# Next steps: every command that an error of this area names is run.


def test_every_command_that_a_next_step_names_works(
    shuffle: State, state: State, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    own = tmp_path / "a net.py"
    own.write_text(TIED)
    path = tmp_path / "x.pth"
    errors = [
        refused(path, {"a": torch.zeros(1)}),
        refused(path, {**state, "extra": torch.zeros(1)}),
        refused(path, {**shuffle, "extra": torch.zeros(1)}, SHUFFLE),
        refused(path, {"a": torch.zeros(1)}, f"{own}:wide"),
        refused(path, shuffle, SHUFFLE, num_classes=3),
        refused(path, {}, "resnet50"),
        refused(path, {key: t[..., :0] if t.dim() else t for key, t in state.items()}),
        refused(path, state, "resnet21"),
    ]
    for name in ("resnet18", "resnet20", "nin"):
        with pytest.raises(AtalhoError) as error:
            statedict.to_torchvision(networks.get(name), {})
        errors.append(error.value)
    run = 0
    for each in errors:
        assert "ShuffleNetV2" not in str(each)
        for command in re.findall(r"atalho ((?:'[^']*'|[^,;`'])+)", each.next_step):
            assert main(shlex.split(command.strip())) == 0, each.next_step
            run += 1
    assert run >= 6
    capsys.readouterr()
