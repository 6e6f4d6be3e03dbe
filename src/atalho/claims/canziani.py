"""Canziani et al. 2016, arXiv:1605.07678, An analysis of deep neural network models for practical applications: C1 to C18.

The claims are taken from the abstract, the captions and quotations; values that can only be read off a chart are not tested.
"""

from functools import partial
from operator import attrgetter

from atalho.claims import evidence, unmeasured
from atalho.claims.claim import Cited, Claim, Computed, Measured, Result, Verdict
from atalho.claims.he import TEN_CROPS
from atalho.claims.szegedy import TOP5
from atalho.claims.tables import Tables

SOURCE = "Canziani 2016, arXiv:1605.07678"

CATALOGUED = (
    "alexnet",
    "nin.bn",
    "enet",
    "googlenet",
    "vgg16",
    "vgg19",
    "resnet18",
    "resnet34",
    "resnet50",
    "resnet101",
    "resnet152",
    "inception_v3",
    "inception_v4",
)
"""The paper's networks under the catalogue's names; it has no AlexNet with BatchNorm."""

VGG16_ONE_CROP = 8.70  # top-5 error, percent

claim = partial(Claim, source=SOURCE)
cited = partial(claim, check=Cited(), expected=Verdict.CITED)


def _costliest(tables: Tables) -> Result:
    macs = {name: tables.totals(name).macs / 10**9 for name in CATALOGUED}
    first, second, third = sorted(macs, key=macs.__getitem__, reverse=True)[:3]
    return Result(
        f"{first}, {second}",
        f"{macs[first]:.1f} and {macs[second]:.1f} G multiply-accumulates, then {third} with {macs[third]:.1f}, of "
        f"{len(macs)} networks",
    )


def _rankings(tables: Tables) -> Result:
    vgg, googlenet = TEN_CROPS["VGG-16"][1], TOP5[1, 10]
    assert vgg is not None
    flips = TOP5[1, 1] > VGG16_ONE_CROP and vgg > googlenet
    return Result(
        f"{VGG16_ONE_CROP:.2f} < {TOP5[1, 1]:.2f}, {vgg:.2f} > {googlenet:.2f}",
        "top-5 error of VGG-16 and GoogLeNet, one crop and ten, as He 2015 and Szegedy 2014 print them",
        flips,
    )


_ALIKE = "on one device, engine, precision and protocol"

CLAIMS = (
    cited(
        "C1",
        place="networks",
        text="fourteen networks: AlexNet, BN-AlexNet, BN-NIN, ENet, GoogLeNet, VGG-16 and 19, ResNet-18, 34, 50, 101 and "
        "152, Inception-v3 and v4",
        printed=14,
        unit="networks",
    ),
    claim(
        "C2",
        place="method",
        text="a single central crop changes rankings: VGG-16 is better than GoogLeNet with one crop, worse with ten",
        check=Computed(_rankings),
    ),
    cited(
        "C3",
        place="Fig. 1",
        text="the newest ResNets and Inceptions have the best top-1 accuracy",
    ),
    claim(
        "C4",
        place="Fig. 2",
        text="the VGGs take by far the most operations",
        check=Computed(_costliest),
        printed="vgg19, vgg16",
    ),
    cited(
        "C5",
        place="Fig. 2",
        text="G-Ops count a multiplication and an addition each: twice the multiply-accumulates",
        note="the axis is read off a chart and not tested against; L62 has VGG-16's multiply-accumulates",
    ),
    cited(
        "C6",
        place="Fig. 2",
        text="more operations gain less and less accuracy",
    ),
    cited(
        "C7",
        place="Fig. 3",
        text="time an image falls with the batch, and differs between networks throughout",
    ),
    claim(
        "C8",
        place="findings, Fig. 4",
        text="power is independent of the batch",
        check=Measured(
            f"power of a network at {evidence.LEAST_BATCHES} batch sizes or more, {_ALIKE}",
            partial(
                evidence.constant, quantity="power", along="batch", least=evidence.LEAST_BATCHES
            ),
            unmeasured.power,
        ),
        note="Jetson TX1; on a server's GPU it may well fail",
    ),
    claim(
        "C9",
        place="findings, Fig. 8",
        text="power is independent of the architecture",
        check=Measured(
            f"power of {evidence.LEAST_NETWORKS} networks or more at one batch size, {_ALIKE}",
            partial(
                evidence.constant, quantity="power", along="subject", least=evidence.LEAST_NETWORKS
            ),
            unmeasured.power,
        ),
        note="Jetson TX1; on a server's GPU it may well fail",
    ),
    cited(
        "C10",
        place="Fig. 5",
        text="memory stays flat with the batch, then rises",
    ),
    claim(
        "C11",
        place="Fig. 6",
        text="memory grows along a line in the parameters",
        check=Measured(
            f"peak_memory of {evidence.LEAST_NETWORKS} networks or more at one batch size, {_ALIKE}",
            partial(evidence.linear, quantity="peak_memory", of=attrgetter("params")),
            unmeasured.costs,
        ),
        expected=Verdict.DIFFERS,
        note="at small batches every network is predicted from the others; at large ones activations take the memory",
    ),
    cited(
        "C12",
        place="Fig. 6",
        text="that line has a slope of 1.30 and starts at no less than 200 MB",
        printed="1.30, 200",
        note="of Torch7 on a Jetson TX1",
    ),
    claim(
        "C13",
        place="findings, Fig. 7",
        text="operations are a reliable estimate of inference time",
        check=Measured(
            f"latency of {evidence.LEAST_NETWORKS} networks or more at one batch size, {_ALIKE}",
            partial(evidence.linear, quantity="latency", of=attrgetter("macs")),
            unmeasured.costs,
        ),
        expected=Verdict.DIFFERS,
        note="a line fits easily where one network lies far beyond the others; whether it predicts each of them is what is asked",
    ),
    cited(
        "C14",
        place="findings, Fig. 9",
        text="accuracy and inference time are in a hyperbolic relation: a little accuracy costs a lot of time",
        note="an upper bound over the networks; no statistic is given to decide it by",
    ),
    cited(
        "C15",
        place="findings",
        text="a bound on energy is an upper bound on accuracy and complexity",
    ),
    cited(
        "C16",
        place="findings, Fig. 10",
        text="ENet has 13 times AlexNet's accuracy a parameter",
        printed=13,
        unit="×",
    ),
    cited(
        "C17",
        place="findings, Fig. 10",
        text="ENet has 24 times VGG-19's accuracy a parameter",
        printed=24,
        unit="×",
    ),
    cited(
        "C18",
        place="findings",
        text="“choose the slowest architecture which satisfies the application minimum requirements”",
    ),
)
