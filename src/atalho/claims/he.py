"""He et al. 2015, arXiv:1512.03385, Deep residual learning for image recognition: H1 to H76.

H1 to H12 are Table 6, parameters before errors; its operations for ImageNet are claims L57 to L61 in `lecture`.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial

from atalho.claims import diagnosed, evidence, residual, unmeasured
from atalho.claims.claim import Cited, Claim, Computed, Measured, Result, Verdict
from atalho.claims.evidence import HE_CIFAR
from atalho.networks.resnet import PRINTED_MPARAMS
from atalho.record import Record

SOURCE = "He 2015, arXiv:1512.03385"

CIFAR_ERRORS = {20: 8.75, 32: 7.51, 44: 7.17, 56: 6.97, 110: 6.43, 1202: 7.93}
"""Test error in percent on CIFAR-10 by depth (Table 6)."""

Pairs = Mapping[str, tuple[float | None, float | None]]

TOP1_BY_DEPTH: Pairs = {
    "plain-18": (27.94, None),
    "plain-34": (28.54, None),
    "ResNet-18": (27.88, None),
    "ResNet-34 (A)": (25.03, None),
}
TEN_CROPS: Pairs = {
    "VGG-16": (28.07, 9.33),
    "GoogLeNet": (None, 9.15),
    "PReLU-net": (24.27, 7.38),
    "plain-34": (28.54, 10.02),
    "ResNet-34 (A)": (25.03, 7.76),
    "ResNet-34 (B)": (24.52, 7.46),
    "ResNet-34 (C)": (24.19, 7.40),
    "ResNet-50": (22.85, 6.71),
    "ResNet-101": (21.75, 6.05),
    "ResNet-152": (21.43, 5.71),
}
SINGLE_MODELS: Pairs = {
    "BN-Inception": (21.99, 5.81),
    "ResNet-34 (B)": (21.84, 5.71),
    "ResNet-34 (C)": (21.53, 5.60),
    "ResNet-50": (20.74, 5.25),
    "ResNet-101": (19.87, 4.60),
    "ResNet-152": (19.38, 4.49),
}
ENSEMBLES: Pairs = {
    "VGG": (None, 7.32),
    "VGG (v5)": (None, 6.8),
    "GoogLeNet": (None, 6.66),
    "PReLU-net": (None, 4.94),
    "BN-Inception": (None, 4.82),
    "ResNet": (None, 3.57),
}
ONE_CROP: Pairs = {
    "ResNet-50": (24.7, 7.8),
    "ResNet-101": (23.6, 7.1),
    "ResNet-152": (23.0, 6.7),
}
"""Errors in percent on ImageNet, (top-1, top-5): Tables 2 to 5, and one centre crop."""

Decide = Callable[[Sequence[Record]], Result | None]

claim = partial(Claim, source=SOURCE)
cited = partial(claim, check=Cited(), expected=Verdict.CITED)


def _table_6() -> Iterator[Claim]:
    for index, (depth, error) in enumerate(CIFAR_ERRORS.items()):
        subject, params = f"resnet{depth}", PRINTED_MPARAMS[depth]
        yield claim(
            f"H{1 + 2 * index}",
            place=f"Table 6, {depth} layers, params",
            text=f"ResNet-{depth} for CIFAR-10 has {params} M parameters",
            check=Computed(partial(residual.megaparams, depth)),
            printed=params,
            unit="M parameters",
        )
        yield claim(
            f"H{2 + 2 * index}",
            place=f"Table 6, {depth} layers, error",
            text=f"ResNet-{depth} has a test error of {error} % on CIFAR-10",
            check=_of(
                evidence.TEST,
                subject,
                partial(evidence.printed_error, subject=subject, printed=error),
            ),
            printed=error,
            unit="%",
            note="the best of five runs; their mean is H13" if depth == 110 else "",
        )


def _imagenet(first: int, place: str, setting: str, errors: Pairs) -> Iterator[Claim]:
    """The cells of a table as cited claims, top-1 before top-5, numbered from `first`."""
    cells = [
        (network, kind, error)
        for network, pair in errors.items()
        for kind, error in zip(("top-1", "top-5"), pair, strict=True)
        if error is not None
    ]
    for number, (network, kind, error) in enumerate(cells, start=first):
        yield cited(
            f"H{number}",
            place=f"{place}, {network}, {kind}",
            text=f"{network} has a {kind} error of {error} % on ImageNet, {setting}",
            printed=error,
            unit="%",
        )


def _above_60(records: Sequence[Record]) -> Result | None:
    if (error := evidence.errors(records, "plain110", evidence.TEST)) is None:
        return None
    note = f"mean test error {error}"
    return Result(round(100 * error.mean, 4), note, error.mean > 0.6, error.records)


def _fitted(records: Sequence[Record]) -> Result | None:
    if (error := evidence.errors(records, "resnet1202", evidence.TRAINING)) is None:
        return None
    note = f"mean {evidence.TRAINING.name} {error}"
    return Result(round(100 * error.mean, 4), note, error.mean < 0.001, error.records)


def _rising(protocol: evidence.Protocol, *subjects: str) -> Measured:
    return Measured(
        evidence.needs(protocol, *subjects),
        partial(evidence.rising, subjects=subjects, protocol=protocol),
        partial(unmeasured.trained, subjects=subjects, protocol=protocol),
    )


def _of(protocol: evidence.Protocol, subject: str, decide: Decide) -> Measured:
    """A check by the error of one network."""
    return Measured(
        evidence.needs(protocol, subject),
        decide,
        partial(unmeasured.trained, subjects=(subject,), protocol=protocol),
    )


def _responses_missing(records: Sequence[Record]) -> str:
    networks = ("plain20", "plain56", "resnet20", "resnet56")
    diagnosis = f"then `atalho diagnose {' '.join(networks)} --data cifar10 --at end --runs runs --measure responses`"
    shorter = unmeasured.shorter(diagnosed.responses(records, {"data": "cifar10"}))
    trained = unmeasured.training(records, networks)
    return "; ".join(filter(None, (f"{trained}, {diagnosis}", shorter)))


_PLAIN = tuple(f"plain{depth}" for depth in (20, 32, 44, 56))
_RESIDUAL = tuple(f"resnet{depth}" for depth in (110, 56, 44, 32, 20))

CLAIMS = (
    *_table_6(),
    claim(
        "H13",
        place="Table 6, 110 layers",
        text="five runs of ResNet-110 have a mean test error of 6.61 ± 0.16 %",
        check=_of(
            evidence.TEST,
            "resnet110",
            partial(evidence.printed_error, subject="resnet110", printed=6.61, runs=5),
        ),
        printed=6.61,
        unit="%",
    ),
    claim(
        "H14",
        place="§4.2",
        text="ResNet-1202 fits the training set: an error below 0.1 %",
        check=_of(evidence.TRAINING, "resnet1202", _fitted),
        printed="< 0.1",
        unit="%",
    ),
    claim(
        "H15",
        place="§4.2",
        text="ResNet-1202 tests worse than ResNet-110",
        check=_rising(evidence.TEST, "resnet110", "resnet1202"),
    ),
    claim(
        "H16",
        place="Fig. 6 left",
        text="plain networks of 20, 32, 44 and 56 layers test worse the deeper they are",
        check=_rising(evidence.TEST, *_PLAIN),
        note="the paper prints no numbers",
    ),
    claim(
        "H17",
        place="Fig. 6 left",
        text="their training error rises with depth too",
        check=_rising(evidence.TRAINING, *_PLAIN),
        note="the paper prints no numbers; ours is taken while training, on augmented images",
    ),
    claim(
        "H18",
        place="Fig. 6 middle",
        text="residual networks of 20 to 110 layers test better the deeper they are",
        check=_rising(evidence.TEST, *_RESIDUAL),
    ),
    claim(
        "H19",
        place="Fig. 6, caption",
        text="plain-110 has an error above 60 %",
        check=_of(evidence.TEST, "plain110", _above_60),
        printed="> 60",
        unit="%",
    ),
    claim(
        "H20",
        place="Fig. 7",
        text="layers of residual networks respond less (standard deviation after BatchNorm) than plain ones, deeper ones less",
        check=Measured(
            "response_std of plain20, plain56, resnet20 and resnet56 at moment end, with "
            + ", ".join(f"{key} {value}" for key, value in HE_CIFAR.items()),
            diagnosed.responses,
            _responses_missing,
        ),
    ),
    claim(
        "H21",
        place="§4.2",
        text="6n + 2 layers for n = 3, 5, 7, 9, 18, 200",
        check=Computed(partial(residual.depths, tuple(f"resnet{d}" for d in CIFAR_ERRORS))),
        printed="20, 32, 44, 56, 110, 1202",
        unit="layers",
    ),
    claim(
        "H22",
        place="§4.2",
        text="1+2n, 2n and 2n layers with 16, 32 and 64 filters on maps of 32, 16 and 8",
        check=Computed(residual.layers_by_map),
        printed="1+2n, 2n, 2n",
        unit="layers",
    ),
    claim(
        "H23",
        place="§4.2",
        text="3n shortcuts",
        check=Computed(residual.shortcuts),
        printed="3n",
    ),
    claim(
        "H24",
        place="§4.2",
        text="option A: residual networks have exactly as many parameters as their plain counterparts",
        check=Computed(residual.free_shortcuts),
        printed=0,
        unit="parameters",
    ),
    claim(
        "H25",
        place="§4.1",
        text="option C adds thirteen projections to option B's",
        check=Computed(residual.added_projections),
        printed=13,
        unit="projections",
    ),
    cited(
        "H26",
        place="§4.1",
        text="the differences between A, B and C are small: projections are not essential",
    ),
    cited(
        "H27",
        place="§4.2",
        text="CIFAR-10: SGD with momentum 0.9, weight decay 1e-4, batches of 128, rate 0.1 divided by 10 at 32k and 48k of 64k "
        "iterations",
        note="64,000 · 128 / 50,000 = 163.84 epochs; the schedule was chosen on a split of 45k/5k",
    ),
    cited(
        "H28",
        place="§4.2",
        text="110 layers warm up at a rate of 0.01 until the training error is below 80 %, about 400 iterations",
        note="a footnote adds that 0.1 from the start reaches similar accuracy",
    ),
    cited(
        "H29",
        place="§3.4",
        text="ImageNet: shorter side random in [256, 480], crops of 224, mirror images, colour augmentation, up to 60·10⁴ "
        "iterations",
        note="BatchNorm's statistics in the released models are true averages over a large batch, not moving ones",
    ),
    *_imagenet(30, "Table 2", "ten crops", TOP1_BY_DEPTH),
    *_imagenet(34, "Table 3", "ten crops", TEN_CROPS),
    *_imagenet(53, "Table 4", "single model, several scales", SINGLE_MODELS),
    *_imagenet(65, "Table 5", "ensembles on the test set", ENSEMBLES),
    *_imagenet(71, "released models", "one centre crop", ONE_CROP),
)
