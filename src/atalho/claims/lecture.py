"""The lecture on GoogLeNet, ResNet and comparative analysis (Z. K. G. Patrocínio Jr, PUC Minas): L1 to L66, LT1 to LT3.

L12 to L35 are the cells of GoogLeNet's table, row by row, parameters before operations. LT1 to LT3 are errors of the slides'
tables that none of the numbered claims states. What the lecture calls operations, ops or FLOPs are multiply-accumulates (MAC).
"""

from collections.abc import Iterator
from functools import partial

from atalho.claims import diagnosed, evidence, inception, residual, unmeasured
from atalho.claims.claim import Cited, Claim, Computed, Measured, Verdict
from atalho.networks.resnet import PRINTED_GFLOPS

SOURCE = "Patrocínio, lecture on GoogLeNet, ResNet and comparative analysis"
SZEGEDY, HE = "Szegedy 2014, arXiv:1409.4842", "He 2015, arXiv:1512.03385"

claim = partial(Claim, source=SOURCE)
googlenet = partial(claim, place="GoogLeNet")
resnet = partial(claim, place="ResNet")

HOLDS, DIFFERS, CITED = Verdict.HOLDS, Verdict.DIFFERS, Verdict.CITED


def _cells() -> Iterator[Claim]:
    """L12 to L35: the cells of GoogLeNet's table."""
    weights_differ = {"3b", "4a", "4b", "4c", "4d", "4e", "5a", "5b"}
    operations_differ = {"4a", "5a"}
    for index, (row, printed) in enumerate(inception.TABLE.items()):
        name = row.removeprefix("inception_")
        weights = (
            inception.conv1_weights if row == "conv1" else partial(inception.weights_cell, row)
        )
        yield claim(
            f"L{12 + 2 * index}",
            place=f"GoogLeNet, table, row {name}, params",
            text=f"row {name} has {printed.params} K parameters",
            check=Computed(weights),
            printed=printed.params,
            unit="thousand weights" if row == "conv1" else "K weights",
            expected=DIFFERS if name in weights_differ else HOLDS,
        )
        yield claim(
            f"L{13 + 2 * index}",
            place=f"GoogLeNet, table, row {name}, ops",
            text=f"row {name} takes {printed.macs} M operations",
            check=Computed(partial(inception.operations_cell, row), truncation=False),
            printed=printed.macs,
            unit="M MAC",
            expected=DIFFERS if name in operations_differ else HOLDS,
            note="the column rounds: conv2's 359.66 is printed as 360" if name == "4a" else "",
        )


def _gigaops() -> Iterator[Claim]:
    """L57 to L61: the operations of the ResNets for ImageNet."""
    for index, (depth, printed) in enumerate(PRINTED_GFLOPS.items()):
        yield claim(
            f"L{57 + index}",
            place="ResNet, table, FLOPs",
            text=f"ResNet-{depth} takes {printed} G operations",
            check=Computed(partial(residual.gigaops, depth), truncation=False),
            printed=printed,
            unit="G MAC",
            expected=DIFFERS if depth == 50 else HOLDS,
            note="3.8 is a truncation in a column that rounds: 7.570 is printed as 7.6, 11.282 as 11.3"
            if depth == 50
            else "",
        )


CLAIMS = (
    googlenet(
        "L1",
        text="several filters in parallel, joined by channel",
        check=Computed(inception.concatenated),
        printed="256, 480, 512, 512, 512, 528, 832, 832, 1024",
        unit="channels",
    ),
    googlenet(
        "L2",
        text="a 5×5 on all channels takes 112.9 M operations",
        check=Computed(inception.naive_5x5),
        printed=112.9,
        unit="M MAC",
    ),
    googlenet(
        "L3",
        text="the 1×1 before it takes 1.5 M",
        check=Computed(inception.reduce_1x1),
        printed=1.5,
        unit="M MAC",
    ),
    googlenet(
        "L4",
        text="the 5×5 after the reduction takes 3.8 M",
        check=Computed(inception.reduced_5x5),
        printed=3.8,
        unit="M MAC",
    ),
    googlenet(
        "L5",
        text="both together take 5.3 M",
        check=Computed(inception.reduced_total),
        printed=5.3,
        unit="M MAC",
    ),
    googlenet(
        "L6",
        text="a 1×1 convolution reduces the dimensions",
        check=Computed(inception.dimensions),
        unit="channels",
    ),
    googlenet(
        "L7",
        text="the reduction lowers the cost of computation",
        check=Computed(inception.saving),
        unit="×",
        note="a claim about operations; measured time falls less",
    ),
    googlenet(
        "L8",
        text="“Aumento do número de parâmetros”: the reduction raises the number of parameters",
        check=Computed(inception.parameters_of_reduction),
        printed="rises",
        unit="weights",
        expected=DIFFERS,
        note="it should read “redução”",
    ),
    googlenet(
        "L9",
        text="without a projection, the pooled branch makes the channels grow (implied)",
        check=Computed(inception.naive_channels),
        unit="channels",
    ),
    googlenet(
        "L10",
        text="average pooling in place of fully connected layers reduces the parameters",
        check=Computed(inception.average_pooling),
        unit="×",
    ),
    googlenet(
        "L11",
        text="the auxiliary classifiers make training easier",
        check=Measured(
            "top1 of googlenet.small on cifar10's test split, trained alike with auxiliary_weight 0.3 and with 0",
            evidence.auxiliary_heads,
            unmeasured.heads,
        ),
        expected=DIFFERS,
    ),
    *_cells(),
    claim(
        "L36",
        place="GoogLeNet, table, params",
        text="the column of parameters adds up to 6,797.7 K (implied)",
        check=Computed(inception.params_column),
        printed=6797.7,
        unit="K weights",
        expected=DIFFERS,
    ),
    claim(
        "L37",
        place="GoogLeNet, table, ops",
        text="the column of operations adds up to 1,502 M (implied)",
        check=Computed(inception.operations_column),
        printed=1502,
        unit="M MAC",
    ),
    claim(
        "L38",
        place="GoogLeNet, table, depth",
        text="the column of depths adds up to 22",
        check=Computed(inception.depth_column),
        printed=22,
        unit="layers",
    ),
    claim(
        "L39",
        place="GoogLeNet, table, output size",
        text="the maps are 112, 56, 28, 14 and 7 pixels wide",
        check=Computed(inception.map_sizes),
        printed="112, 56, 28, 14, 7",
        unit="pixels",
    ),
    googlenet(
        "L40",
        text="GoogLeNet has about 5 M parameters",
        check=Computed(inception.total_params),
        printed=5,
        unit="M parameters",
        expected=DIFFERS,
    ),
    googlenet(
        "L41",
        text="the fully connected layers are removed completely",
        check=Computed(inception.linear_layers),
        printed=0,
        unit="linear layers",
        expected=DIFFERS,
    ),
    googlenet(
        "L42",
        text="12× fewer parameters than AlexNet",
        check=Computed(inception.fewer_than_alexnet),
        printed=12,
        unit="×",
        expected=DIFFERS,
        note="the paper itself says 12×",
    ),
    googlenet(
        "L43",
        text="2× the computation of AlexNet",
        check=Computed(inception.more_than_alexnet),
        printed=2,
        unit="×",
    ),
    googlenet(
        "L44",
        text="6.67 % top-5 error against AlexNet's 16.4 %",
        check=Cited(f"{SZEGEDY}, §7"),
        expected=CITED,
        printed="6.67, 16.4",
        unit="%",
        note="seven models on 144 crops each; AlexNet without external data (15.3 % with); one model on one crop: 10.07 %",
    ),
    googlenet(
        "L45",
        text="first in ILSVRC 2014 with a top-5 error of 6.7 %",
        check=Cited(f"{SZEGEDY}, §7"),
        expected=CITED,
        printed=6.7,
        unit="%",
    ),
    resnet(
        "L46",
        text="F(x) = H(x) − x",
        check=Computed(residual.residual_blocks),
    ),
    resnet(
        "L47",
        text="the first maps of the 34-layer network are 56×56, then 28×28",
        check=Computed(residual.map_sizes),
        printed="56×56, 28×28",
        unit="pixels",
    ),
    resnet(
        "L48",
        text="batch normalisation after every convolution",
        check=Computed(residual.normalised),
    ),
    resnet(
        "L49",
        text="initialisation by “Xavier + /2”: read as He's variance of 2 / fan_in, it keeps the signal",
        check=Computed(residual.initial_power),
        printed="Xavier + /2",
        unit="E[x²] out / in",
        note="not to be implemented literally",
    ),
    resnet(
        "L50",
        text="SGD with momentum 0.9, batches of 256, rate 0.1 divided by 10 on plateaus, no dropout",
        check=Cited(f"{HE}, §3.4"),
        expected=CITED,
        note="“erro de validação” is CS231n's wording, the paper says “when the error plateaus”; the slide leaves out weight "
        "decay: 1e-4 in the paper, 1e-5 in CS231n",
    ),
    resnet(
        "L51",
        text="on CIFAR-10 plain networks get worse with depth and residual ones better",
        check=Measured(
            f"top1 of {', '.join(evidence.DEGRADING)} on CIFAR-10's test split under one recipe and length of "
            f"{evidence.LEAST_EPOCHS} epochs or more (atalho train)",
            evidence.degradation,
            unmeasured.degradation,
        ),
    ),
    resnet(
        "L52",
        text="the shortcut lets the gradient flow",
        check=Measured(
            "gradient_ratio, gradient_correlation and shortcut_share of a plain and a residual network of one "
            "depth at moment 0, seen alike (atalho diagnose)",
            diagnosed.gradient_flow,
            unmeasured.gradients,
        ),
        note="with BatchNorm the plain networks' gradient does not vanish at initialisation: it grows on its way back",
    ),
    resnet(
        "L53",
        text="a basic block of 64 channels and a bottleneck of 256 have similar complexity",
        check=Computed(residual.block_costs),
        unit="bottleneck / basic",
    ),
    resnet(
        "L54",
        text="“Evitando o gargalo”: the block avoids the bottleneck",
        check=Computed(residual.block_widths),
        printed="no bottleneck",
        expected=DIFFERS,
        note="the wording is inverted: the block is the bottleneck",
    ),
    resnet(
        "L55",
        text="a trick similar to GoogLeNet's: 1×1 convolutions that reduce",
        check=Computed(residual.reductions),
        unit="channels",
    ),
    resnet(
        "L56",
        text="networks of 18, 34, 50, 101 and 152 layers",
        check=Computed(partial(residual.depths, tuple(f"resnet{d}" for d in PRINTED_GFLOPS))),
        printed="18, 34, 50, 101, 152",
        unit="layers",
    ),
    *_gigaops(),
    resnet(
        "L62",
        text="VGG-16 takes 15.3 G operations",
        check=Computed(partial(residual.vgg_convolutions, 16), truncation=False),
        printed=15.3,
        unit="G MAC",
        note="right for the convolutions alone (LT3)",
    ),
    resnet(
        "L63",
        text="VGG-19 takes 19.6 G operations",
        check=Computed(partial(residual.vgg_whole, 19), truncation=False),
        printed=19.6,
        unit="G MAC",
        note="right only with the fully connected layers (LT3)",
    ),
    resnet(
        "L64",
        text="ResNet-152 is cheaper than VGG",
        check=Computed(residual.cheaper_than_vgg),
        printed="11.3 < 15.3",
        unit="G MAC",
    ),
    resnet(
        "L65",
        text="first in ILSVRC 2015 with a top-5 error of 3.6 %",
        check=Cited(f"{HE}, Table 5"),
        expected=CITED,
        printed=3.6,
        unit="%",
        note="3.57 % by an ensemble of six; the best single model has 4.49 % on the validation set",
    ),
    claim(
        "L66",
        place="comparative analysis",
        text="seven slides compare networks by accuracy, operations, parameters, time and power",
        check=Cited("Canziani 2016, arXiv:1605.07678, by way of CS231n"),
        expected=CITED,
        note="their claims are C1 and after",
    ),
    claim(
        "LT1",
        place="ResNet, last table, conv4_x",
        text="the columns of 50 and 101 layers have ×23 and ×36 blocks in conv4_x",
        check=Computed(residual.shifted_table),
        printed="50, 101",
        unit="layers",
        expected=DIFFERS,
        note="conv4_x lost the ×6 of the 50 layers, and ×23 and ×36 slid one column to the left; conv5_x has one of its three "
        "cells",
    ),
    claim(
        "LT2",
        place="ResNet, all five tables, conv2_x",
        text="conv2_x works on 56×56 without the 3×3 max pooling of stride 2",
        check=Computed(residual.without_pool),
        printed="56×56",
        unit="pixels",
        expected=DIFFERS,
        note="the paper's table begins conv2_x with the pooling",
    ),
    claim(
        "LT3",
        place="ResNet, FLOPs of VGG",
        text="VGG-16's 15.3 and VGG-19's 19.6 are counted alike",
        check=Computed(residual.vgg_pair),
        printed="15.3 and 19.6",
        unit="G MAC",
        expected=DIFFERS,
        note="the pair mixes two conventions, in He 2015 too",
    ),
)
