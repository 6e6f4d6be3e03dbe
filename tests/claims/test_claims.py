"""The claims: every id, every verdict as recorded, numbers beside CLAIMS.md's, and records that flip what they decide."""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from atalho.claims import CLAIMS, Verdict, canziani, evidence, he, lecture, szegedy, verify
from atalho.claims.claim import Cited, Finding, Measured, examine
from atalho.claims.residual import power_after
from atalho.claims.tables import Tables
from atalho.errors import AtalhoError, Exit
from atalho.grammar.cost import Cost, totals
from atalho.grammar.layers import AvgPool, Conv, Tap
from atalho.grammar.printed import agrees
from atalho.networks import get, googlenet, resnet, vgg
from atalho.networks.googlenet import Filters
from atalho.record import Record

LECTURE_ERRORS = {"L8", "L40", "L41", "L42", "L54", "L24", "L30", "L59", "LT1", "LT2", "LT3"}
TABLE_ERRORS = {"L18", "L20", "L21", "L22", "L26", "L28", "L31", "L32", "L36"}
PAPER_ERRORS = {"S7", "S9"}
NOT_FOUND_HERE = {"L11", "C11", "C13"}
"""What atalho's own trainings and measurements do not show."""


def one(id: str, records: list[Record] | None = None) -> Finding:
    """The finding on one claim by these records alone, without those that go with the package."""
    return examine(CLAIMS[id], Tables(), records or [])


# Declaration


def test_every_claim_of_the_lecture_is_declared_under_its_number() -> None:
    assert {f"L{number}" for number in range(1, 67)} <= CLAIMS.keys()


def test_ids_are_unique_and_say_their_source() -> None:
    declared = [c.id for source in (lecture, he, szegedy, canziani) for c in source.CLAIMS]
    assert len(declared) == len(set(declared)) == len(CLAIMS)
    for source, letter in ((lecture, "L"), (he, "H"), (szegedy, "S"), (canziani, "C")):
        assert {c.id[0] for c in source.CLAIMS} == {letter}
        assert {c.source for c in source.CLAIMS} == {source.SOURCE}


@pytest.mark.parametrize("source", [he, szegedy, canziani])
def test_papers_number_their_claims_without_gaps(source: Any) -> None:
    numbers = [int(claim.id[1:]) for claim in source.CLAIMS]
    assert numbers == list(range(1, len(numbers) + 1))


def test_googlenets_table_is_numbered_by_rows_with_parameters_before_operations() -> None:
    printed = [CLAIMS[f"L{number}"].printed for number in range(12, 36)]
    params = [2.7, 112, 159, 380, 364, 437, 463, 580, 840, 1072, 1388, 1000]
    operations = [34, 360, 128, 304, 73, 88, 100, 119, 170, 54, 71, 1]
    assert printed[::2] == params
    assert printed[1::2] == operations


# Verdicts


def test_every_verdict_is_the_recorded_one() -> None:
    assert [finding.claim.id for finding in verify() if not finding.as_recorded] == []


def test_errors_are_shown_as_errors_and_nothing_else_is() -> None:
    differing = {f.claim.id for f in verify() if f.verdict is Verdict.DIFFERS}
    assert differing == LECTURE_ERRORS | TABLE_ERRORS | PAPER_ERRORS | NOT_FOUND_HERE


def test_without_records_exactly_the_measured_claims_are_unmeasured() -> None:
    unmeasured = {name for name in CLAIMS if one(name).verdict is Verdict.UNMEASURED}
    assert unmeasured == {c.id for c in CLAIMS.values() if isinstance(c.check, Measured)}
    assert {"L11", "L51", "L52", "H2", "H16", "C8", "C13"} <= unmeasured


def test_a_verdict_that_is_not_recorded_shows() -> None:
    claim = replace(CLAIMS["L40"], expected=Verdict.HOLDS)
    assert not examine(claim, Tables(), []).as_recorded


@pytest.mark.parametrize(
    ("id", "value"),
    [
        ("L2", 112.896),
        ("L3", 1.50528),
        ("L4", 3.7632),
        ("L5", 5.26848),
        ("L7", 21.43),
        ("L9", 928),
        ("L10", 49),
        ("L12", 2.712),
        ("L13", 34.02),
        ("L18", 379.0),
        ("L20", 366.75),
        ("L21", 73.61),
        ("L24", 497.5),
        ("L30", 1018.0),
        ("L31", 51.08),
        ("L32", 1409.0),
        ("L36", 6819.9),
        ("L37", 1498.7),
        ("L40", 6.998552),
        ("L42", 8.71),
        ("L43", 2.18),
        ("L53", 0.944),
        ("L57", 1.795),
        ("L59", 3.858),
        ("L60", 7.570),
        ("L61", 11.282),
        ("L62", 15.347),
        ("L63", 19.632),
        ("H1", 0.269722),
        ("H9", 1.727962),
        ("H11", 19.421274),
        ("S7", -3.40),
    ],
)
def test_recomputed_numbers_are_those_that_the_sources_page_recomputed(
    id: str, value: float
) -> None:
    recomputed = one(id).value
    assert isinstance(value, int | float)
    assert agrees(value, recomputed, truncation=False)


@pytest.mark.parametrize(
    ("id", "phrases"),
    [
        ("L8", ("576,000 → 26,880", "576,048 → 26,944", "1,566,720 → 375,552", "2.37× to 5.06×")),
        ("L24", ("509,440", "474,112", "35,328 fewer", "6.9 %", "92.93 M", "no filters give both")),
        ("L30", ("1,042,432", "55,296 more", "5.3 %", "53.79 M")),
        ("L40", ("6,990,272", "6,983,576", "6,797.7 K", "5.97 M", "13,378,280")),
        ("L42", ("60,965,224 / 6,998,552", "10.2×", "12.19×")),
        ("L43", ("2.07×", "1.39×", "1.32×", "724,406,816", "1,135,256,096")),
        ("L47", ("layer 8",)),
        ("L53", ("1,179,648 (16.9×)", "135,168 (1.94×)", "231.2 and 218.4")),
        ("L54", ("256 → 64 → 64 → 256",)),
        ("L59", ("3.498", "4.089", "7.570", "11.282")),
        ("LT1", ("= 101", "= 140")),
        ("LT3", ("15.3 and 19.5", "15.5 and 19.6")),
    ],
)
def test_the_arithmetic_is_given(id: str, phrases: tuple[str, ...]) -> None:
    finding = one(id)
    arithmetic = f"{finding.value}; {finding.note}"
    assert [phrase for phrase in phrases if phrase not in arithmetic] == []


@pytest.mark.parametrize(
    ("printed", "value", "truncation", "agreed"),
    [
        (159, 159.5, True, True),
        (159, 159.5, False, False),
        (160, 159.5, False, True),
        (158, 158.5, False, True),  # half to even
        (3.8, 3.858, True, True),
        (3.8, 3.858, False, False),
        (3.9, 3.858, False, True),
        (380, 379.0, True, False),
        (2.7, 2.648, True, False),
        (-3.45, -3.4, True, False),
        (0.66, 0.658586, True, True),
    ],
)
def test_a_printed_number_agrees_rounded_or_truncated_at_its_last_digit(
    printed: float, value: float, truncation: bool, agreed: bool
) -> None:
    assert agrees(printed, value, truncation=truncation) is agreed


@pytest.mark.parametrize("gain", [2.0, 1.0, 0.5])
def test_the_initial_power_is_that_of_simulated_layers(gain: float) -> None:
    generator = np.random.default_rng(0)
    layers, width, draws = 4, 256, 60
    ratios = []
    for _ in range(draws):
        x = first = generator.standard_normal(width)
        for _ in range(layers):
            weights = generator.standard_normal((width, width)) * np.sqrt(gain / width)
            x = np.maximum(weights @ x, 0)
        ratios.append(np.mean(x**2) / np.mean(first**2))
    spread = np.std(ratios) / np.sqrt(draws)
    assert abs(np.mean(ratios) - power_after(layers, gain)) < 3 * spread


# Claims come from the tables: a wrong entry shows


@pytest.fixture
def verdicts() -> dict[str, Verdict]:
    return {finding.claim.id: finding.verdict for finding in verify()}


def _changed(before: dict[str, Verdict]) -> set[str]:
    return {
        finding.claim.id for finding in verify() if finding.verdict is not before[finding.claim.id]
    }


def test_a_wrong_filter_in_googlenets_table_changes_the_verdicts(
    monkeypatch: pytest.MonkeyPatch, verdicts: dict[str, Verdict]
) -> None:
    _, printed = googlenet.MODULES["4a"]
    wrong = Filters(192, 96, 204, 16, 52, 64)  # 512 channels still
    monkeypatch.setitem(googlenet.MODULES, "4a", (wrong, printed))
    # 4a's own cells happen to hold then: many filters fit the two printed numbers.
    assert _changed(verdicts) == {"L2", "L4", "L5", "L20", "L21"}


def test_a_row_whose_filters_give_the_printed_number_would_hold(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    filters, printed = googlenet.MODULES["4c"]
    # (509,440 − 474,112) / (9 · 128) = 30.7 filters of the 3×3 too many
    narrower = filters._replace(conv3x3=filters.conv3x3 - 31)
    monkeypatch.setitem(googlenet.MODULES, "4c", (narrower, printed))
    assert one("L24").verdict is Verdict.HOLDS


@pytest.mark.parametrize(
    ("table", "key", "entry", "changed"),
    [
        (resnet.BLOCKS, 34, (3, 4, 6, 4), {"L56", "L58", "H25"}),
        (resnet.BLOCKS, 101, (3, 4, 6, 3), {"L56", "L60"}),
        (vgg.CONFIGURATIONS, "D", vgg.CONFIGURATIONS["B"], {"L62"}),
        (vgg.CONFIGURATIONS, "E", vgg.CONFIGURATIONS["B"], {"L63", "C4"}),
    ],
)
def test_a_wrong_count_of_blocks_or_layers_changes_the_verdicts(
    table: dict[Any, Any],
    key: Any,
    entry: Any,
    changed: set[str],
    monkeypatch: pytest.MonkeyPatch,
    verdicts: dict[str, Verdict],
) -> None:
    monkeypatch.setitem(table, key, entry)
    assert changed <= _changed(verdicts)


@pytest.mark.parametrize(
    ("module", "function", "instead", "changed"),
    [
        (resnet, "_conv_bn", lambda i, f, k, s=1: {f"conv{i}": Conv(f, k, s)}, {"L48"}),
        (resnet, "shortcut", lambda option, before, after, stride: Conv(after, 1, stride), {"H24"}),
        (resnet, "block", lambda residual, *rest: residual, {"L46", "H23", "H25"}),
        (googlenet, "auxiliary", lambda classes, pool: Tap(pool=AvgPool(7, 7)), {"S12"}),
    ],
)
def test_a_wrong_structure_changes_the_verdicts(
    module: Any,
    function: str,
    instead: Callable[..., Any],
    changed: set[str],
    monkeypatch: pytest.MonkeyPatch,
    verdicts: dict[str, Verdict],
) -> None:
    monkeypatch.setattr(module, function, instead)
    assert all(finding.verdict is not verdicts[finding.claim.id] for finding in verify(changed))


# Trained claims, from records


def trained(
    subject: str, error: float, *, seed: int = 0, quantity: str = "top1", **changes: Any
) -> Record:
    conditions: dict[str, Any] = {
        "data": "cifar10",
        "recipe": "he2015_cifar",
        "steps": 64_000,
        "epochs": 163.84,
        "split": "test",
        "images": 10_000,
        "seed": seed,
    }
    return Record.of(subject, quantity, 1 - error, "measured", **{**conditions, **changes})


def family(plain20: float, plain56: float, resnet20: float, resnet56: float) -> list[Record]:
    errors = {"plain20": plain20, "plain56": plain56, "resnet20": resnet20, "resnet56": resnet56}
    return [trained(name, error, seed=seed) for name, error in errors.items() for seed in range(3)]


def test_degradation_holds_where_plain_networks_get_worse_and_residual_ones_better() -> None:
    finding = one("L51", family(0.09, 0.12, 0.0875, 0.0697))
    assert finding.verdict is Verdict.HOLDS
    assert finding.provenance == "measured"
    assert finding.as_recorded
    assert "plain56 12.00 % (3 seeds)" in finding.note
    assert "+3.00 points" in finding.note


def test_degradation_is_decided_by_the_longest_schedule_that_all_four_share_and_says_it() -> None:
    def scheduled(records: list[Record], steps: int, epochs: float) -> list[Record]:
        return [
            replace(
                each,
                conditions={**each.conditions, "recipe": "quick", "steps": steps, "epochs": epochs},
            )
            for each in records
        ]

    holding, failing = family(0.09, 0.12, 0.0875, 0.0697), family(0.12, 0.09, 0.0697, 0.0875)
    short, long = scheduled(failing, 7_031, 20.0), scheduled(holding, 14_062, 40.0)
    finding = one("L51", short + long)
    assert finding.verdict is Verdict.HOLDS
    assert "quick, 14,062 steps" in finding.note
    assert one("L51", short).verdict is Verdict.DIFFERS
    # H8 and its like keep the paper's protocol.
    assert one("H16", short + long).verdict is Verdict.UNMEASURED
    assert one("L51", scheduled(holding, 2_812, 8.0)).verdict is Verdict.UNMEASURED


def test_degradation_is_in_training_too() -> None:
    tested = family(0.09, 0.12, 0.0875, 0.0697)

    def curves(plain56: float) -> list[Record]:
        errors = {"plain20": 0.05, "plain56": plain56, "resnet20": 0.04, "resnet56": 0.01}
        return [
            trained(name, error, quantity="train_top1", step=63_000)
            for name, error in errors.items()
        ]

    finding = one("L51", tested + curves(0.09))
    assert finding.verdict is Verdict.HOLDS
    assert "training error" in finding.note
    assert one("L51", tested + curves(0.02)).verdict is Verdict.DIFFERS


@pytest.mark.parametrize(
    "errors",
    [
        (0.12, 0.09, 0.0875, 0.0697),  # plain improves
        (0.09, 0.12, 0.0697, 0.0875),  # residual worsens
        (0.09, 0.091, 0.0875, 0.0697),  # plain worsens by less than two standard errors
    ],
)
def test_degradation_differs_where_either_half_fails(errors: tuple[float, ...]) -> None:
    finding = one("L51", family(*errors))
    assert finding.verdict is Verdict.DIFFERS
    assert not finding.as_recorded


@pytest.mark.parametrize(
    "change",
    [
        {"data": "cifar100"},
        {"recipe": "quick"},
        {"steps": 6_400},
        {"split": "val"},
        {"images": 1_000},
        {"quantity": "top5"},
    ],
)
def test_records_of_another_protocol_do_not_count(change: dict[str, Any]) -> None:
    records = family(0.09, 0.12, 0.0875, 0.0697)
    assert one("L51", records).verdict is Verdict.HOLDS
    others = [record for record in records if record.subject != "plain56"]
    strange = [trained("plain56", 0.12, seed=seed, **change) for seed in range(3)]
    assert one("L51", others + strange).verdict is Verdict.UNMEASURED


def test_cited_records_and_records_without_a_seed_do_not_count() -> None:
    record = trained("resnet20", 0.0875)
    cited = Record.of("resnet20", "top1", record.value, "cited", **record.conditions)
    unseeded = {key: value for key, value in record.conditions.items() if key != "seed"}
    nameless = Record.of("resnet20", "top1", record.value, "measured", **unseeded)
    assert one("H2", [record]).verdict is Verdict.HOLDS
    assert one("H2", [cited, nameless]).verdict is Verdict.UNMEASURED


def test_a_printed_error_is_compared_with_the_mean_over_seeds() -> None:
    runs = [
        trained("resnet20", error, seed=seed) for seed, error in enumerate((0.085, 0.088, 0.091))
    ]
    finding = one("H2", runs)
    assert finding.value == pytest.approx(8.8)
    assert finding.verdict is Verdict.HOLDS
    assert "8.80 % (3 seeds)" in finding.note
    # √(0.0875 · 0.9125 / 10,000 + 0.088 · 0.912 / 30,000) = 0.326 points
    assert "two standard errors 0.65" in finding.note
    assert one("H2", runs[:1]).note.startswith("mean test error 8.50 % (one seed)")
    far = one("H2", [trained("resnet20", 0.10)])
    assert far.verdict is Verdict.DIFFERS
    # √(0.0875 · 0.9125 / 10,000 + 0.1 · 0.9 / 10,000) = 0.412 points
    assert "+1.25 points from the printed one, two standard errors 0.82" in far.note


def test_the_order_of_depths_may_waver_within_noise_and_no_further() -> None:
    def plain(*errors: float) -> list[Record]:
        return [trained(f"plain{d}", e) for d, e in zip((20, 32, 44, 56), errors, strict=True)]

    assert one("H16", plain(0.09, 0.10, 0.11, 0.13)).verdict is Verdict.HOLDS
    assert one("H16", plain(0.09, 0.10, 0.099, 0.13)).verdict is Verdict.HOLDS
    assert one("H16", plain(0.09, 0.13, 0.10, 0.13)).verdict is Verdict.DIFFERS
    assert one("H16", plain(0.09, 0.10, 0.11, 0.13)[:3]).verdict is Verdict.UNMEASURED


def test_training_errors_are_taken_from_the_end_of_the_curve() -> None:
    def curve(*errors: tuple[int, float]) -> list[Record]:
        return [
            trained("resnet1202", error, quantity="train_top1", step=step) for step, error in errors
        ]

    fitted = curve((32_000, 0.05), (62_000, 0.0008), (64_000, 0.0006))
    assert one("H14", fitted).verdict is Verdict.HOLDS
    assert one("H14", curve((64_000, 0.004))).verdict is Verdict.DIFFERS
    assert one("H14", fitted[:1]).verdict is Verdict.UNMEASURED


def test_plain_110_is_held_to_its_sixty_percent() -> None:
    assert one("H19", [trained("plain110", 0.62)]).verdict is Verdict.HOLDS
    assert one("H19", [trained("plain110", 0.25)]).verdict is Verdict.DIFFERS


def test_the_auxiliary_heads_are_judged_by_runs_that_differ_in_nothing_else() -> None:
    def run(error: float, weight: float, recipe: str = "quick") -> Record:
        return trained(
            "googlenet.small", error, recipe=recipe, steps=9_000, auxiliary_weight=weight
        )

    assert one("L11", [run(0.08, 0.3), run(0.10, 0.0)]).verdict is Verdict.HOLDS
    assert one("L11", [run(0.10, 0.3), run(0.10, 0.0)]).verdict is Verdict.DIFFERS
    assert one("L11", [run(0.08, 0.3), run(0.10, 0.0, "other")]).verdict is Verdict.UNMEASURED


# Measured claims, from records


NETWORKS = ("alexnet", "googlenet", "resnet18", "resnet50", "vgg16")


def measured(subject: str, quantity: str, value: float, **changes: Any) -> Record:
    conditions = {"batch": 1, "device": "a", "engine": "eager", "input": [3, 224, 224], **changes}
    return Record.of(subject, quantity, value, "measured", **conditions)


def proportional(**changes: Any) -> Iterator[Record]:
    for name in NETWORKS:
        yield measured(name, "latency", totals(get(name)).macs / 1e11 + 0.001, **changes)


def test_operations_estimate_time_where_latency_is_a_line_in_them() -> None:
    records = list(proportional())
    finding = one("C13", records)
    assert (finding.verdict, finding.value) == (Verdict.HOLDS, "R² = 1.000, n = 5")
    assert "5 networks" in finding.note
    assert one("C13", records[:4]).verdict is Verdict.UNMEASURED


def test_operations_do_not_estimate_time_where_it_falls_or_stands_with_them() -> None:
    falling = [measured(name, "latency", 1 - totals(get(name)).macs / 1e11) for name in NETWORKS]
    assert one("C13", falling).verdict is Verdict.DIFFERS
    same = [measured(name, "latency", 0.01) for name in NETWORKS]
    assert one("C13", same).verdict is Verdict.DIFFERS


def test_six_networks_on_a_line_with_one_far_off_are_no_evidence() -> None:
    """VGG-16's operations lie so far out that any line through it explains most of the variance, R² = 0.97."""
    values = {
        "alexnet": 0.02,
        "googlenet": 0.001,
        "resnet18": 0.015,
        "resnet50": 0.002,
        "vgg16": 0.1,
    }
    found = one("C13", [measured(name, "latency", value) for name, value in values.items()])
    assert found.verdict is Verdict.DIFFERS
    assert "n = 5" in str(found.value)


def test_what_a_busy_machine_measured_decides_no_claim() -> None:
    noisy = [*proportional(noisy=True)]
    assert one("C13", noisy).verdict is Verdict.UNMEASURED
    busy_outlier = measured("resnet34", "latency", 9.0, noisy=True)
    assert one("C13", [*proportional(), busy_outlier]).verdict is Verdict.HOLDS


def test_negative_power_is_no_power() -> None:
    watts = [measured(name, "power", -1.0 - i) for i, name in enumerate(NETWORKS)]
    assert one("C9", watts).verdict is Verdict.UNMEASURED
    by_batch = [
        measured("vgg16", "power", watt, batch=b) for b, watt in ((1, -3.0), (2, 5.0), (4, 5.0))
    ]
    assert one("C8", by_batch).verdict is Verdict.UNMEASURED


def test_networks_measured_on_two_machines_or_batches_are_never_pooled() -> None:
    records = list(proportional())
    for other in ({"device": "b"}, {"batch": 16}, {"input": [3, 32, 32]}):
        moved = [measured("vgg16", "latency", records[-1].value, **other)]
        assert one("C13", records[:4] + moved).verdict is Verdict.UNMEASURED


def test_operations_are_counted_at_the_input_that_was_measured() -> None:
    counted = []

    def macs(cost: Cost) -> float:
        counted.append(cost.macs)
        return cost.macs

    names = ("alexnet", "resnet18", "resnet34", "resnet50", "vgg16")
    at_64 = [measured(name, "latency", len(name), input=[3, 64, 64]) for name in names]
    assert evidence.linear(at_64, "latency", macs)
    assert counted == [totals(get(name, input=(3, 64, 64))).macs for name in names]


def test_power_is_constant_within_a_tenth() -> None:
    def powers(*watts: float) -> list[Record]:
        pairs = zip((1, 4, 16), watts, strict=True)
        return [measured("vgg16", "power", watt, batch=batch) for batch, watt in pairs]

    assert one("C8", powers(11.0, 11.5, 12.0)).verdict is Verdict.HOLDS
    assert one("C8", powers(6.0, 9.0, 12.0)).verdict is Verdict.DIFFERS
    assert one("C8", powers(11.0, 11.5, 12.0)[:2]).verdict is Verdict.UNMEASURED
    by_network = [measured(name, "power", 11 + 0.1 * i) for i, name in enumerate(NETWORKS)]
    assert one("C9", by_network).verdict is Verdict.HOLDS
    assert one("C8", by_network).verdict is Verdict.UNMEASURED


# Output and errors


def test_a_finding_is_an_object_of_eleven_fields_that_json_takes() -> None:
    fields = ["id", "source", "place", "claim", "printed", "found", "unit", "verdict"]
    findings = json.loads(json.dumps([finding.to_dict() for finding in verify()]))
    assert len(findings) == len(CLAIMS)
    for finding in findings:
        assert list(finding) == [*fields, "provenance", "note", "basis"]
        assert all(finding[key] for key in ("id", "source", "place", "claim"))
        match CLAIMS[finding["id"]].check, finding["verdict"]:
            case Measured(), "unmeasured":
                assert finding["provenance"] is None
            case Measured(), _:
                assert finding["provenance"] == "measured"
                assert finding["basis"].startswith("atalho's records (")
            case Cited(), verdict:
                assert finding["provenance"] == verdict == "cited"
            case _:
                assert (finding["provenance"], finding["basis"]) == ("computed", "")
    (row,) = (each for each in findings if each["id"] == "L24")
    assert (row["printed"], row["found"], row["unit"]) == (463, 497.5, "K weights")


def test_ids_choose_claims_in_their_order_and_in_either_case() -> None:
    assert [finding.claim.id for finding in verify(["S7", "l8"])] == ["S7", "L8"]


def test_an_unknown_id_is_refused_with_the_nearest() -> None:
    with pytest.raises(AtalhoError) as caught:
        verify(["L8", "L67"])
    assert caught.value.code == "CLAIM-UNKNOWN"
    assert caught.value.exit is Exit.USAGE
    assert "L6" in caught.value.cause


def test_verification_needs_no_torch_and_less_than_half_a_second() -> None:
    script = (
        "import sys, time\n"
        "from atalho.claims import verify\n"
        "verify()\n"
        "print('torch' in sys.modules, time.process_time())"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    torch, seconds = done.stdout.split()
    assert torch == "False"
    assert float(seconds) < 0.5
