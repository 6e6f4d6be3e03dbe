"""Several machines on one page, and what failed on them."""

from atalho.page.contents import Contents
from atalho.page.machines import Group, SideBySide, side_by_side
from atalho.page.page import html
from atalho.ranking import comparison
from atalho.record import Record
from atalho.selection import of_one_machine
from example_records import ANALYSED, MACHINE, analysed, failure
from web_page import HOSTILE, Page

GPU = {"device": "Example GPU 90 GB", "threads": 8}


BOARD = {"device": "Example board, 4 cores", "threads": 2}


def shown(records: list[Record]) -> SideBySide | None:
    return side_by_side(Contents.of(records, {}).comparison, records)


def texts(group: Group, network: str) -> tuple[str, ...]:
    return tuple(cell.text for cell in group.cells[network])


def test_one_machine_has_no_other_beside_it() -> None:
    assert shown(analysed()) is None


def test_each_machine_has_its_own_numbers_in_one_unit() -> None:
    small = analysed(["alexnet", "vgg16"], batches=(1, 2), slower=8, sensor=False, **BOARD)
    found = shown([*analysed(sensor=False), *analysed(slower=0.1, sensor=False, **GPU), *small])
    assert found is not None
    assert [m.described for m in found.machines] == [
        "Example EPYC 9000, 2 cores, 2 threads",
        "Example GPU 90 GB, 8 threads",
        "Example board, 4 cores, 2 threads",
    ]
    assert [m.letter for m in found.machines] == ["A", "B", "C"]
    groups = {group.title: group for group in found.groups}
    assert set(groups) == {"Latency", "Throughput", "Peak memory"}
    latency = groups["Latency"]
    assert latency.unit == "ms, batch 1"
    assert texts(latency, "vgg16") == ("131", "13.1", "1,048")
    assert texts(latency, "resnet50") == ("40.2", "4.02", "–")
    # The board did not run the batch that the throughput is shown for.
    assert groups["Throughput"].unit == "images/s, batch 64"
    assert texts(groups["Throughput"], "alexnet")[2] == "–"


def test_what_differs_in_more_than_the_machine_is_not_beside() -> None:
    assert shown([*analysed(), *analysed(**GPU, dtype="bf16")]) is None
    versions = {**MACHINE["versions"], "torch": "2.16.0"}
    found = shown([*analysed(), *analysed(**GPU, versions=versions)])
    assert found is not None
    assert found.machines[1].described == "Example GPU 90 GB, 8 threads, torch 2.16.0"


def test_the_numbers_of_a_machine_agree_with_each_other() -> None:
    more_threads = analysed(["alexnet"], slower=0.5, **{**GPU, "threads": 64})
    found = shown([*analysed(), *analysed(**GPU), *more_threads])
    assert found is not None
    assert found.machines[1].described == "Example GPU 90 GB, 8 threads"
    (latency,) = [group for group in found.groups if group.title == "Latency"]
    assert texts(latency, "alexnet") == ("11.8", "11.8")


def test_a_chosen_engine_is_said_in_each_cell() -> None:
    offered = {"chosen_from": "eager float32, openvino bf16", "engine": "openvino", "dtype": "bf16"}
    found = shown([*analysed(["alexnet"], **offered), *analysed(["alexnet"], **offered, **GPU)])
    assert found is not None
    for group in found.groups:
        assert [cell.note for cell in group.cells["alexnet"]] == ["openvino bf16"] * 2
    contents = Contents.of(analysed(["alexnet"], **offered), {})
    assert "11.7–11.9 openvino bf16" in Page(html(contents)).text
    assert "11.7–11.9 eager" not in Page(html(Contents.of(analysed(["alexnet"]), {}))).text


def test_a_noisy_time_is_marked() -> None:
    noisy = [*analysed(["alexnet"], noisy=True, noise="other processes kept 0.9 cores busy")]
    assert "11.7–11.9 noisy" in Page(html(Contents.of(noisy, {}))).text
    assert "noisy" not in Page(html(Contents.of(analysed(["alexnet"]), {}))).text


def test_the_comparison_is_of_one_machine() -> None:
    elsewhere = analysed(slower=0.1, **GPU)
    for records in ([*analysed(), *elsewhere], [*analysed(sensor=False), *elsewhere]):
        compared = Contents.of(records, {}).comparison
        assert {row.network for row in compared.rows} == set(ANALYSED)
        for quantity in ("latency", "throughput", "peak_memory"):
            assert compared.conditions[quantity]["device"] == MACHINE["device"]
    larger = Contents.of([*analysed(["alexnet"]), *elsewhere], {}).comparison
    assert larger.conditions["latency"]["device"] == GPU["device"]


def test_what_the_first_machine_did_not_measure_is_kept_and_said_to_differ() -> None:
    records = of_one_machine([*analysed(["alexnet", "resnet18"]), *analysed(["vgg16"], **GPU)])
    (vgg16,) = [row for row in comparison(records).rows if row.network == "vgg16"]
    assert "latency" not in vgg16.readings
    reasons = {apart.record.quantity: apart.reason for apart in vgg16.apart}
    assert "Example GPU 90 GB against Example EPYC 9000" in reasons["latency"]


def test_machines_are_on_the_page_with_hostile_names_as_text() -> None:
    records = [*analysed(["alexnet"]), *analysed(["alexnet"], device=HOSTILE, threads=2)]
    page = html(Contents.of(records, {}))
    assert "<script>alert" not in page
    text = Page(page).text
    assert f"B: {HOSTILE}" in text
    assert "ranked on one machine only" in text
    assert "ranked on one machine only" not in Page(html(Contents.of(records[:12], {}))).text


def test_failures_are_on_the_page_as_text_even_alone() -> None:
    failed = [failure(HOSTILE, "cost", "no <b>such</b> thing & {{ 7 * 7 }}")]
    for records in (failed, [*analysed(["alexnet"]), *failed]):
        page = html(Contents.of(records, {}))
        assert "<b>such" not in page and "<script>alert" not in page
        text = Page(page).text
        assert "What failed" in text
        assert (
            f"{HOSTILE}, cost: no <b>such</b> thing & {{{{ 7 * 7 }}}} (signal 9, SIGKILL)." in text
        )
    assert "What failed" not in Page(html(Contents.of(analysed(["alexnet"]), {}))).text
