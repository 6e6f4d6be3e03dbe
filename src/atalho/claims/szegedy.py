"""Szegedy et al. 2014, arXiv:1409.4842, Going deeper with convolutions: S1 to S19; its Table 1 is L12 to L39."""

from functools import partial

from atalho.claims import inception
from atalho.claims.claim import Cited, Claim, Computed, Result, Verdict
from atalho.claims.tables import Tables

SOURCE = "Szegedy 2014, arXiv:1409.4842"

TOP5 = {(1, 1): 10.07, (1, 10): 9.15, (1, 144): 7.89, (7, 1): 8.09, (7, 10): 7.62, (7, 144): 6.67}
"""Top-5 error in percent on the validation set, by models and crops (Table 3)."""

claim = partial(Claim, source=SOURCE)
cited = partial(claim, check=Cited(), expected=Verdict.CITED)


def _last_delta(tables: Tables) -> Result:
    base, best = TOP5[1, 1], TOP5[7, 144]
    return Result(round(best - base, 2), f"{best} − {base}, from the same table")


def _crops(tables: Tables) -> Result:
    return Result(4 * 3 * 6 * 2, "4 scales × 3 squares × 6 views × 2 mirror images")


CLAIMS = (
    *(
        cited(
            f"S{number}",
            place="Table 3",
            text=f"{models} model{'s' * (models > 1)}, {crops} crop{'s' * (crops > 1)}: top-5 error",
            printed=error,
            unit="%",
            note="the same on the validation and the test set" if error == 6.67 else "",
        )
        for number, ((models, crops), error) in enumerate(TOP5.items(), start=1)
    ),
    claim(
        "S7",
        place="Table 3",
        text="seven models on 144 crops gain 3.45 points against one on one crop",
        check=Computed(_last_delta),
        printed=-3.45,
        unit="points",
        expected=Verdict.DIFFERS,
    ),
    claim(
        "S8",
        place="§7",
        text="144 crops an image",
        check=Computed(_crops),
        printed=144,
        unit="crops",
    ),
    claim(
        "S9",
        place="§1",
        text="12× fewer parameters than Krizhevsky's network",
        check=Computed(inception.fewer_than_alexnet),
        printed=12,
        unit="×",
        expected=Verdict.DIFFERS,
    ),
    claim(
        "S10",
        place="§1",
        text="a budget of 1.5 G multiply-adds at inference",
        check=Computed(inception.budget),
        printed=1.5,
        unit="G MAC",
    ),
    claim(
        "S11",
        place="§5",
        text="22 layers with parameters, 27 with pooling",
        check=Computed(inception.layers_with_pooling),
        printed="22, 27",
        unit="layers",
    ),
    claim(
        "S12",
        place="§5",
        text="the auxiliary heads' pooling gives 4×4×512 after 4a and 4×4×528 after 4d",
        check=Computed(inception.auxiliary_maps),
        printed="4×4×512, 4×4×528",
    ),
    claim(
        "S13",
        place="Table 1 and §5",
        text="dropout of 40 % before the classifier, of 70 % in the auxiliary heads",
        check=Computed(inception.dropout),
        printed="40 %, 70 %",
    ),
    claim(
        "S14",
        place="§5",
        text="every convolution is followed by ReLU, reductions and projections too",
        check=Computed(inception.rectified),
    ),
    cited(
        "S15",
        place="§5",
        text="average pooling in place of fully connected layers gains about 0.6 points of top-1",
        printed=0.6,
        unit="points",
        note="dropout remained essential",
    ),
    cited(
        "S16",
        place="§5",
        text="each auxiliary loss is weighted by 0.3; the heads are removed at inference",
        printed=0.3,
    ),
    cited(
        "S17",
        place="§6",
        text="asynchronous SGD with momentum 0.9, the rate 4 % lower every 8 epochs, Polyak averaging",
        note="at that pace a tenfold drop takes 451 epochs (8 · ln 10 / −ln 0.96); the first rate, the weight decay and the "
        "batch are not given",
    ),
    cited(
        "S18",
        place="§6",
        text="crops of 8 to 100 % of the area with aspect ratios of 3/4 to 4/3, photometric distortions",
        note="“verified … after the competition”; random interpolation was inconclusive",
    ),
    cited(
        "S19",
        place="§7",
        text="AlexNet's top-5 error: 16.4 % without external data, 15.3 % with",
        printed="16.4, 15.3",
        unit="%",
    ),
)
