"""Numbers as the page writes them: the names of quantities, units that suit the values, and three significant digits."""

from collections.abc import Iterable
from dataclasses import dataclass
from math import floor, log10
from statistics import median

_RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")

NAMES = {
    "params": "Parameters",
    "macs": "Multiply-accumulates",
    "activations": "Activations",
    "latency": "Latency",
    "request_latency": "Latency from file to label",
    "request_p90": "90th percentile of the latency from file to label",
    "request_decoding": "Reading and decoding",
    "request_framing": "Framing",
    "request_network": "Network",
    "throughput": "Throughput",
    "peak_memory": "Peak memory",
    "added_memory": "Added memory",
    "size": "Size",
    "power": "Power",
    "energy": "Energy",
    "top1": "Top-1 accuracy",
    "top5": "Top-5 accuracy",
    "balanced_accuracy": "Balanced accuracy",
    "nested_top1": "Top-1 accuracy of choosing inside the folds",
    "learning_top1": "Top-1 accuracy of a fit on fewer photos",
    "finetuned_top1": "Top-1 accuracy of fine-tuning in the folds",
    "unknown_auroc": "Pairs in which an image of none of the classes is the less sure one",
    "unknown_refused": "Images of none of the classes without a label",
    "loss": "Loss",
    "calibration_error": "Calibration error",
    "train_time": "Training time",
    "train_throughput": "Training throughput",
    "max_difference": "Largest logit difference after export",
    "agreement": "Top-1 agreement after export",
    "checkpoint": "Checkpoint that was kept",
    "failure": "Failure",
    "gradient_norm": "Gradient at the row's output",
    "gradient_ratio": "Gradient at the first row over the last",
    "gradient_slope": "Gradient's slope",
    "weight_gradient_ratio": "Gradient of the weights over the weights",
    "shortcut_share": "Share of the gradient through the shortcut",
    "shortcut_cosine": "Cosine of the shortcut's part with the weights'",
    "branch_share": "Share of the gradient through the branch",
    "gradient_correlation": "Correlation of the input's gradient",
    "path_gradient": "Gradient through one path",
    "path_total": "Gradient through all paths of a length",
    "response_std": "Standard deviation of a layer's response",
    "lesion_top1": "Top-1 accuracy after a lesion",
    "surface_loss": "Loss around the trained weights",
}

_COUNT = ((1, ""), (1e3, "thousand"), (1e6, "million"), (1e9, "billion"))
_SECONDS = ((1e-6, "µs"), (1e-3, "ms"), (1, "s"))
_SCALES: dict[str, tuple[tuple[float, str], ...]] = {
    "params": _COUNT,
    "macs": _COUNT,
    "activations": _COUNT,
    "latency": _SECONDS,
    **dict.fromkeys(
        (
            *("request_latency", "request_p90"),
            *("request_decoding", "request_framing", "request_network"),
        ),
        _SECONDS,
    ),
    "peak_memory": ((1e3, "kB"), (1e6, "MB"), (1e9, "GB")),
    "added_memory": ((1e3, "kB"), (1e6, "MB"), (1e9, "GB")),
    "size": ((1e3, "kB"), (1e6, "MB"), (1e9, "GB")),
    "train_time": ((1, "s"), (60, "min"), (3600, "h")),
    "energy": ((1e-3, "mJ/image"), (1, "J/image")),
    "power": ((1, "W"),),
    "throughput": ((1, "images/s"),),
    "train_throughput": ((1, "images/s"),),
    "loss": ((1, "nats"),),
    "calibration_error": ((0.01, "%"),),
    "top1": ((0.01, "%"),),
    "top5": ((0.01, "%"),),
    "balanced_accuracy": ((0.01, "%"),),
    "nested_top1": ((0.01, "%"),),
    "learning_top1": ((0.01, "%"),),
    "finetuned_top1": ((0.01, "%"),),
    "unknown_auroc": ((0.01, "%"),),
    "unknown_refused": ((0.01, "%"),),
    "max_difference": ((1, "logit"),),
    "agreement": ((0.01, "%"),),
    "checkpoint": ((1, "steps"),),
    "failure": ((1, ""),),
    "gradient_norm": ((1, "nats"),),
    "gradient_ratio": ((1, "×"),),
    "gradient_slope": ((1, "decades/row"),),
    "weight_gradient_ratio": ((1, "×"),),
    "shortcut_share": ((0.01, "%"),),
    "shortcut_cosine": ((1, ""),),
    "branch_share": ((0.01, "%"),),
    "gradient_correlation": ((1, ""),),
    "path_gradient": ((1, "nats"),),
    "path_total": ((1, "nats"),),
    "response_std": ((1, ""),),
    "lesion_top1": ((0.01, "%"),),
    "surface_loss": ((1, "nats"),),
}


@dataclass(frozen=True)
class Unit:
    """A unit in which values of a quantity are written.

    Attributes:
        factor: its size in the unit of the records: 0.001 for ms, since records hold seconds.
    """

    quantity: str
    factor: float
    name: str

    def number(self, value: float) -> str:
        """Returns the value in this unit without the unit's name; percentages to one decimal."""
        scaled = value / self.factor
        return f"{scaled:.1f}" if self.name == "%" else three(scaled)

    def text(self, value: float) -> str:
        """Returns the value with its unit: `2.31 ms`."""
        return f"{self.number(value)}\u00a0{self.name}".rstrip("\u00a0")

    def heading(self, words: str) -> str:
        """Returns words with the unit in brackets, as on an axis: `Latency (ms)`."""
        return f"{words} ({self.name})" if self.name else words


def unit(quantity: str, values: Iterable[float]) -> Unit:
    """Returns the largest unit in which the values' median is at least 1."""
    scales = _SCALES[quantity]
    middle = median(values)
    factor, name = max((s for s in scales if s[0] <= middle), default=scales[0])
    return Unit(quantity, factor, name)


def text(quantity: str, value: float) -> str:
    """Returns one value in the unit that suits it: `2.31 ms`, `97.8 %`."""
    return unit(quantity, [value]).text(value)


def three(value: float) -> str:
    """Returns a number with three significant digits and no exponent, and whole above a hundred: `0.0231`, `1,234`."""
    if value == 0:
        return "0"
    decimals = 2 - floor(log10(abs(value)))
    return f"{round(value, decimals):,.{max(decimals, 0)}f}" if decimals > 0 else f"{value:,.0f}"


def ratio(value: float) -> str:
    """Returns a ratio of any size with two or three significant digits: `34.1`, `1.3 × 10⁴`."""
    if value == 0 or 0.001 <= abs(value) < 10_000:
        return three(value)
    power = floor(log10(abs(value)))
    return f"{value / 10**power:.1f}\u00a0×\u00a010{str(power).translate(_RAISED)}"


def signed(value: float, decimals: int) -> str:
    """Returns a number with a minus sign where it is below zero after rounding."""
    return f"{value:z.{decimals}f}".replace("-", "\u2212")
