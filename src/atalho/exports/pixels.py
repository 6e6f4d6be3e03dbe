"""ONNX with the preprocessing inside: from `pixels`, RGB pictures of 8 bits and any size, to `logits` and the names of the labels.

The graph resizes with antialiasing, crops and normalises as `Framing` and `Preprocessing` do with Pillow. onnxruntime's resize
differs from Pillow's by one grey level in some pixels and by two in single ones, since both round between two passes, and by a few
more where proportions change and Pillow begins with the other pass; so the logits of resized pictures agree within `RESIZED` only.
"""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from atalho.data.batches import preprocess
from atalho.data.image import Framing, Interpolation
from atalho.errors import AtalhoError, Exit
from atalho.exports.format import OTHERS, Reader
from atalho.exports.onnx import ONNX, exported
from atalho.weights import config
from atalho.weights.trained import Trained

if TYPE_CHECKING:
    from onnx import ModelProto

RESIZE: dict[Interpolation, str] = {
    "bilinear": 'mode = "linear", antialias = 1, exclude_outside = 1',
    "bicubic": 'mode = "cubic", antialias = 1, exclude_outside = 1, cubic_coeff_a = -0.5',
}
"""ONNX's attributes for Pillow's filters, which leave out what is outside the picture. ONNX has no Lanczos, and another nearest
neighbour."""

RESIZED = 0.01
"""The largest allowed difference between two logits of a picture that is resized, as a share of the largest logit."""

COVER = """
    a = Mul(W, tall)
    b = Mul(H, wide)
    narrow = LessOrEqual(a, b)
    by_width = Div(b, W)
    by_height = Div(a, H)
    taller = Max(tall, by_width)
    wider = Max(wide, by_height)
    height = Where(narrow, taller, tall)
    width = Where(narrow, wide, wider)
"""
"""`image.covering`: the sides of the resized picture."""

SQUASH = """
    height = Identity(tall)
    width = Identity(wide)
"""

LUMA = """
    channel_axis = Constant<value = int64[1] {1}>()
    luma = Constant<value = int32[1, 3, 1, 1] {19595, 38470, 7471}>()
    half = Constant<value = int32 {32768}>()
    whole = Constant<value = int32 {65536}>()
    integers = Cast<to = 6>(cropped)
    weighed = Mul(integers, luma)
    summed = ReduceSum<keepdims = 1>(weighed, channel_axis)
    rounded = Add(summed, half)
    grey = Div(rounded, whole)
    values = Cast<to = 1>(grey)
"""
"""Pillow's luma (ITU-R BT.601), in 65,536ths."""

COLOUR = """
    values = Cast<to = 1>(cropped)
"""


def preparation(framing: Framing, opset: int, ir: int) -> str:
    """ONNX's text of the graph from `pixels`, (N, H, W, 3) of 8 bits, to `scaled`, (N, C, h, w) floats in [0, 1]."""
    channels, height, width = framing.input
    wide, tall = framing.covered
    return f"""<ir_version: {ir}, opset_import: ["": {opset}]>
prepare (uint8[N, H, W, 3] pixels) => (float[N, {channels}, {height}, {width}] scaled)
<int64[1] tall = {{{tall}}}, int64[1] wide = {{{wide}}}, int64[2] sides = {{{height}, {width}}},
 int64[1] two = {{2}}, int64[2] axes = {{2, 3}}, float levels = {{255}}>
{{
    planes = Transpose<perm = [0, 3, 1, 2]>(pixels)
    H = Shape<start = 2, end = 3>(planes)
    W = Shape<start = 3, end = 4>(planes)
    {SQUASH if framing.crop_mode == "squash" else COVER}
    first = Shape<start = 0, end = 2>(planes)
    size = Concat<axis = 0>(first, height, width)
    resized = Resize<{RESIZE[framing.interpolation]}>(planes, , , size)
    last = Concat<axis = 0>(height, width)
    spare = Sub(last, sides)
    begin = Div(spare, two)
    end = Add(begin, sides)
    cropped = Slice(resized, begin, end, axes)
    {LUMA if channels == 1 else COLOUR}
    scaled = Div(values, levels)
}}"""


def model(trained: Trained) -> "ModelProto":
    """The network behind its preparation, with the names of its labels.

    Raises:
        AtalhoError: EXPORT-PREPROCESSING (exit 4), where ONNX has no such filter, or the network takes neither grey nor RGB pictures.
    """
    import onnx
    from onnx import compose, helper, numpy_helper, parser

    framing, (mean, std) = trained.framing, trained.preprocessing
    if framing.interpolation not in RESIZE or framing.input[0] not in (1, 3):
        raise AtalhoError(
            "EXPORT-PREPROCESSING",
            trained.network.name,
            f"takes pictures of {framing.input[0]} channels, resized by {framing.interpolation}, which ONNX cannot prepare",
            next_step=f"without --with-preprocessing, or {OTHERS}",
            exit=Exit.CHECKPOINT,
        )
    network = exported(trained).model_proto
    (opset,) = (each.version for each in network.opset_import if not each.domain)
    prepare = parser.parse_model(preparation(framing, opset, network.ir_version))
    graph = prepare.graph
    for name, tensor in (("mean", mean), ("std", std)):
        values = tensor.permute(2, 0, 1).contiguous().numpy()
        graph.initializer.append(numpy_helper.from_array(values, name))
    graph.node.append(helper.make_node("Sub", ["scaled", "mean"], ["centred"]))
    graph.node.append(helper.make_node("Div", ["centred", "std"], ["prepared"]))
    graph.output[0].name = "prepared"
    # A name in the network may be the same as one in its preparation.
    prepare = compose.add_prefix(prepare, "prepare/", rename_inputs=False, rename_outputs=False)
    whole = compose.merge_models(prepare, network, [("prepared", "images")])
    names = np.array([*trained.classes.values()], dtype=object)
    whole.graph.initializer.append(numpy_helper.from_array(names, "label/names"))
    whole.graph.node.append(
        helper.make_node("ArgMax", ["logits"], ["label/best"], axis=1, keepdims=0)
    )
    whole.graph.node.append(helper.make_node("Gather", ["label/names", "label/best"], ["label"]))
    label = helper.make_tensor_value_info("label", onnx.TensorProto.STRING, ["N"])
    whole.graph.output.append(label)
    helper.set_model_props(whole, {config.FILE: trained.config.embedded()})
    onnx.checker.check_model(whole)
    return whole


def write(trained: Trained, path: Path) -> None:
    """Writes one file."""
    path.write_bytes(model(trained).SerializeToString())


def read(trained: Trained, path: Path) -> Reader:
    """The file as onnxruntime runs it on the processor.

    Its reader is called with framed images, which it runs in the middle of pictures of the size from which they are cut.

    Raises:
        AtalhoError: EXPORT-DIFFERS (exit 1), where real photos that are resized have other logits than by Pillow, or other labels
            than their logits.
    """
    import onnxruntime

    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    document = config.extracted(session.get_modelmeta().custom_metadata_map[config.FILE])
    _check_photos(trained, session, path)
    wide, tall = document.framing.covered

    def logits(images: Tensor) -> Tensor:
        count, height, width, _ = images.shape
        pictures = torch.zeros(count, tall, wide, 3, dtype=torch.uint8)
        top, left = (tall - height) // 2, (wide - width) // 2
        pictures[:, top : top + height, left : left + width] = images  # a grey one in all channels
        (output,) = session.run(["logits"], {"pixels": pictures.numpy()})
        return torch.from_numpy(output)

    return Reader(logits, tuple(document.classes))


def photos() -> list[Image.Image]:
    """Real photos that no network has the size of: scikit-learn's two, upright and turned, large and small."""
    from sklearn.datasets import load_sample_images

    one, other = map(Image.fromarray, load_sample_images().images)
    return [
        one,
        other.transpose(Image.Transpose.ROTATE_90),
        one.resize((150, 100)),
        other.crop((0, 0, 333, 333)),
    ]


def _check_photos(trained: Trained, session: Any, path: Path) -> None:
    """Compares logits and labels of photos with those that Pillow and the network give."""
    names = [*trained.classes.values()]
    for photo in photos():
        framed = torch.from_numpy(trained.framing(photo))[None]
        with torch.inference_mode():
            expected = trained.model(preprocess(framed, trained.preprocessing))
        logits, label = session.run(["logits", "label"], {"pixels": np.array(photo)[None]})
        difference = (torch.from_numpy(logits) - expected).abs().max().item()
        bound = RESIZED * expected.abs().max().item()
        cause = ""
        if not difference <= bound:  # true for NaN too
            cause = f"of a photo its logits differ by {difference:.3g} from those by Pillow, beyond {bound:.3g}"
        elif [*label] != [names[best] for best in logits.argmax(1)]:
            cause = "its labels are not those of its logits"
        if cause:
            raise AtalhoError(
                "EXPORT-DIFFERS",
                path,
                f"{cause}; nothing was left behind",
                next_step="without --with-preprocessing",
                exit=Exit.CHECK_FAILED,
            )


def usage(trained: Trained, path: Path) -> str:
    """The line that reads it."""
    picture = 'numpy.array(PIL.Image.open("photo.jpg").convert("RGB"))[None]'
    return f'onnxruntime.InferenceSession({str(path)!r}).run(["label", "logits"], {{"pixels": {picture}}})'


PIXELS = replace(ONNX, write=write, read=read, usage=usage, extra="onnx")
