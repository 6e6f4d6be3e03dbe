"""What depth does to the training accuracy, in words."""

from atalho.page.contents import Contents
from atalho.page.words import degradation
from atalho.record import CURVES, Record
from example_records import example, without


def sentences(records: list[Record]) -> str:
    contents = Contents.of(records, {})
    said = degradation.sentences(contents.curves, contents.styles)
    return " ".join(said).replace("\u00a0", " ")


def test_degradation_is_said_where_the_curves_have_it_and_only_there() -> None:
    found = sentences(example())
    assert (
        "plain20 ended at 99.0 % training accuracy, plain32 at 97.9 % and plain56 at 93.1 %"
        in found
    )
    assert "the deepest plain network trained worse, by 5.9 points" in found
    assert "the deepest residual network trained about as well" in found
    assert "At depth 56, resnet56 ended at 99.9 % training accuracy, plain56 at 93.1 %." in found
    assert "shows here" in found and "does not show here" not in found

    last = {
        "step": 600,
        "epoch": 30.0,
        "data": "digits",
        "seed": 0,
        "recipe": "quick",
        "steps": 600,
        "epochs": 30.0,
    }
    alike = [*example(), Record.of("plain56", "train_top1", 0.986, "measured", **last)]
    assert "the deepest plain network trained about as well" in sentences(alike)
    assert "does not show here" in sentences(alike)

    healthy = [*example(), Record.of("plain56", "train_top1", 0.998, "measured", **last)]
    found = sentences(healthy)
    assert "plain56 at 99.8 %" in found
    assert "the deepest plain network trained better, by 0.8 points" in found
    assert "does not show here" in found

    both = [*example(), Record.of("resnet56", "train_top1", 0.9, "measured", **last)]
    assert "the shortcuts do not remove it" in sentences(both)

    alone = sentences(example(["plain20", "plain56"]))
    assert "the deeper plain network trained worse" in alone
    assert "He et al." not in alone
    assert "trained worse" not in sentences(without(example(), "train_top1"))


def test_curves_of_another_length_are_not_compared() -> None:
    short = [
        r
        for r in example()
        if not (r.subject == "plain56" and r.quantity in CURVES and r.conditions["epoch"] > 10)
    ]
    found = sentences(short)
    assert "plain56 at" not in found
    assert "left out here: plain56" in found
