"""Engines answer as float32 eager does, or are left out; what was chosen is what predict and evaluate ask."""

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from filelock import FileLock
from PIL import Image

from atalho import engines, networks, recipes
from atalho.benchmark.entry import untrained
from atalho.cli import main
from atalho.data.batches import preprocess
from atalho.data.dataset import Dataset
from atalho.data.image import Framing
from atalho.engines import (
    ENGINES,
    REFERENCE,
    Backend,
    choosing,
    deploy,
    engine_config,
    samples,
    trial,
    trial_child,
)
from atalho.engines.choosing import EngineRequest, Sample
from atalho.engines.engine import Floats, MemoryFormat, Placement, Session
from atalho.engines.trial import Trial, TrialSpec
from atalho.engines.trial_child import BOUND
from atalho.errors import AtalhoError, Exit
from atalho.networks import subjects
from atalho.runtime.device import Device
from atalho.training import run
from atalho.training.arguments import Arguments
from atalho.training.folder import load as load_run
from atalho.weights.trained import Trained, read
from atalho.weights.weightfile import sha256
from campaign import graphs

Captured = pytest.CaptureFixture[str]
CPU = Device("cpu", 1)
HERE = Placement(CPU)
AUTO = EngineRequest("auto", None, HERE, 1)
SLOW = {"compiled"}
"""It compiles for half a minute."""


BACKENDS = [
    backend
    for backend in engines.available(CPU, calibrated=True)
    # OpenVINO goes by the processor, not by what the variable leaves of it to oneDNN, and then has no bf16 to run.
    if str(backend) != "openvino bf16" or os.environ.get("ONEDNN_MAX_CPU_ISA") != "AVX2"
]


def request_for(backend: Backend) -> EngineRequest:
    return EngineRequest(backend.engine, backend.dtype, HERE, 1, max_loss=0.05)


@pytest.fixture(scope="module")
def finished(digits: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of resnet20 on digits, long enough to be mostly right."""
    folder = tmp_path_factory.mktemp("runs") / "run"
    network = networks.get("resnet20", input=(1, 8, 8))
    recipe = replace(recipes.get("quick", subjects.facts(network)), epochs=None, steps=120)
    run.execute(Arguments("resnet20", recipe, 0, Device("cpu", 1), "float32"), digits, folder)
    return folder


@pytest.fixture(scope="module")
def trained(finished: Path) -> Trained:
    return load_run(finished)


@pytest.fixture(scope="module")
def sample(digits: Dataset) -> Sample:
    """So many images that one or two that come out otherwise are within the bounds."""
    train, val = (digits.splits[name] for name in ("train", "val"))
    shown = next(iter(train.batches(1000)))
    return Sample("digits", shown.images, shown.labels, val.sample())


@pytest.mark.parametrize(
    "backend",
    [
        pytest.param(
            backend, id=str(backend), marks=[pytest.mark.full] if backend.engine in SLOW else []
        )
        for backend in BACKENDS
        if backend != REFERENCE
    ],
)
def test_an_engine_answers_as_the_module_does(
    backend: Backend, trained: Trained, sample: Sample, digits: Dataset, tmp_path: Path
) -> None:
    folder = tmp_path / "on_engine"
    (found,) = deploy.deploy(trained, folder, request_for(backend), sample)
    assert found.backend == backend
    assert found.lost is not None
    test = digits.splits["test"]
    images = preprocess(test.sample(), trained.preprocessing)
    with torch.inference_mode():
        expected = trained.model(images).numpy()
    session = ENGINES[backend.engine].open(folder, backend.dtype, HERE)
    own = np.concatenate(
        [np.array(session.get(session.run(session.put(images[i : i + 3].numpy())))) for i in (0, 3)]
    )
    assert own.shape == (6, 10)
    near = {"float32": BOUND, "bf16": 0.03, "int8": 1.0}[backend.dtype]
    assert np.abs(own - expected[:6]).max() <= near * np.abs(expected).max()
    kept = {
        *ENGINES[backend.engine].files(backend.dtype),
        "model.safetensors",
        "config.json",
        "engine.json",
    }
    assert {path.name for path in folder.iterdir()} == kept


def test_the_memory_format_is_a_parameter(
    trained: Trained, digits: Dataset, sample: Sample, tmp_path: Path
) -> None:
    images = preprocess(digits.splits["test"].sample()[:4], trained.preprocessing).numpy()
    answers = []
    layouts: list[tuple[MemoryFormat, bool]] = [("channels_last", True), ("contiguous", False)]
    for layout, last in layouts:
        placement = replace(HERE, memory_format=layout)
        folder = tmp_path / layout
        deploy.deploy(trained, folder, EngineRequest("eager", None, placement, 1), sample)
        found = engine_config.read(folder)
        assert found
        assert found.memory_format == layout
        session = ENGINES["eager"].open(folder, "float32", placement)
        state = session.model.state_dict()  # type: ignore[attr-defined]
        weights = next(
            each for each in state.values() if each.dim() == 4 and min(each.shape[1:]) > 1
        )
        assert weights.is_contiguous(memory_format=torch.channels_last) == last
        assert weights.is_contiguous() != last
        answers.append(session.get(session.run(session.put(images))))
    assert np.abs(answers[0] - answers[1]).max() <= BOUND * np.abs(answers[0]).max()
    assert HERE.record_conditions() == {}
    assert replace(HERE, memory_format="contiguous").record_conditions() == {
        "memory_format": "contiguous"
    }


def test_auto_takes_the_fastest_that_agrees(
    trained: Trained, sample: Sample, tmp_path: Path
) -> None:
    backends = [backend for backend in BACKENDS if backend.engine not in SLOW]

    class Quick(EngineRequest):
        def candidates(self, calibrated: bool) -> list[Backend]:
            return backends

    best, *others = deploy.deploy(trained, tmp_path / "d", Quick("auto", None, HERE, 1), sample)
    assert {each.backend for each in (best, *others)} == {*backends}
    times = [
        each.seconds
        for each in (best, *others)
        if each.seconds and not each.cause and not each.unproven
    ]
    assert best.seconds == min(times)
    assert engine_config.read(tmp_path / "d") == engine_config.EngineConfig(best.backend, 1, 1)
    found = choosing.records("resnet20", [best, *others], sample)
    assert {
        (r.conditions["engine"], r.conditions["dtype"]) for r in found if r.quantity == "agreement"
    } == {backend for backend in backends if backend != REFERENCE}
    (size,) = (each for each in found if each.quantity == "size")
    assert size.value == engine_config.size(tmp_path / "d", best.backend)


def in_this_process(spec: TrialSpec) -> list[Trial]:
    return trial_child.try_backends(spec, lambda backend: None)


class Off:
    """An engine whose logits are a little off."""

    def __init__(self, session: Session, change: Callable[[Floats], Floats]) -> None:
        self.session = session
        self.change = change

    def put(self, images: Floats) -> Any:
        return self.session.put(images)

    def run(self, images: Any) -> Any:
        return self.session.run(images)

    def get(self, logits: Any) -> Floats:
        return self.change(np.array(self.session.get(logits)))


@pytest.mark.parametrize(
    ("change", "cause"),
    [
        (lambda logits: logits * 1.01, "differs by"),
        (lambda logits: logits * np.nan, "differs by nan"),
        (lambda logits: logits[:, ::-1], "differs by"),
    ],
)
def test_an_engine_that_disagrees_is_never_taken(
    change: Callable[[Floats], Floats],
    cause: str,
    trained: Trained,
    sample: Sample,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    eager = ENGINES["eager"]
    off = replace(
        eager,
        name="compiled",
        open=lambda *given: Off(eager.open(*given), change),
    )
    monkeypatch.setattr(trial_child, "ENGINES", {"eager": eager, "compiled": off})
    monkeypatch.setattr(choosing, "run_trials", in_this_process)
    with pytest.raises(AtalhoError, match="ENGINE-DIFFERS") as caught:
        deploy.deploy(trained, tmp_path / "d", request_for(Backend("compiled", "float32")), sample)
    assert cause in caught.value.cause
    assert caught.value.exit == Exit.CHECK_FAILED
    assert not [*tmp_path.iterdir()]


def test_files_of_two_precisions_are_written_once(
    trained: Trained, sample: Sample, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """OpenVINO names what it writes anew each time, so that the second file was longer than the one that was measured."""
    pytest.importorskip("openvino")
    pytest.importorskip("onnxscript")
    openvino = ENGINES["openvino"]
    writes: list[str] = []

    def write(trained: Trained, folder: Path, dtype: Any, images: Any) -> None:
        writes.append(dtype)
        openvino.write(trained, folder, dtype, images)

    class Both(EngineRequest):
        def candidates(self, calibrated: bool) -> list[Backend]:
            return [Backend("openvino", "float32"), Backend("openvino", "bf16")]

    monkeypatch.setattr(
        trial_child, "ENGINES", {**ENGINES, "openvino": replace(openvino, write=write)}
    )
    monkeypatch.setattr(choosing, "run_trials", in_this_process)
    folder = tmp_path / "d"
    deploy.deploy(trained, folder, Both("auto", None, HERE, 1), sample)
    assert writes == ["float32"]


CRASHING = """
import os, torch
from torch import nn

class Net(nn.Module):
    def __init__(self, num_classes):
        super().__init__()
        self.conv = nn.Conv2d(3, num_classes, 3)

    def forward(self, x):
        if torch.compiler.is_exporting():
            os._exit(9)
        return self.conv(x).mean((2, 3))

def net(num_classes=3):
    return Net(num_classes)
"""


def test_an_engine_that_crashes_is_left_out_and_the_rest_are_tried(tmp_path: Path) -> None:
    (tmp_path / "net.py").write_text(CRASHING)
    name = f"{tmp_path / 'net.py'}:net"
    trained = untrained(subjects.get(name, input=(3, 16, 16), num_classes=3))
    deploy.deploy(
        trained, tmp_path / "d", request_for(REFERENCE), samples.of_photos(Framing((3, 16, 16)))
    )
    photos = samples.of_photos(Framing((3, 16, 16)))
    from safetensors.torch import save_file

    save_file({"images": photos.images}, tmp_path / "d" / trial.SAMPLE)
    backends = Backend("onnxruntime", "float32"), Backend("eager", "bf16")
    found = {
        each.backend: each
        for each in trial.run_trials(
            TrialSpec(tmp_path / "d", backends, replace(HERE, named=name), 1, 0.01)
        )
    }
    assert {*found} == {REFERENCE, *backends}
    assert "exit code 9" in found[backends[0]].cause
    assert not found[backends[1]].cause
    assert trial.fastest([*found.values()]).backend != backends[0]


SLEEPING = """
import os, pathlib, time, filelock, torch
class Net(torch.nn.Module):
    def __init__(self, classes):
        super().__init__()
        self.head = torch.nn.Linear(768, classes)
    def forward(self, x):
        if "LOCK" in os.environ:
            with filelock.FileLock(os.environ["LOCK"]):
                pathlib.Path(os.environ["LOCK"] + "ed").touch()
                time.sleep(99)
        return self.head(x.flatten(1))
def net(num_classes=3):
    return Net(num_classes)
"""

ASKING = """
import sys
from pathlib import Path
import torch
from safetensors.torch import save_file
from atalho.engines import Backend, trial
from atalho.engines.engine import Placement
from atalho.runtime.device import Device
folder, name = Path(sys.argv[1]), sys.argv[2]
save_file({"images": torch.zeros(1, 16, 16, 3, dtype=torch.uint8)}, folder / trial.SAMPLE)
trial.run_trials(trial.TrialSpec(folder, (Backend("onnxruntime", "float32"),), Placement(Device("cpu", 1), name), 1, 0.01))
"""


def test_a_trial_ends_with_the_process_that_asked_for_it(tmp_path: Path) -> None:
    (tmp_path / "net.py").write_text(SLEEPING)
    name = f"{tmp_path / 'net.py'}:net"
    trained = untrained(subjects.get(name, input=(3, 16, 16), num_classes=3))
    photos = samples.of_photos(Framing((3, 16, 16)))
    deploy.deploy(trained, tmp_path / "d", request_for(REFERENCE), photos)
    lock = tmp_path / "lock"
    with subprocess.Popen(
        [sys.executable, "-c", ASKING, tmp_path / "d", name],
        env={**os.environ, "LOCK": str(lock)},
    ) as asking:
        ends = time.monotonic() + 60
        while not (tmp_path / "locked").exists():
            assert time.monotonic() < ends
            time.sleep(0.05)
        asking.kill()
    FileLock(lock).acquire(timeout=30)  # which the trial has held as long as it lived


def test_what_cannot_run_here_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(AtalhoError, match="onnxruntime has no bf16") as caught:
        engines.check(Backend("onnxruntime", "bf16"), CPU)
    assert caught.value.exit == Exit.USAGE
    with pytest.raises(AtalhoError, match="does not run on cuda:0"):
        engines.check(Backend("openvino", "bf16"), Device("cuda:0", 1))
    with pytest.raises(AtalhoError, match="no real images"):
        request_for(Backend("openvino", "int8")).candidates(calibrated=False)
    monkeypatch.setattr(engines, "find_spec", lambda package: None)
    with pytest.raises(AtalhoError, match="ENGINE-EXTRA") as caught:
        engines.check(Backend("openvino", "int8"), CPU)
    assert caught.value.exit == Exit.RESOURCES
    assert "atalho[openvino]" in str(caught.value)
    monkeypatch.setattr(engines, "multiplies_bf16", lambda device: True)
    assert engines.available(CPU, calibrated=True) == [
        Backend(engine, dtype) for engine in ("eager", "compiled") for dtype in ("float32", "bf16")
    ]


def test_a_machine_without_bf16_offers_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", dict)
    offered = engines.available(CPU, calibrated=True)
    assert Backend("eager", "float32") in offered
    assert "bf16" not in {each.dtype for each in offered}
    for engine in ("eager", "openvino"):
        with pytest.raises(AtalhoError, match="has no bf16") as caught:
            request_for(Backend(engine, "bf16")).candidates(calibrated=True)
        assert caught.value.exit == Exit.USAGE


def test_more_than_eight_sizes_stay_compiled(tmp_path: Path) -> None:
    (tmp_path / "net.py").write_text(LINEAR)
    name = f"{tmp_path / 'net.py'}:net"
    trained = untrained(subjects.get(name, input=(3, 4, 4), num_classes=3))
    folder = tmp_path / "d"
    deploy.deploy(trained, folder, request_for(REFERENCE), samples.of_photos(trained.framing))
    counted = subprocess.run(
        [sys.executable, "-c", COMPILING, folder, name], capture_output=True, text=True, check=True
    )
    assert counted.stdout == "12\n"


LINEAR = """
import torch
class Net(torch.nn.Module):
    def __init__(self, classes):
        super().__init__()
        self.head = torch.nn.Linear(48, classes)
    def forward(self, x):
        return self.head(x.flatten(1))
def net(num_classes=3):
    return Net(num_classes)
"""

COMPILING = """
import sys
from pathlib import Path
import numpy as np
from atalho.engines import ENGINES
from atalho.engines.engine import Placement
from atalho.runtime.device import Device
import torch
import torch._inductor.compile_fx as inductor
inductor.compile_fx = lambda model, *rest, **settings: model  # as fast as it can be traced
session = ENGINES["compiled"].open(Path(sys.argv[1]), "float32", Placement(Device("cpu", 1), sys.argv[2]))
for size in range(1, 13):
    session.run(session.put(np.zeros((size, 3, 4, 4), np.float32)))
print(torch._dynamo.utils.counters["stats"]["unique_graphs"])
"""


@pytest.mark.parametrize(
    "engine", ["eager", pytest.param("onnxruntime", marks=pytest.mark.full), "openvino"]
)
def test_many_requests_at_once_get_the_same_logits(
    engine: str, trained: Trained, sample: Sample, digits: Dataset, tmp_path: Path
) -> None:
    backend = Backend(engine, "float32")
    if engines.missing_packages(backend):
        pytest.skip(f"{engine} is not installed")
    folder = tmp_path / "on_engine"
    deploy.deploy(trained, folder, request_for(backend), sample)
    shown = digits.splits["test"].sample()[:8]
    images = preprocess(shown, trained.preprocessing).contiguous().numpy()
    alone = ENGINES[engine].open(folder, "float32", HERE)
    expected = alone.get(alone.run(alone.put(images)))
    several = ENGINES[engine].open(folder, "float32", replace(HERE, streams=3))
    placed = several.put(images)
    with ThreadPoolExecutor(3) as pool:
        logits = [np.array(several.get(each)) for each in pool.map(several.run, [placed] * 9)]
    for each in logits:
        np.testing.assert_allclose(each, expected, atol=1e-3)


def picture(digits: Dataset, path: Path, index: int) -> str:
    pixels = digits.splits["test"].sample()[index, :, :, 0].numpy()
    Image.fromarray(pixels).save(path)
    return str(path)


def test_predict_and_evaluate_ask_the_engine_that_export_chose(
    finished: Path, digits: Dataset, capsys: Captured, tmp_path: Path
) -> None:
    folder = tmp_path / "ready"
    export = ["export", str(finished), "--to", "engine", "--engine", "onnxruntime", "-t", "1"]
    assert main([*export, "-o", str(folder), "--format", "json"]) == 0
    captured = capsys.readouterr()
    said = {each["quantity"]: each for each in json.loads(captured.out)}
    assert {*said} == {"size", "max_difference", "agreement"}
    assert said["agreement"]["conditions"]["engine"] == "onnxruntime"
    images = [picture(digits, tmp_path / f"{index}.png", index) for index in range(4)]
    answers = []
    for asked in (finished, folder):
        assert main(["predict", str(asked), *images, "--format", "json"]) == 0
        captured = capsys.readouterr()
        answers.append([each["labels"][0]["label"] for each in json.loads(captured.out)])
    assert answers[0] == answers[1]
    assert "onnxruntime float32: " in captured.err
    assert "ms an image in the network, median of 4" in captured.err
    scores = []
    for asked in (finished, folder):
        assert main(["evaluate", str(asked), "--format", "json"]) == 0
        scores.append(json.loads(capsys.readouterr().out)["top1"])
    assert scores[0] == scores[1]
    left = tmp_path / f".{folder.name}.tmp"  # by a process that was killed
    left.mkdir()
    assert main([*export, "-o", str(folder)]) == Exit.USAGE
    assert "is no empty folder" in capsys.readouterr().err
    assert not left.exists()


def test_every_second_photo_of_a_folder_is_calibrated_on(
    trained: Trained, digits: Dataset, tmp_path: Path
) -> None:
    split = digits.splits["test"]
    for index in range(12):
        folder = tmp_path / "photos" / str(int(split.labels[index]))
        folder.mkdir(parents=True, exist_ok=True)
        picture(digits, folder / f"{index:02}.png", index)
    found = samples.of_folder(trained, tmp_path / "photos")
    assert found.calibration is not None
    assert found.labels is not None
    seen = torch.cat([found.images, found.calibration]).flatten(1)
    assert seen.unique(dim=0).shape == split.sample()[:12].flatten(1).unique(dim=0).shape
    for image, label in zip(found.images, found.labels, strict=True):
        (same,) = (split.sample()[:12] == image).flatten(1).all(1).nonzero()[0]
        assert split.labels[same] == label
    (tmp_path / "photos" / "0" / "broken.png").parent.mkdir(exist_ok=True)
    (tmp_path / "photos" / "0" / "broken.png").write_bytes(b"no picture")
    # What training may leave out is left out here too.
    again = samples.of_folder(trained, tmp_path / "photos")
    assert again.calibration is not None
    assert len(again.images) + len(again.calibration) == 12
    for path in sorted((tmp_path / "photos").rglob("*.png"))[1:]:
        path.write_bytes(b"no picture")
    with pytest.raises(AtalhoError, match=r"DATA-EMPTY.*no two images that can be read, of 13"):
        samples.of_folder(trained, tmp_path / "photos")


@pytest.mark.parametrize("said", ["{}", "[]", "nonsense", '{"engine": "abacus", "dtype": "int8"}'])
def test_a_folder_that_names_no_engine_is_refused(
    said: str, finished: Path, capsys: Captured, tmp_path: Path
) -> None:
    folder = tmp_path / "d"
    shutil.copytree(finished, folder)
    (folder / "engine.json").write_text(said)
    assert main(["predict", str(folder), "x.png"]) == Exit.CHECKPOINT
    assert "ENGINE-FILE" in capsys.readouterr().err


@pytest.mark.parametrize("place", range(3))
def test_weights_of_an_onnx_file_in_another_file_are_refused(
    place: int, finished: Path, digits: Dataset, capsys: Captured, tmp_path: Path
) -> None:
    """Named as a weight, as a constant and inside a branch; it lies in the folder, so that onnxruntime would take it."""
    for package in ("onnx", "onnxruntime", "onnxscript"):
        pytest.importorskip(package)
    folder = tmp_path / "d"
    shutil.copytree(finished, folder)
    document = {"engine": "onnxruntime", "dtype": "float32", "threads": 1, "batch": 1}
    (folder / "engine.json").write_text(json.dumps(document))
    (folder / "weights.bin").write_bytes(bytes(4 * graphs.SIZE))
    _, content = [*graphs.models("weights.bin")][place]
    (folder / "model.onnx").write_bytes(content)
    image = picture(digits, tmp_path / "0.png", 0)
    assert main(["predict", str(folder), image]) == Exit.UNSAFE
    assert "takes weights from another file" in capsys.readouterr().err
    (folder / "model.onnx").write_bytes(b"nonsense")
    assert main(["predict", str(folder), image]) == Exit.CHECKPOINT
    assert "onnxruntime float32 cannot open its files" in capsys.readouterr().err


def test_an_engines_files_are_hashed_once_where_it_is_run(
    trained: Trained, sample: Sample, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    deploy.deploy(trained, tmp_path / "d", request_for(REFERENCE), sample)
    hashed: list[str] = []

    def noted(path: Path) -> str:
        hashed.append(path.name)
        return sha256(path)

    monkeypatch.setattr(engine_config, "sha256", noted)
    config = engine_config.settings(tmp_path / "d")
    assert config and hashed == []
    assert engine_config.read(tmp_path / "d") == config
    assert hashed == ["model.safetensors"]
    weights = sha256(tmp_path / "d" / "model.safetensors")
    assert engine_config.read(tmp_path / "d", weights) == config
    assert len(hashed) == 1
    with pytest.raises(AtalhoError, match="ENGINE-FILE"):
        engine_config.read(tmp_path / "d", weights[::-1])
    (tmp_path / "d" / "model.safetensors").unlink()
    with pytest.raises(AtalhoError, match="ENGINE-FILE"):
        engine_config.read(tmp_path / "d", weights)


def test_weights_that_are_changed_after_the_export_are_noticed(
    trained: Trained, sample: Sample, tmp_path: Path
) -> None:
    deploy.deploy(trained, tmp_path / "d", request_for(REFERENCE), sample)
    file = tmp_path / "d" / "model.safetensors"
    content = bytearray(file.read_bytes())
    content[-1] ^= 1
    file.write_bytes(content)
    with pytest.raises(AtalhoError, match="CHECKPOINT-DAMAGED"):
        read(tmp_path / "d")
