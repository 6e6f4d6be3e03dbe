"""Which weights are published for a network, by name: timm's names of torchvision's, known here without loading either."""

PUBLISHED: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(
        (
            *("alexnet.owt", "googlenet.bn", "inception_v3", "resnet18.b", "resnet34.b"),
            *("vgg11", "vgg13", "vgg16", "vgg19"),
            *("vgg11.bn", "vgg13.bn", "vgg16.bn", "vgg19.bn"),
        ),
        ("tv_in1k",),
    ),
    **dict.fromkeys(("resnet50.v1_5", "resnet101.v1_5", "resnet152.v1_5"), ("tv_in1k", "tv2_in1k")),
}
"""Names of weights by name of network; a network that is not here has none. `tv2` is torchvision's newer training recipe."""
