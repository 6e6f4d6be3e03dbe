"""Networks compared on photos: cross-validated on their features, chosen inside the folds, fitted on every photo."""

import csv
import shutil
from collections import Counter
from operator import ne
from pathlib import Path

import pytest
import torch
from torch import nn

import atalho
from atalho.api.loading import load_data
from atalho.comparison import crossvalidated, held_out, promises, rechecking
from atalho.comparison.looking import Looking
from atalho.comparison.published import AsPublished
from atalho.data.batches import preprocess
from atalho.errors import AtalhoError
from atalho.features.crossvalidation import PLAIN, Settings
from atalho.features.objective import parse
from atalho.probes.activation_maps import activation_maps
from atalho.record import Record
from atalho.runtime.device import Device
from atalho.training.resolution import Request, Resolved, resolve
from atalho.weights import config, out_of_fold
from photo_folders import TINTED, fill, picture, save, tinted, untrained

NAMES = "resnet20", "resnet32"
COUNTS = TINTED


pytestmark = pytest.mark.usefixtures("brief")


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Two networks that have learned nothing."""
    root = tmp_path_factory.mktemp("weights")
    return {name: untrained(root / name, name, seed) for seed, name in enumerate(NAMES)}


def compare(root: Path, weights: dict[str, str], **options: object) -> atalho.Compared:
    settings: dict[str, object] = {
        "data_dir": root.parent / "data",
        "output": root.parent / "comparison",
        "batch_size": 1,
        "threads": 1,
        "device": "cpu",
        **options,
    }
    return atalho.compare([*weights], str(root), weights=weights, **settings)  # type: ignore[arg-type]


def by_network(records: list[Record], quantity: str) -> dict[str, Record]:
    return {each.subject: each for each in records if each.quantity == quantity}


@pytest.fixture(scope="module")
def compared(
    weights: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, atalho.Compared]:
    root = tinted(tmp_path_factory.mktemp("photos") / "photos")
    fill(root, {"unknown": 5}, begin=900)
    return root, compare(root, weights)


def test_every_photo_is_tested_once(compared: tuple[Path, atalho.Compared]) -> None:
    _, found = compared
    for quantity in ("top1", "balanced_accuracy", "loss"):
        records = by_network(found.records, quantity)
        assert {*records} == {*NAMES}
        for record in records.values():
            assert record.conditions["images"] == 30
            assert record.conditions["split"] == "out-of-fold"
            assert record.conditions["trained_on"] == "all"
    top1 = by_network(found.records, "top1")["resnet20"]
    truth, predicted = (top1.conditions["outcomes"][key] for key in ("truth", "predicted"))
    assert [truth.count(label) for label in range(3)] == [12, 12, 6]
    right = [one == other for one, other in zip(truth, predicted, strict=True)]
    assert top1.value == pytest.approx(sum(right) / 30)
    balanced = by_network(found.records, "balanced_accuracy")["resnet20"]
    shares = balanced.conditions["per_class"].values()
    assert balanced.value == pytest.approx(sum(shares) / 3)


def test_the_choice_is_ranked_and_promised(compared: tuple[Path, atalho.Compared]) -> None:
    root, found = compared
    assert found.choice and found.chosen
    (nested,) = (each for each in found.records if each.quantity == "nested_top1")
    assert {*nested.conditions["competitors"]} == {*NAMES}
    assert 0 <= nested.value <= 1
    assert {row.network for row in found.comparison.rows if "top1" in row.readings} == {*NAMES}
    name = found.choice.chosen.network
    lines: list[str] = []
    evaluated = atalho.evaluate(
        found.chosen, str(root), threads=1, reporter=atalho.Reporter(say=lines.append)
    )
    assert evaluated.accuracy.top1 == by_network(found.records, "top1")[name].value
    assert evaluated.protocol == "out of fold"
    assert any("was fitted on 30 of these 30 photos" in line for line in lines)
    promised = [
        each for each in promises.read(found.chosen).promises if each.record.quantity == "top1"
    ]
    (check,) = rechecking.answers(promised, evaluated)
    assert (check.holds, check.note) == (True, "")


def test_mistakes_have_thumbnails_and_a_table_and_the_final_system_is_calibrated(
    compared: tuple[Path, atalho.Compared],
) -> None:
    root, found = compared
    assert found.choice and found.chosen
    name = found.choice.chosen.network
    document = by_network(found.records, "top1")[name].conditions["outcomes"]
    mistakes = [*map(ne, document["truth"], document["predicted"])]
    assert any(mistakes)
    folder = found.page.parent
    shown = {checksum for _, checksum, _ in document["pictures"]}
    assert shown <= {path.stem for path in (folder / "thumbnails").iterdir()}
    page = found.page.read_text()
    assert page.count('src="data:image/png;base64') == len(document["pictures"])
    assert page.count('src="data:image/jpeg;base64') == len(document["pictures"])
    assert "class activation maps, which are exact" in page
    assert "missing below" not in page
    assert "are in suspects.csv" in page
    with (folder / "suspects.csv").open(newline="") as file:
        rows = [*csv.DictReader(file)]
    assert len(rows) == sum(mistakes)
    for row in rows:
        assert Path(row["file"]).parent.name == row["label"] != row["predicted"]
        assert Path(row["file"]).is_relative_to(root)
    settings = config.read(found.chosen)
    assert settings.calibration is not None
    held_out = settings.calibration
    assert held_out.split == "out-of-fold"
    assert len(held_out.right) == mistakes.count(False)
    assert sorted([*held_out.right, *held_out.wrong]) == sorted(document["confidence"])


def test_a_map_is_of_the_classifier_that_made_the_mistake(
    compared: tuple[Path, atalho.Compared], tmp_path: Path
) -> None:
    """The mean of its places plus the bias is the logit of the fold that held the photo out, and not that of the final system."""
    root, found = compared
    assert found.choice and found.chosen
    name = found.choice.chosen.network
    top1 = by_network(found.records, "top1")[name]
    data = load_data(str(root), root.parent / "data", atalho.Reporter())
    device = Device("cpu", 1)
    looking = Looking(name, found.chosen, top1.conditions, crossvalidated.images_of(data), device)
    folder = found.page.parent
    judge, labels = looking._judge(folder / "fitted")
    answers = out_of_fold.read(found.chosen)
    final = atalho.load(found.chosen)
    assert answers
    (linear,) = (part for part in judge.model.modules() if isinstance(part, nn.Linear))
    shown = top1.conditions["outcomes"]
    differences = []
    for row, checksum, _ in shown["pictures"]:
        (batch,) = looking.images.framed(judge.framing).select(torch.tensor([row])).batches(1)
        prepared = preprocess(batch.images, judge.preprocessing)
        label = labels[checksum]
        maps = activation_maps(judge.model, prepared, torch.tensor([label]), name)
        logit = maps.parts.mean() + linear.bias[label]
        expected = answers.by_image()[bytes.fromhex(checksum)][shown["predicted"][row]]
        assert maps.exact
        assert logit.item() == pytest.approx(expected.item(), rel=1e-3, abs=1e-3)
        own = final.model(prepared)[0, shown["predicted"][row]]
        differences.append(abs(own - expected).item())
    assert max(differences) > 0.1
    names = {path.name for path in (folder / "thumbnails").glob("*.cam.jpg")}
    system = top1.conditions["arguments"].removeprefix("sha256:")[:16]
    assert names == {f"{checksum}.{system}.cam.jpg" for _, checksum, _ in shown["pictures"]}


def test_maps_are_made_once_and_those_of_another_network_are_removed(
    compared: tuple[Path, atalho.Compared], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root, found = compared
    assert found.choice and found.chosen
    name = found.choice.chosen.network
    conditions = by_network(found.records, "top1")[name].conditions
    data = load_data(str(root), root.parent / "data", atalho.Reporter())
    images, device = crossvalidated.images_of(data), Device("cpu", 1)
    folder = tmp_path / "comparison"
    shutil.copytree(found.page.parent, folder)
    before = {*(folder / "thumbnails").iterdir()}

    def refuse(*_: object) -> None:
        raise RuntimeError("made again")

    monkeypatch.setattr(Looking, "_judge", refuse)
    lines: list[str] = []
    Looking(name, found.chosen, conditions, images, device).write(folder, lines.append)
    assert {*(folder / "thumbnails").iterdir()} == before
    assert lines == []
    other = {**conditions, "arguments": f"sha256:{'0' * 64}"}
    Looking(name, found.chosen, other, images, device).write(folder, lines.append)
    left = {*(folder / "thumbnails").iterdir()}
    assert left == {path for path in before if not path.match("*.cam.jpg")}
    assert lines == [f"where {name} looked is not shown: made again"]


def test_the_chosen_network_is_shown_what_is_none_of_the_classes(
    compared: tuple[Path, atalho.Compared], weights: dict[str, str]
) -> None:
    root, found = compared
    assert found.choice and found.chosen
    name = found.choice.chosen.network
    (area,) = (each for each in found.records if each.quantity == "unknown_auroc")
    refused = {
        each.conditions["max_error"]: each.value
        for each in found.records
        if each.quantity == "unknown_refused"
    }
    assert (area.subject, area.conditions["images"]) == (name, 5)
    evaluated = atalho.evaluate(found.chosen, str(root), threads=1)
    assert evaluated.unknown
    assert area.value == evaluated.unknown.auroc
    assert refused == {each: 1 - share for each, share in evaluated.unknown.labelled.items()}
    assert f"{name} was shown 5 images of none of the classes (unknown)" in found.page.read_text()
    again = compare(root, weights)
    assert len(by_network(again.records, "unknown_auroc")) == 1
    assert [each.quantity for each in again.records].count("unknown_auroc") == 1


def test_images_of_none_of_the_classes_are_looked_for_before_anything_else(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(AtalhoError, match="DATA-EMPTY"):
        atalho.compare(["resnet20"], "digits", unknown=tmp_path / "empty", output=tmp_path / "out")
    with pytest.raises(AtalhoError, match="DATA-EMPTY"):
        atalho.compare(["resnet20"], "digits", unknown=tmp_path / "no", output=tmp_path / "out")
    with pytest.raises(AtalhoError, match=r"USAGE.*--unknown"):
        atalho.compare(["resnet20"], "none", unknown=tmp_path, output=tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_photos_are_known_again_by_content(
    compared: tuple[Path, atalho.Compared], tmp_path: Path
) -> None:
    root, found = compared
    assert found.chosen
    (tmp_path / "other" / "b").mkdir(parents=True)
    for number in range(3):
        save(tmp_path / "other" / "a" / f"new-{number}.png", picture(900 + number))
        shutil.copy(root / "b" / f"0{number}.png", tmp_path / "other" / "b" / f"old-{number}.png")
    lines: list[str] = []
    evaluated = atalho.evaluate(
        found.chosen,
        str(tmp_path / "other"),
        threads=1,
        reporter=atalho.Reporter(say=lines.append),
    )
    assert evaluated.accuracy.images == 6
    assert evaluated.protocol == "3 out of fold"
    assert any("fitted on 3 of these 6 photos" in line for line in lines)
    answers = out_of_fold.read(found.chosen)
    assert answers
    with pytest.raises(AtalhoError, match="--crops"):
        atalho.evaluate(found.chosen, str(root), crops="10", threads=1)
    with pytest.raises(AtalhoError, match="DATA-SPLIT"):
        atalho.evaluate(found.chosen, str(root), split="val", threads=1)


def test_damaged_answers_are_refused(
    compared: tuple[Path, atalho.Compared], tmp_path: Path
) -> None:
    _, found = compared
    assert found.chosen
    shutil.copytree(found.chosen, tmp_path / "chosen")
    (tmp_path / "chosen" / out_of_fold.FILE).write_bytes(b"x")
    with pytest.raises(AtalhoError, match=r"CHECKPOINT-DAMAGED.*fitted on"):
        atalho.load(tmp_path / "chosen")


def test_a_second_call_measures_nothing_again(
    compared: tuple[Path, atalho.Compared],
    weights: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    root, found = compared

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("fitted again")

    monkeypatch.setattr(crossvalidated, "cross_validate", refuse)
    again = compare(root, weights)
    assert len(by_network(again.records, "top1")) == len(by_network(found.records, "top1"))
    assert again.choice and found.choice
    with pytest.raises(AssertionError, match="fitted again"):
        compare(root, weights, optimise="balanced")


def test_networks_beyond_the_limits_are_not_chosen_inside_the_folds(
    compared: tuple[Path, atalho.Compared], weights: dict[str, str], tmp_path: Path
) -> None:
    """A second call with other limits measures nothing but the choice, which then is among the networks that keep to them."""
    root, found = compared
    output = tmp_path / "comparison"
    shutil.copytree(found.page.parent, output)
    sizes = by_network(found.records, "size")
    least = min(sizes, key=lambda name: sizes[name].value)
    most = (sizes[least].value + 1) / 1e6
    limited = compare(root, weights, output=output, max_size_mb=most)
    assert limited.choice
    assert limited.choice.chosen.network == least
    added = limited.records[len(found.records) :]
    assert {each.quantity for each in added} <= {
        *("nested_top1", "unknown_auroc", "unknown_refused")
    }
    (nested,) = (each for each in added if each.quantity == "nested_top1")
    assert nested.conditions["competitors"] == [least]
    assert nested.value == by_network(found.records, "top1")[least].value
    assert "Choosing among" not in limited.page.read_text()
    again = compare(root, weights, output=output, max_size_mb=most)
    assert len(again.records) == len(limited.records)
    free = compare(root, weights, output=output)
    assert len(free.records) == len(limited.records)
    assert "Choosing among resnet20 and resnet32 inside the folds" in free.page.read_text()


def test_the_page_says_what_the_choice_and_more_photos_bring(
    compared: tuple[Path, atalho.Compared],
) -> None:
    _, found = compared
    page = found.page.read_text()
    assert "Every photo was tested once" in page
    assert "Choosing among resnet20 and resnet32 inside the folds gives" in page
    assert "(balanced accuracy); least recognised:" in page
    assert "Accuracy against the number of photos" in page
    assert "each out of fold, 30 images" in page


def resolved(root: Path, weights: str, **options: object) -> Resolved:
    start = atalho.load("resnet20", weights)
    data = load_data(
        str(root),
        root.parent / "data",
        atalho.Reporter(),
        framings=[start.framing],
        **options,  # type: ignore[arg-type]
    )
    request = Request("resnet20", str(root), weights, recipe="linear")
    return resolve(request, data, start, Device("cpu", 1), "float32")


def test_a_test_split_that_the_photos_came_with_is_left_alone(
    weights: dict[str, str], tmp_path: Path
) -> None:
    root = tmp_path / "photos"
    fill(root / "train", {"a": 9, "b": 9})
    fill(root / "test", {"a": 4, "b": 4}, begin=100)
    network = resolved(root, weights["resnet20"])
    assert network.data
    assert len(held_out.images_of(network.data).labels) == 18
    (step,) = crossvalidated.Photos([network], PLAIN, tmp_path).steps()
    assert step.conditions()["trained_on"] == "train and val"
    whole = resolved(root / "train", weights["resnet20"])
    assert whole.data
    assert len(held_out.images_of(whole.data).labels) == 18


def test_weights_that_have_seen_the_photos_are_not_cross_validated(
    weights: dict[str, str], tmp_path: Path
) -> None:
    root = fill(tmp_path / "photos", COUNTS)
    runs = atalho.train(
        "resnet20",
        str(root),
        weights=weights["resnet20"],
        recipe="linear",
        data_dir=tmp_path / "data",
        output=tmp_path / "run",
        threads=1,
    )
    data = load_data(str(root), tmp_path / "data", atalho.Reporter())
    lines: list[str] = []
    assert not crossvalidated.possible(atalho.load(runs.folders[0]), data, lines.append)
    assert "was trained on" in lines[0]
    assert crossvalidated.possible(atalho.load(weights["resnet20"]), data, lines.append)
    assert not crossvalidated.possible(None, data, lines.append)
    assert len(lines) == 1


def test_other_groups_and_other_aims_are_other_measurements(
    weights: dict[str, str], tmp_path: Path
) -> None:
    root = fill(tmp_path / "photos", COUNTS)
    table = tmp_path / "groups.csv"
    rows = [
        f"{name}/{n:02}.png,{name}{n // 2}" for name, count in COUNTS.items() for n in range(count)
    ]
    table.write_text("\n".join(rows))
    plain, grouped = (resolved(root, weights["resnet20"], group_by=each) for each in (None, table))
    settings = [PLAIN, Settings(balanced=True), Settings(parse("balanced", []))]
    identities = [
        crossvalidated.Photos([each], how, tmp_path).identity(each)["arguments"]
        for each in (plain, grouped)
        for how in settings
    ]
    assert len({*identities}) == 6


def test_networks_that_know_the_classes_are_compared_as_they_are(
    weights: dict[str, str], tmp_path: Path
) -> None:
    """Without training: what is measured is what the weights say of every photo."""
    learned = tinted(tmp_path / "learned" / "photos")
    runs = atalho.train(
        "resnet20",
        str(learned),
        weights=weights["resnet20"],
        recipe="linear",
        data_dir=tmp_path / "data",
        output=tmp_path / "run",
        threads=1,
    )
    root = tmp_path / "photos"
    shutil.copytree(learned / "b", root / "b")
    shutil.copytree(learned / "a", root / "A")  # found by its name, however it is written
    start = atalho.load(runs.folders[0])
    data = load_data(str(root), tmp_path / "data", atalho.Reporter(), framings=[start.framing])
    published = AsPublished(start, data, Device("cpu", 1))
    assert published.labels() == (0, 1)
    (top1,) = (r for r in published.step().measure() if r.quantity == "top1")
    evaluated = [
        guess.outcome[0].label  # type: ignore[union-attr]
        for guess in atalho.predict(runs.folders[0], root, threads=1, precision="float32")
    ]
    assert top1.conditions["images"] == 24 == len(evaluated)
    right = sum(one == other for one, other in zip(evaluated, "a" * 12 + "b" * 12, strict=True))
    assert top1.value == pytest.approx(right / 24)
    outcomes = top1.conditions["outcomes"]
    assert outcomes["classes"] == ["a", "b", "c"]  # the network's, of which the folder has two
    assert Counter(outcomes["predicted"]) == Counter("abc".index(each) for each in evaluated)
    found = compare(root, {"resnet20": str(runs.folders[0])}, as_published=True)
    assert not (root.parent / "comparison" / "runs").exists()
    assert not (root.parent / "comparison" / "fitted").exists()
    assert found.chosen
    assert [*atalho.load(found.chosen).classes] == ["a", "b", "c"]
    assert 'id="confusion"' in (found.chosen.parent / "report.html").read_text()
    assert (found.chosen.parent / "thumbnails").is_dir() == (right < 24)


@pytest.mark.parametrize("photos", [1, 2])
def test_one_photo_a_class_is_enough_where_nothing_is_trained(
    photos: int, weights: dict[str, str], tmp_path: Path
) -> None:
    root = fill(
        tmp_path / "photos", dict.fromkeys(atalho.load(weights["resnet20"]).classes, photos)
    )
    found = compare(root, {"resnet20": weights["resnet20"]}, as_published=True)
    (top1,) = (r for r in found.records if (r.quantity, r.provenance) == ("top1", "measured"))
    assert top1.conditions["images"] == photos * len(atalho.load(weights["resnet20"]).classes)


def test_classes_that_weights_do_not_know_cannot_be_compared_as_published(
    weights: dict[str, str], tmp_path: Path
) -> None:
    root = tinted(tmp_path / "photos")
    with pytest.raises(AtalhoError, match=r"DATA-CLASSES.*unknown to resnet20"):
        compare(root, {"resnet20": weights["resnet20"]}, as_published=True)
    with pytest.raises(AtalhoError, match="--as-published"):
        compare(root, {"resnet20": weights["resnet20"]}, as_published=True, recipe="linear")
