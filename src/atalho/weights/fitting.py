"""Adapts a trained network to other data: other classes or images of another size; and checks whether it fits data as it is."""

from collections.abc import Callable, Sequence
from dataclasses import replace

from atalho.data.dataset import Dataset
from atalho.errors import AtalhoError, Exit
from atalho.grammar.network import Network
from atalho.grammar.shape import Shape, text
from atalho.networks import subjects
from atalho.networks.subjects import Subject
from atalho.weights import statedict
from atalho.weights.config import Classes
from atalho.weights.trained import Trained


def head(network: Subject) -> frozenset[str]:
    """The names of the tensors whose shapes depend on the number of classes: those of the network's classifiers."""
    shapes, larger = (
        {
            key: tensor.shape
            for key, tensor in subjects.skeleton(
                _sized(network, network.input, network.num_classes + more)
            )
            .state_dict()
            .items()
        }
        for more in (0, 1)
    )
    return frozenset(key for key in shapes if shapes[key] != larger[key])


def with_new_head(trained: Trained, classes: Classes, seed: int) -> Trained:
    """The same network for other classes: its classifiers get new random weights from `seed`, all others stay."""
    network = _sized(trained.network, trained.network.input, len(classes))
    model = subjects.build(network, seed=seed)
    drawn, trained_state, new = model.state_dict(), trained.model.state_dict(), head(network)
    state = {key: drawn[key] if key in new else trained_state[key] for key in drawn}
    statedict.load(model, state, network.name)
    return replace(trained, network=network, model=model.eval(), classes=classes)


def for_data(trained: Trained, data: Dataset, *, new_head: bool, seed: int) -> Trained:
    """The same weights as a starting point for a data set's images and classes.

    Raises:
        AtalhoError: WEIGHTS-CLASSES (exit 4), for other classes without a new head; as `for_input`.
    """
    if not new_head and tuple(trained.classes) != data.classes:
        raise AtalhoError(
            "WEIGHTS-CLASSES",
            trained.network.name,
            f"its weights are for {len(trained.classes)} classes ({', '.join([*trained.classes][:3])}, …), "
            f"{data.name} has {len(data.classes)} ({', '.join(data.classes[:3])}, …)",
            next_step="--new-head, to draw the classifier anew and keep the rest",
            exit=Exit.CHECKPOINT,
        )
    sized = for_input(trained, data.input)
    classes = {name: name for name in data.classes}
    return with_new_head(sized, classes, seed) if new_head else sized


def named(trained: Trained, names: Sequence[str], say: Callable[[str], None]) -> Trained:
    """The network with names for its classes, where its weights came with none and there are as many names, sorted.

    A file of weights has classes by number alone; programs that train on a folder number its classes by their sorted names.

    Args:
        say: called with a line where the names are used.
    """
    unnamed = [*trained.classes] == [str(number) for number in range(len(names))]
    if trained.data or not unnamed or [*trained.classes] == [*names]:
        return trained
    shown = ", ".join([*names[:3], *["…"] * (len(names) > 3)])
    say(
        f"the classes of {trained.network.name}'s weights have no names: taken as {shown}, in this order"
    )
    return replace(trained, classes={name: name for name in names})


def for_input(trained: Trained, input: Shape) -> Trained:
    """The same weights for images of another size.

    Raises:
        AtalhoError: INPUT-SHAPE (exit 2), where the network cannot take such images; CHECKPOINT-SHAPE (exit 4), where the
            shape of weights depends on the input.
    """
    network = _sized(trained.network, input, trained.network.num_classes)
    model = subjects.build(network)
    statedict.load(model, trained.model.state_dict(), network.name)
    framing = replace(trained.framing, input=input)
    return replace(trained, network=network, model=model.eval(), framing=framing)


def _sized(network: Subject, input: Shape, num_classes: int) -> Subject:
    """The same network for another input and number of classes, with auxiliary heads where it has them."""
    whole = subjects.get(network.name, input=input, num_classes=num_classes)
    return whole if isinstance(network, Network) and network.taps else whole.without_auxiliary()


def check_data(trained: Trained, data: Dataset, split: str) -> None:
    """Checks that a network can classify the images of a data set's split.

    Raises:
        AtalhoError: DATA-OTHER (exit 3) for other images or classes; DATA-SPLIT (exit 2) for an unknown split.
    """
    network = trained.network
    if data.input != network.input or data.classes != tuple(trained.classes):
        own = ", ".join([*trained.classes][:3])
        raise AtalhoError(
            "DATA-OTHER",
            data.name,
            f"has {len(data.classes)} classes ({', '.join(data.classes[:3])}, …) of {text(data.input)} images; "
            f"{network.name} was trained for {network.num_classes} ({own}, …) of {text(network.input)}",
            next_step="--data with the data set that it was trained on, or a folder of photos",
            exit=Exit.DATA,
        )
    if split not in data.splits:
        raise AtalhoError(
            "DATA-SPLIT",
            split,
            f"{data.name} has the splits {', '.join(data.splits)}",
            next_step="--split test",
            exit=Exit.USAGE,
        )
