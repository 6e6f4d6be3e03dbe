"""The table of all conditions: name, type of the value, owner and meaning, a line each."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from types import UnionType

NUMBER = int | float


class Owner(Enum):
    """What a condition belongs to; the value says it in words."""

    NETWORK = "the network itself: its weights, its depth"
    SYSTEM = "the network as it is deployed: its engine, precision and batch"
    MACHINE = "the machine, with what is installed on it"
    DATA = "the images and their classes"
    TRAINING = "how the network came to its weights, but for the seed"
    SEED = "what repetitions of one training differ in"
    POSITION = "a part of the network, or a moment of its training"
    PROTOCOL = "how the measurement is taken, and on which of the images"
    RESULT = "an outcome besides the value: known only afterwards, never compared"


@dataclass(frozen=True)
class Condition:
    """What a name among a record's conditions means.

    Attributes:
        kind: the type of its values in JSON.
        meaning: in words, with the unit.
        label: the words for people; by default the name with spaces for underscores.
        content: the condition that has the checksum of what this one names.
        usual: the value in a record that does not state it; empty where there is no such default.
        of_costs: whether it bears on costs alone, so that accuracies are ranked together whatever its value.
        own_with: the condition that, where a record states it, makes this one a condition of the network.
    """

    name: str
    kind: type | UnionType
    owner: Owner
    meaning: str
    label: str = ""
    content: str = ""
    own_with: str = ""
    usual: str | float = ""
    of_costs: bool = False

    def takes(self, value: object) -> bool:
        """Whether a value is of the condition's type; a bool does not count as a number."""
        return isinstance(value, self.kind) and (self.kind is bool or not isinstance(value, bool))


_DECLARED = (
    Condition("weights", str, Owner.NETWORK, "SHA-256 of the file that the weights are in"),
    Condition("depth", int, Owner.NETWORK, "layers with weights on the longest path"),
    Condition("code", str, Owner.NETWORK, "SHA-256 of the file in which somebody's network is written"),
    # the system
    Condition("engine", str, Owner.SYSTEM, "what runs the network", own_with="chosen_from"),
    Condition("dtype", str, Owner.SYSTEM, "its arithmetic", label="precision", own_with="chosen_from"),
    Condition("batch", int, Owner.SYSTEM, "images at a time"),
    Condition("memory_format", str, Owner.SYSTEM, "of images and weights", usual="channels_last"),
    Condition("format", str, Owner.SYSTEM, "of an exported file"),
    Condition("streams", int, Owner.SYSTEM, "requests at once, in the engine's throughput mode", usual=1),
    # the machine
    Condition("device", str, Owner.MACHINE, "the processor or the GPU by name"),
    Condition("threads", int, Owner.MACHINE, "of the processor", of_costs=True),
    Condition("processes", int, Owner.MACHINE, "that share a training"),
    Condition("versions", dict, Owner.MACHINE, "of Python and packages, by name"),
    Condition("chosen_from", str, Owner.MACHINE, "the engines of which each network has the fastest"),
    Condition("chosen_for", int, Owner.MACHINE, "the batch for which it is the fastest"),
    Condition("max_loss", NUMBER, Owner.MACHINE, "top-1 accuracy that it may lose in bf16 or int8", usual=0.01),
    Condition("sensor", str, Owner.MACHINE, "of power and energy"),
    # the data
    Condition("data", str, Owner.DATA, "the name of the data set", content="data_checksum"),
    Condition("data_checksum", str, Owner.DATA, "SHA-256 of all images with their classes"),
    Condition("input", list, Owner.DATA, "[channels, height, width] of an image", label="image", own_with="arguments"),
    Condition("num_classes", int, Owner.DATA, "classes"),
    # the training
    Condition("recipe", str, Owner.TRAINING, "the name of the recipe"),
    Condition("epochs", NUMBER, Owner.TRAINING, "times that each training image is seen"),
    Condition("steps", int, Owner.TRAINING, "of the optimiser, from the first to the last"),
    Condition("trained_on", str, Owner.TRAINING, "the splits whose images were trained on"),
    Condition("training_dtype", str, Owner.TRAINING, "the arithmetic of the training"),
    Condition("auxiliary_weight", NUMBER, Owner.TRAINING, "of an auxiliary head's loss"),
    Condition("start", str, Owner.TRAINING, "SHA-256 of the weights that it began from"),
    Condition("optimise", str, Owner.TRAINING, "what the choice is about"),
    Condition("arguments", str, Owner.TRAINING, "SHA-256 of all arguments but the seed"),
    Condition("seed", int, Owner.SEED, "of initialisation, order and augmentation"),
    # the part of a network, the moment of a training
    Condition("moment", str, Owner.POSITION, "steps that were done, or end"),
    Condition("step", int, Owner.POSITION, "steps that were done"),
    Condition("epoch", NUMBER, Owner.POSITION, "epochs that were done"),
    Condition("row", str, Owner.POSITION, "a row of the network's table"),
    Condition("index", int, Owner.POSITION, "of the row among all"),
    Condition("first", str, Owner.POSITION, "the first row that is compared"),
    Condition("last", str, Owner.POSITION, "the last row that is compared"),
    Condition("branch", str, Owner.POSITION, "a branch of a row"),
    Condition("length", int, Owner.POSITION, "residual branches that a path takes"),
    Condition("distance", NUMBER, Owner.POSITION, "between two images, in standard deviations of a pixel"),
    Condition("lesion", str, Owner.POSITION, "what is done to rows"),
    Condition("rows", list, Owner.POSITION, "to which it is done, or that have a response each"),
    Condition("fold", int, Owner.POSITION, "of cross-validation, from 0 on"),
    Condition("fitted_on", int, Owner.POSITION, "images that a classifier was fitted on"),
    Condition("beta", NUMBER, Owner.POSITION, "coordinate on the loss surface along the second direction"),
    # the protocol
    Condition("protocol", str, Owner.PROTOCOL, "how it was measured, in words"),
    Condition("split", str, Owner.PROTOCOL, "the part of the data that it was measured on"),
    Condition("images", int, Owner.PROTOCOL, "images that it was measured on"),
    Condition("batches", list, Owner.PROTOCOL, "sizes of batches that were compared"),
    Condition("logit", str, Owner.PROTOCOL, "of which the gradient was taken"),
    Condition("folds", int, Owner.PROTOCOL, "of cross-validation"),
    Condition("max_error", NUMBER, Owner.PROTOCOL, "share of wrong labels that a threshold promises"),
    Condition("grouped_by", str, Owner.PROTOCOL, "SHA-256 of the table of photos that are kept together"),
    Condition("directions", int, Owner.PROTOCOL, "seed of the loss surface's directions"),
    Condition("noisy", bool, Owner.PROTOCOL, "whether the machine had other work"),
    # the result
    Condition("at", str, Owner.RESULT, "when, in UTC", label="measured"),
    Condition("interval", list, Owner.RESULT, "95 % interval, [low, high]"),
    Condition("runs", int, Owner.RESULT, "single runs behind the value and its percentiles"),
    Condition("quartiles", list, Owner.RESULT, "first and third of all runs"),
    Condition("p90", NUMBER, Owner.RESULT, "90th percentile of all runs"),
    Condition("p99", NUMBER, Owner.RESULT, "99th percentile of all runs"),
    Condition("in_turns_with", list, Owner.RESULT, "networks whose turns alternated with this one's"),
    Condition("left_out", int, Owner.RESULT, "memory of the process that is not the network's, in bytes"),
    Condition("right", str, Owner.RESULT, "which images were answered right: bits, in base64"),
    Condition("outcomes", dict, Owner.RESULT, "of every image: its class, the predicted one, and their probabilities"),
    Condition("guessing", NUMBER, Owner.RESULT, "loss of guessing by the classes' frequencies, in nats"),
    Condition("per_class", dict, Owner.RESULT, "accuracy of each class"),
    Condition("beside", dict, Owner.RESULT, "another system on the same images, and which of the two is kept"),
    Condition("competitors", list, Owner.RESULT, "the networks that were chosen among"),
    Condition("limits", dict, Owner.RESULT, "that a choice kept to, by quantity"),
    Condition("promised", NUMBER, Owner.RESULT, "the bound that was promised"),
    Condition("holds", bool, Owner.RESULT, "whether what was promised holds"),
    Condition("noise", str, Owner.RESULT, "what the other work was"),
    Condition("idle", NUMBER, Owner.RESULT, "power at rest, in W"),
    Condition("window", NUMBER, Owner.RESULT, "time that was measured, in s"),
    Condition("device_used", int, Owner.RESULT, "memory of the device in use, in bytes"),
    Condition("bound", NUMBER, Owner.RESULT, "the largest difference of a logit that passes"),
    Condition("refused", str, Owner.RESULT, "why an engine is not offered"),
    Condition("top1_lost", NUMBER, Owner.RESULT, "top-1 accuracy less than float32 eager's"),
    Condition("most_lost", NUMBER, Owner.RESULT, "top-1 accuracy that may be lost beside float32 eager: upper bound of 95 %"),
    Condition("trial_seconds", NUMBER, Owner.RESULT, "of a batch, when engines were compared"),
    Condition("stopped_at", int, Owner.RESULT, "the step at which a training ended early"),
    Condition("stage", str, Owner.RESULT, "what failed"),
    Condition("missing", str, Owner.RESULT, "the quantity that could not be measured"),
    Condition("cause", str, Owner.RESULT, "why it failed"),
    Condition("reference", str, Owner.RESULT, "who found it"),
    Condition("state", str, Owner.RESULT, "SHA-256 of all that a kept checkpoint holds but its time"),
    Condition("study", str, Owner.RESULT, "of atalho's own, to which it belongs: its folder in results/"),
    Condition("of", str, Owner.RESULT, "the variant of the network that it was found of"),
    Condition("differs", str, Owner.RESULT, "what that variant has other"),
    Condition("raw", NUMBER, Owner.RESULT, "ratio of whole norms"),
    Condition("elements", int, Owner.RESULT, "of a gradient"),
    Condition("layers", list, Owner.RESULT, "the names of the layers that respond"),
    Condition("kernels", list, Owner.RESULT, "[height, width] of each layer's kernel"),
    Condition("blocks", int, Owner.RESULT, "residual blocks of the network"),
    Condition("paths", int, Owner.RESULT, "of this length"),
    Condition("count", int, Owner.RESULT, "rows of a lesion"),
    Condition("alphas", list, Owner.RESULT, "coordinates of the samples along the first direction"),
)  # fmt: skip

CONDITIONS: Mapping[str, Condition] = {each.name: each for each in _DECLARED}
