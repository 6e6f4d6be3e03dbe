"""What a chosen system promises, and what becomes of it; and the folder without atalho."""

import json
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import atalho
from atalho.api import loading
from atalho.api.carrying_out import Compared
from atalho.api.comparing import compare
from atalho.benchmark.entry import untrained
from atalho.cli import main
from atalho.comparison import promises, rechecking
from atalho.data.batches import Preprocessing, preprocess
from atalho.data.image import Framing, load
from atalho.engines import Backend, deploy, samples
from atalho.engines.choosing import EngineRequest
from atalho.engines.engine import Dtype, Placement
from atalho.engines.module import on_engine
from atalho.errors import AtalhoError, Exit
from atalho.networks import subjects
from atalho.runtime.device import Device
from atalho.seal import unsealed
from atalho.weights.trained import Trained, read
from photo_folders import picture, save

HERE = Placement(Device("cpu", 1))

WITHOUT_ATALHO = """
import json, runpy, sys

class Refusing:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == "atalho":
            raise ImportError("there is no atalho here")

sys.meta_path.insert(0, Refusing())
folder, *images = sys.argv[1:]
script = runpy.run_path(folder + "/run.py")
run = script["network"]()
print(json.dumps([run(script["prepared"](each)).tolist()[0] for each in images]))
"""


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Pictures as people have them: large and small, turned by EXIF, transparent, grey of 8 and of 16 bits, CMYK."""
    folder = tmp_path_factory.mktemp("pictures")
    turned = Image.Exif()
    turned[0x0112] = 6
    grey16 = Image.fromarray(np.arange(40 * 50, dtype=np.uint16).reshape(40, 50) * 30)
    clear = picture(3, (64, 64))
    clear.putalpha(Image.linear_gradient("L").resize((64, 64)))
    made = {
        "plain.png": picture(0),
        "large.jpg": picture(1, (900, 700)),
        "turned.jpg": picture(2, (120, 90)),
        "clear.png": clear,
        "grey.png": picture(4).convert("L"),
        "grey16.png": grey16,
        "cmyk.jpg": picture(5, (80, 80)).convert("CMYK"),
    }
    return [
        save(folder / name, image, **({"exif": turned} if name.startswith("turned") else {}))
        for name, image in made.items()
    ]


def network(*, channels: int = 3, mode: str = "center", per_pixel: bool = False) -> Trained:
    """A small network with random weights."""
    subject = subjects.get("resnet20", input=(channels, 28, 24), num_classes=3)
    trained = untrained(subject)
    framing = Framing((channels, 28, 24), 0.875, mode, "bicubic")  # type: ignore[arg-type]
    torch.manual_seed(0)
    mean = torch.rand(28, 24, channels) if per_pixel else torch.rand(1, 1, channels)
    preprocessing = Preprocessing(mean, torch.full((1, 1, channels), 0.3))
    return replace(trained, framing=framing, preprocessing=preprocessing)


@pytest.mark.parametrize(
    ("engine", "dtype", "options"),
    [
        pytest.param("eager", "float32", {}, marks=pytest.mark.full),
        pytest.param("eager", "bf16", {"mode": "squash"}, marks=pytest.mark.full),
        ("onnxruntime", "float32", {"channels": 1}),
        ("openvino", "float32", {"per_pixel": True}),
    ],
)
def test_the_folder_answers_without_atalho_as_with_it(
    engine: str, dtype: Dtype, options: dict[str, object], pictures: list[Path], tmp_path: Path
) -> None:
    if engine != "eager":
        pytest.importorskip(engine)
        pytest.importorskip("onnxscript")
    trained, folder = network(**options), tmp_path / "chosen"  # type: ignore[arg-type]
    sample = samples.of_photos(trained.framing)
    deploy.deploy(trained, folder, EngineRequest(engine, dtype, HERE, 1), sample)
    assert deploy.make_standalone(folder, trained.network.name) == ""
    child = [sys.executable, "-c", WITHOUT_ATALHO, str(folder), *map(str, pictures)]
    output = subprocess.run(child, capture_output=True, text=True, check=True).stdout
    without = np.array(json.loads(output))
    running = on_engine(read(folder), folder, Backend(engine, dtype), HERE)
    expected = []
    for path in pictures:
        pixels = torch.from_numpy(load(path, trained.framing))[None]
        expected.append(running.model(preprocess(pixels, trained.preprocessing))[0].numpy())
    assert np.abs(without - np.array(expected)).max() <= 1e-6 * np.abs(expected).max()


def test_the_script_prints_a_line_for_each_image(pictures: list[Path], tmp_path: Path) -> None:
    folder = tmp_path / "chosen"
    trained = network()
    deploy.deploy(
        trained, folder, EngineRequest("eager", None, HERE, 1), samples.of_photos(trained.framing)
    )
    deploy.make_standalone(folder, trained.network.name)
    command = [sys.executable, str(folder / "run.py")]
    said = subprocess.run(
        [*command, *map(str, pictures[:2])], capture_output=True, text=True, check=True
    )
    first, second = said.stdout.splitlines()
    assert first.startswith(f"{pictures[0]}: ") and first.endswith("%)") and second
    (prediction,) = atalho.predict(read(folder), pictures[0], device="cpu")
    assert isinstance(prediction.outcome, tuple)
    best = prediction.outcome[0]
    assert first == f"{pictures[0]}: {best.label} ({best.probability:.1%})"
    empty = subprocess.run(command, capture_output=True, text=True)
    assert empty.returncode == 1 and "without atalho: python run.py IMAGE" in empty.stderr


@pytest.fixture(scope="module")
def compared(tmp_path_factory: pytest.TempPathFactory) -> Compared:
    """A small network, trained for so long that it has learned something."""
    return compare(
        "resnet20",
        steps=60,
        batch_size=1,
        device="cpu",
        threads=1,
        output=tmp_path_factory.mktemp("compared"),
        max_latency_ms=10_000,
    )


@pytest.fixture
def chosen(compared: Compared, tmp_path: Path) -> Path:
    assert compared.chosen
    shutil.copytree(compared.chosen, tmp_path / "chosen")
    return tmp_path / "chosen"


def test_a_choice_promises_what_was_measured_of_it(compared: Compared, chosen: Path) -> None:
    made = promises.read(chosen)
    assert made.network == "resnet20"
    assert {*made.files} == {*(path.name for path in chosen.iterdir())} - {promises.FILE}
    by_quantity = {each.record.quantity: each for each in made.promises}
    assert {*by_quantity} == {"top1", "latency", "peak_memory", "size"}
    accuracy = by_quantity["top1"]
    assert accuracy.record in compared.records
    assert accuracy.record.conditions["split"] == "test"
    assert accuracy.bound == accuracy.record.conditions["interval"][0]
    assert by_quantity["latency"].bound == 10
    assert by_quantity["latency"].measured == by_quantity["latency"].record.conditions["p90"]
    memory = by_quantity["peak_memory"]
    assert memory.bound == pytest.approx(1.1 * memory.record.value)


def test_promises_hold_on_the_machine_that_they_were_made_on(
    chosen: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    kept = tmp_path / "records.jsonl"
    assert main(["recheck", str(chosen), "--records", str(kept), "--format", "json"]) == 0
    measured = json.loads(capsys.readouterr().out)
    assert {each["quantity"] for each in measured} == {"top1", "latency", "peak_memory", "size"}
    assert all(each["conditions"]["holds"] for each in measured)
    accuracy = next(each for each in measured if each["quantity"] == "top1")
    made = {each.record.quantity: each for each in promises.read(chosen).promises}
    assert accuracy["conditions"]["right"] == made["top1"].record.conditions["right"]
    assert len(atalho.read_records(kept)) == 4


def rewritten(chosen: Path, quantity: str, bound: float) -> None:
    """Puts another bound in place of one that was promised."""
    file = chosen / promises.FILE
    document = unsealed(json.loads(file.read_text()))
    (promise,) = (each for each in document["promises"] if each["record"]["quantity"] == quantity)
    promise["bound"] = bound
    file.write_text(json.dumps(document))


@pytest.mark.parametrize(
    ("quantity", "bound"),
    [
        pytest.param("latency", 1e-9, marks=pytest.mark.full),
        ("top1", 0.9999),
        pytest.param("size", 10.0, marks=pytest.mark.full),
    ],
)
def test_a_promise_that_does_not_hold_ends_with_1(
    quantity: str, bound: float, chosen: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rewritten(chosen, quantity, bound)
    assert main(["recheck", str(chosen), "--format", "json"]) == Exit.CHECK_FAILED
    holds = {
        each["quantity"]: each["conditions"]["holds"]
        for each in json.loads(capsys.readouterr().out)
    }
    assert holds == {name: name != quantity for name in ("top1", "latency", "peak_memory", "size")}


def test_the_table_names_each_promise_with_its_bound(
    chosen: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rewritten(chosen, "size", 10.0)
    assert main(["recheck", str(chosen)]) == Exit.CHECK_FAILED
    lines = capsys.readouterr().out.splitlines()
    (size,) = (line for line in lines if line.lstrip().startswith("Size"))
    assert "at most 0.0100 kB" in size and "1.09 MB" in size and " no " in f"{size} "
    (latency,) = (line for line in lines if "Latency (90th percentile)" in line)
    assert "at most 10.0 s" in latency and "yes" in latency


@pytest.mark.parametrize("name", ["model.safetensors", "run.py", "config.json", "engine.json"])
def test_a_file_that_has_changed_is_refused(name: str, chosen: Path) -> None:
    file = chosen / name
    file.write_bytes(file.read_bytes() + b"\n")
    with pytest.raises(AtalhoError, match=f"PROMISES-FILES.*{name}") as caught:
        atalho.recheck(chosen)
    assert caught.value.exit == Exit.CHECKPOINT
    file.unlink()
    with pytest.raises(AtalhoError, match=f"PROMISES-FILES.*{name}"):
        atalho.recheck(chosen)


def test_a_folder_that_promises_nothing_or_nonsense_is_refused(chosen: Path) -> None:
    (chosen / promises.FILE).write_text("{}")
    with pytest.raises(AtalhoError, match="PROMISES-DAMAGED"):
        atalho.recheck(chosen)
    (chosen / promises.FILE).unlink()
    with pytest.raises(AtalhoError, match="PROMISES-MISSING"):
        atalho.recheck(chosen)


def test_without_images_the_accuracy_is_not_checked_and_on_others_chance_is_allowed(
    compared: Compared, chosen: Path
) -> None:
    made = promises.read(chosen)
    (unchecked,) = rechecking.answers(made.promises, None)
    assert unchecked.holds is None and "--data" in unchecked.note
    evaluation = atalho.evaluate(chosen, "digits", split="val", device="cpu")
    (promise,) = (each for each in made.promises if each.record.quantity == "top1")
    _, high = evaluation.interval
    for bound, holds in ((high - 0.001, True), (high + 0.001, False)):
        (check,) = rechecking.answers([replace(promise, bound=bound)], evaluation)
        assert check.holds is holds
        assert check.note == f"on {evaluation.accuracy.images} other images"


def test_a_machine_with_a_gpu_runs_a_choice_of_the_processor_on_the_processor(
    chosen: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where a GPU is, auto means it; a folder's engine was chosen for another device, with so many threads."""
    requested: list[tuple[str, int | None]] = []

    def resolve(name: str = "auto", threads: int | None = None) -> Device:
        requested.append((name, threads))
        return Device("cpu", 1)

    monkeypatch.setattr(loading, "resolve_device", resolve)
    atalho.evaluate(chosen, "digits")
    assert requested == [("cpu", 1)]
