"""Types of arguments and options that several commands share."""

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import click

from atalho.cli import completing
from atalho.cli.declaring import Argument, Option
from atalho.cli.table import Format
from atalho.runtime.precision import Precision

if TYPE_CHECKING:
    from atalho.diagnosis.diagnosing import When
    from atalho.grammar.shape import Shape


def input_shape(text: str) -> "Shape":
    try:
        channels, height, width = (int(part) for part in text.lower().replace("×", "x").split("x"))
    except ValueError:
        raise click.BadParameter(f"{text!r} is not CxHxW, as in 3x224x224") from None
    return channels, height, width


def moments_of(text: str) -> "list[When]":
    try:
        return ["end" if each == "end" else _whole(each) for each in text.split(",")]
    except ValueError:
        raise click.BadParameter(f"{text!r} is not as 0,1,10,end") from None


LARGEST_SEED = 2**63 - 1
"""torch's generators take no larger one."""


def seed_list(text: str) -> list[int]:
    try:
        return [_whole(each) for each in text.split(",")]
    except ValueError:
        raise click.BadParameter(f"{text!r} is not as 0,1,2") from None


def _whole(text: str) -> int:
    if not text.isdecimal() or int(text) > LARGEST_SEED:
        raise ValueError(text)
    return int(text)


def duration(text: str) -> float:
    """The seconds of `90s`, `20m` or `1.5h`."""
    number = re.fullmatch(r"(\d+(?:\.\d+)?)([smh])", text.strip())
    if number is None:
        raise click.BadParameter(f"{text!r} is not as 90s, 20m or 1.5h")
    return float(number[1]) * {"s": 1, "m": 60, "h": 3600}[number[2]]


def name_list(text: str) -> list[str]:
    return text.split(",")


NetworkName = Annotated[
    str,
    Argument(
        metavar="NETWORK",
        complete=completing.networks,
        help="A name of `atalho list`, timm:NAME, torchvision:NAME or FILE.py:FUNCTION.",
    ),
]
NetworkNames = Annotated[list[str], Argument(metavar="NETWORK...", complete=completing.networks)]
RunOrNetwork = Annotated[
    str,
    Argument(
        metavar="RUN|NETWORK",
        complete=completing.runs_or_networks,
        help="A finished run's folder, hf-hub:OWNER/NAME, or a name with --weights.",
    ),
]
Weights = Annotated[
    str | None,
    Option(
        help="A published name as tv_in1k, a file, a folder with config.json, or hf-hub:OWNER/NAME."
    ),
]
Input = Annotated[
    Any,
    Option(
        parser=input_shape, metavar="CxHxW", help="Shape of an image; the paper's unless given."
    ),
]
NumClasses = Annotated[
    int | None, Option(min=1, help="Number of classes; the paper's unless given.")
]
FormatOption = Annotated[Format, Option("--format", help="How the result is printed.")]
DataDir = Annotated[
    Path, Option(help="Where data sets are kept and downloaded to.", envvar="ATALHO_DATA")
]
RecipeName = Annotated[
    str | None,
    Option(
        "--recipe",
        complete=completing.recipes,
        help="A paper's recipe, finetune, linear or quick; by the data unless given.",
    ),
]
BatchSize = Annotated[int | None, Option("-b", "--batch-size", min=1)]
BatchSizes = Annotated[
    list[int], Option("-b", "--batch-size", min=1, help="May be given several times.")
]
Epochs = Annotated[float | None, Option(min=0.01, help="Length in epochs.")]
Steps = Annotated[int | None, Option(min=1, help="Length in iterations.")]
HoldOut = Annotated[
    bool | None,
    Option(
        "--hold-out/--no-hold-out",
        help="Keep the validation split out of training; by the recipe unless given.",
    ),
]
ClassWeights = Annotated[
    bool,
    Option("--class-weights", help="The same weight for every class, however many images it has."),
]
FromScratch = Annotated[
    bool,
    Option("--from-scratch", help="Photos without published weights: all of it is learned."),
]
Optimise = Annotated[
    str,
    Option(
        "--optimise",
        help="What the choice among networks on photos is about: accuracy, balanced or recall:CLASS>=0.95.",
    ),
]
TimeBudget = Annotated[
    Any,
    Option(
        "--time-budget",
        parser=duration,
        metavar="20m",
        help="While it lasts, fine-tune the best network on photos in the same folds; kept where it is better. In s, m or h.",
    ),
]
GroupBy = Annotated[
    Path | None,
    Option(help="CSV of photo,group: those of one patient, camera or burst stay together."),
]
Mirror = Annotated[
    bool, Option("--mirror/--no-mirror", help="Mirrored images too; not for signs and text.")
]
Seed = Annotated[int, Option(min=0, max=LARGEST_SEED)]
DeviceName = Annotated[str, Option("--device", help="auto, cpu, cuda or cuda:N.")]
PrecisionName = Annotated[
    Precision | None,
    Option("--precision", help="The one that the run was tested in unless given."),
]
EngineName = Annotated[
    Literal["auto", "eager", "compiled", "onnxruntime", "openvino"],
    Option("--engine", help="What runs the network; auto: the fastest installed one that agrees."),
]
EnginePrecision = Annotated[
    Literal[Precision, "int8"] | None,
    Option("--precision", help="Of the engine; unless given float32, or with auto any."),
]
Streams = Annotated[
    int,
    Option(
        "--streams",
        min=1,
        help="Requests at once, whose throughput in the engine's own mode for it is measured too.",
    ),
]
MaxLatency = Annotated[
    float | None,
    Option(
        "--max-latency-ms",
        min=0.0,
        help="Limit of the latency of an image, from its file to its label at the 90th percentile, in milliseconds.",
    ),
]
MaxMemory = Annotated[
    float | None,
    Option("--max-memory-mb", min=0.0, help="Limit of the whole process's peak, in megabytes."),
]
MaxEnergy = Annotated[
    float | None,
    Option("--max-energy-j", min=0.0, help="Limit of one image's energy, in joules."),
]
MaxSize = Annotated[
    float | None, Option("--max-size-mb", min=0.0, help="Limit of the files, in megabytes.")
]
MinAccuracy = Annotated[
    float | None,
    Option("--min-accuracy", min=0.0, max=1.0, help="Limit of top-1, from 0 to 1."),
]
Margin = Annotated[
    float,
    Option(
        "--margin",
        min=0.0,
        max=100.0,
        help="Points of top-1 that the choice may lose for a lower cost, as far as the images can show.",
    ),
]
MemoryFormatOption = Annotated[
    Literal["channels_last", "contiguous"],
    Option("--memory-format", help="Of images and weights in torch's engines."),
]
Threads = Annotated[
    int | None, Option("-t", "--threads", min=1, help="Processor threads; all unless given.")
]
On = Annotated[
    str | None,
    Option(
        "--on",
        metavar="ADDRESS",
        help="Where it is done: local:N for N processes of this machine, or a Dask scheduler's tls://HOST:PORT.",
    ),
]
DATA_DIR = Path("data")
Crops = Literal["1", "10", "144", "full"]
BadImages = Literal["error", "skip"]
BadPhotos = Annotated[
    BadImages,
    Option("--bad-images", help="Whether a photo that cannot be read is an error or left out."),
]
Unknown = Annotated[
    Path | None,
    Option(
        metavar="FOLDER",
        help="Images that are none of the classes: measure how unsure the network is of them; the folder `unknown` of --data unless given.",
    ),
]
MaxEngineLoss = Annotated[
    float,
    Option(
        "--max-engine-loss",
        min=0.0,
        max=100.0,
        help="Points of top-1 that bf16 or int8 may lose, which labelled images must show with 95 %.",
    ),
]
Copies = Literal["exact", "similar", "off"]
CopiesOption = Annotated[
    Copies,
    Option(
        "--copies",
        help="Photos that stay in one split when a folder is divided: equal files, also those that look alike, or none.",
    ),
]
ImgSize = Annotated[
    int | None, Option(min=1, help="Side of the input for photos; the paper's unless given.")
]
Optimiser = Literal["sgd", "adamw"]
Target = Literal["onnx", "safetensors", "torchvision", "timm", "pt2", "hub-folder", "engine"]
