"""How the accuracies came about, in words."""

from atalho.page.words import training
from atalho.ranking import comparison
from atalho.record import Record
from example_records import NETWORKS, changed, example


def notes(records: list[Record]) -> str:
    return " ".join(training.notes(comparison(records)))


def test_one_seed_and_shorter_schedules_and_other_recipes_are_said() -> None:
    found = notes(example())
    assert "Every network: one seed" in found
    assert (
        "Trained on a shorter schedule than the others’ 30 epochs: googlenet.small (12)." in found
    )
    assert "The recipes differ" not in found

    equal = notes(example([name for name in NETWORKS if name != "googlenet.small"]))
    assert "shorter schedule" not in equal

    other = notes(changed(example(), "plain20", "top1", recipe="he2015_cifar"))
    assert "The recipes differ" in other and "plain20 by he2015_cifar" in other

    seeds = notes(example() + example(seed=1))
    assert "one seed" not in seeds
    assert "Resnet20: one seed" not in notes(example() + example(["resnet20"], seed=1))
