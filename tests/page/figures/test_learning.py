"""Training curves."""

from atalho.page.chart.axes import NARROW
from atalho.page.contents import Contents
from example_records import NETWORKS, example, renamed


def test_plain_and_residual_have_a_panel_each_and_the_others_share_one() -> None:
    def panels(names: list[str]) -> dict[str, set[str]]:
        contents = Contents.of([*example(names), *renamed(example(["plain20"]), "vgg16")], {})
        (curve,) = [f for f in contents.figures if f.name == "training-curves"]
        spec = curve.chart.draw(NARROW)
        data = {key: {row["network"] for row in rows} for key, rows in spec["datasets"].items()}
        return {each["title"]: data[each["data"]["name"]] for each in spec["concat"]}

    assert panels(list(NETWORKS)) == {
        "Plain": {"plain20", "plain32", "plain56"},
        "Residual": {"resnet20", "resnet32", "resnet56"},
        "Other": {"googlenet.small", "vgg16"},
    }
    assert panels(["resnet20"]) == {"Residual": {"resnet20"}, "VGG": {"vgg16"}}
