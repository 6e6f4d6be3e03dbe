"""Which engines were left out, and what more labelled images would admit."""

from atalho.page.contents import Contents
from atalho.page.page import html
from atalho.page.words.engines import left_out
from atalho.record import Record
from example_records import example
from web_page import HOSTILE, Page


def tried(network: str, dtype: str, **found: str) -> Record:
    return Record.of(
        network, "agreement", 1.0, "measured", engine="openvino", dtype=dtype, images=63, **found
    )


FEW = "it may lose 4.6 points of top-1: 0 of 63 labelled images; 236 more without another would show less than 1"


def test_each_reason_is_said_once_with_its_networks() -> None:
    records = [
        tried("resnet20", "bf16", refused="an older reason"),
        *(tried(name, "bf16", refused=FEW) for name in ("resnet20", "plain20")),
        tried("plain20", "int8", refused="it crashed"),
        tried("plain20", "float32"),
    ]
    assert left_out(records) == [
        f"openvino bf16 for resnet20, plain20: {FEW}.",
        "openvino int8 for plain20: it crashed.",
    ]
    assert left_out(example()) == []


def test_the_page_says_what_more_photos_would_allow() -> None:
    page = Page(html(Contents.of([*example(), tried("resnet20", "bf16", refused=FEW)], {})))
    assert "Engines that were left out" in page.text
    assert f"openvino bf16 for resnet20: {FEW}." in page.text
    hostile = html(Contents.of([*example(), tried("resnet20", "bf16", refused=HOSTILE)], {}))
    assert HOSTILE not in hostile
