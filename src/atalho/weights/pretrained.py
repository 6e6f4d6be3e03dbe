"""Loads weights by a published name, from a file or from a folder: a network that is ready to classify.

Published weights are torchvision's, under timm's names for them, in torch.hub's folder for downloads.
"""

from collections.abc import Callable
from pathlib import Path

from torch import Tensor

from atalho import networks
from atalho.data import imagenet
from atalho.errors import AtalhoError, Exit
from atalho.grammar.network import Network
from atalho.grammar.shape import Shape
from atalho.networks import subjects
from atalho.networks.subjects import Subject
from atalho.weights import (
    config,
    fitting,
    hub,
    layouts,
    naming,
    presumed,
    statedict,
    trained,
    weightfile,
)
from atalho.weights.downloads import LICENCE, TAGS, Published, download, published
from atalho.weights.published import PUBLISHED
from atalho.weights.trained import Trained

Say = Callable[[str], None]


def offered(name: str) -> tuple[str, ...]:
    """The names of the weights that are published for a network, or for its variant with torchvision's arithmetic."""
    return PUBLISHED.get(layouts.variant(name) or name, ())


def load(
    name: str,
    source: str,
    *,
    num_classes: int | None = None,
    input: Shape | None = None,
    new_head: bool = False,
    progress: bool = False,
    say: Say = lambda message: None,
) -> Trained:
    """The network of that name with weights.

    Weights in torchvision's layout have torchvision's arithmetic, which some papers' networks do not: `resnet50` is then
    `resnet50.v1_5`, which `say` is called with. A folder's `config.json` names its network itself.

    Args:
        source: a published name (`tv_in1k`), a file of weights, a folder with `config.json`, or `hf-hub:OWNER/NAME`.
        num_classes: how many classes the weights must have.
        input: (C, H, W) of images, for a file of weights of a function in a Python file, neither of which states it.
        new_head: whether a file may lack the classifier, which is then drawn anew; the network has no classes if it does.
        progress: whether torch.hub draws a bar while it downloads.
        say: called with lines on the variant that is used, and on what is assumed for a file without a config.

    Raises:
        AtalhoError: NETWORK-UNKNOWN or WEIGHTS-UNKNOWN (exit 2); WEIGHTS-OTHER, WEIGHTS-CLASSES, WEIGHTS-DOWNLOAD or
            WEIGHTS-CHECKSUM (exit 4); as `trained.read` and `weightfile.read` (exit 4 and 5).
    """
    subjects.check_name(name)
    path = Path(source)
    if source in TAGS:
        return _published(name, source, num_classes, progress, say)
    if source.startswith(hub.PREFIX):
        path = hub.folder(source, progress=progress, say=say)
    if path.is_dir():
        return _from_folder(name, path, num_classes, say)
    if path.name == trained.FILES[0] and (path.parent / config.FILE).exists():
        return _from_folder(name, path.parent, num_classes, say)  # the config describes this file
    if path.is_file():
        shape = input if subjects.runs_code(name) else None
        return _from_file(name, path, shape, num_classes, new_head, say)
    raise _unknown(name, source, "is no file, no folder and not published")


def _same_network(name: str, network: Subject, source: str, say: Say) -> None:
    """Checks that weights are of the requested network, or of a variant of it where only the family was named."""
    if network.name == name:
        return
    if not isinstance(network, Network) or network.name.partition(".")[0] != name:
        raise AtalhoError(
            "WEIGHTS-OTHER",
            source,
            f"are of {network.name}, not of {name}; nothing was loaded",
            next_step=f"give {network.name} with these weights",
            exit=Exit.CHECKPOINT,
        )
    say(f"{source} belongs to {network.name}, which is used: {network.changes}")


def _same_classes(expected: int | None, actual: int, source: str) -> None:
    if expected not in (None, actual):
        raise AtalhoError(
            "WEIGHTS-CLASSES",
            source,
            f"are for {actual} classes, not {expected}; they were not used",
            next_step="leave out --num-classes; training them with --new-head gives them other classes",
            exit=Exit.CHECKPOINT,
        )


def _published(name: str, tag: str, num_classes: int | None, progress: bool, say: Say) -> Trained:
    """Loads published weights from torch.hub's folder, after a download if they are not there."""
    variant = layouts.variant(name) or name
    if tag not in PUBLISHED.get(variant, ()):
        raise _unknown(name, tag, "is not published for this network")
    entry = published(variant, tag)
    network = networks.get(variant, input=entry.framing.input)
    _same_network(name, network, tag, say)
    _same_classes(num_classes, network.num_classes, tag)
    path = entry.path
    if not path.exists():
        say(f"downloading {entry.url} ({entry.megabytes:.0f} MB; {LICENCE}) to {path}")
        download(entry, progress)
    sha256 = weightfile.sha256(path)
    if not sha256.startswith(entry.checksum):
        raise AtalhoError(
            "WEIGHTS-CHECKSUM",
            path,
            f"its SHA-256 begins {sha256[:8]}, not {entry.checksum} as published; it was not used",
            next_step="remove it and run again to download it",
            exit=Exit.CHECKPOINT,
        )
    return _as_published(network, entry, weightfile.read(path, network), sha256)


def _from_folder(name: str, folder: Path, num_classes: int | None, say: Say) -> Trained:
    """Loads a folder with a config, which names its network itself."""
    loaded = trained.read(folder, named=name)
    _same_network(name, loaded.network, str(folder), say)
    _same_classes(num_classes, loaded.network.num_classes, str(folder))
    return loaded


def _unknown(name: str, source: str, cause: str) -> AtalhoError:
    published_for = ", ".join(offered(name)) or "none"
    return AtalhoError(
        "WEIGHTS-UNKNOWN",
        source,
        f"{cause}; published for {name}: {published_for}",
        next_step="--weights with a published name, a file or a folder",
        exit=Exit.USAGE,
    )


def _as_published(
    network: Subject, entry: Published, state: statedict.State, sha256: str
) -> Trained:
    restored, model = trained.restore(network, state)
    return Trained(
        restored,
        model,
        entry.framing,
        entry.preprocessing,
        imagenet.classes(),
        sha256,
        data=imagenet.IDENTITY,
    )


def _from_file(
    name: str,
    path: Path,
    input: Shape | None,
    num_classes: int | None,
    new_head: bool,
    say: Say,
) -> Trained:
    """Loads a file of weights alone.

    Published weights are recognised by their checksum; for others `say` is called with the classes and preprocessing assumed.
    """
    requested = subjects.get(name, input=input, num_classes=num_classes)
    state = weightfile.read(path, requested, say)
    variant = _arithmetic(requested, state)
    network = subjects.get(variant, input=input, num_classes=num_classes)
    _same_network(name, network, str(path), say)
    sha256 = weightfile.sha256(path)
    offered = {tag: published(network.name, tag) for tag in PUBLISHED.get(network.name, ())}
    for tag, entry in offered.items():
        if sha256.startswith(entry.checksum):
            say(f"{path} is {tag}, as published")
            _same_classes(num_classes, statedict.num_classes(network, state), str(path))
            return _as_published(network, entry, state, sha256)
    layout = statedict.layout(network, state) if isinstance(network, Network) else None
    own = statedict.to_own(network, state)
    headless = new_head and not fitting.head(network) <= own.keys()
    if headless:
        own = _with_drawn_head(network, own)
    elif (count := statedict.num_classes(network, own)) != network.num_classes:
        _same_classes(num_classes, count, str(path))
        network = subjects.get(network.name, input=input, num_classes=count)
    restored, model = trained.restore(network, own)
    if heads := {key.partition(".")[0] for key in state if naming.training_head(key)} - {
        key.partition(".")[0] for key in model.state_dict()
    }:
        say(f"heads for training are left out: {', '.join(sorted(heads))}")
    if offered:
        _, _, framing, preprocessing, _ = next(iter(offered.values()))
        assumed = presumed.numbered(network, framing, preprocessing)
    else:
        assumed = presumed.presumed(network, layout)
    if headless:
        pictures = assumed.pictures
        say(f"{path} has no classifier; it is drawn anew, and pictures are taken {pictures}")
        return Trained(restored, model, assumed.framing, assumed.preprocessing, {}, sha256)
    say(
        f"{path} says nothing of classes and preprocessing: taken as {assumed.described}, pictures "
        f"{assumed.pictures}; a folder with {config.FILE} says otherwise"
    )
    return Trained(restored, model, assumed.framing, assumed.preprocessing, assumed.classes, sha256)


def _with_drawn_head(network: Subject, state: statedict.State) -> dict[str, Tensor]:
    """Replaces the classifier in weights that have none, or one of other layers, by a randomly initialised one."""
    head = fitting.head(network)
    modules = {key.rpartition(".")[0] for key in head}
    drawn = subjects.build(network).state_dict()
    body = {
        key: tensor
        for key, tensor in state.items()
        if key in drawn or not any(key.startswith(f"{module}.") for module in modules)
    }
    return {**body, **{key: drawn[key] for key in head}}


def _arithmetic(network: Subject, state: statedict.State) -> str:
    """The name of the network, or of one of its family, whose tensors' names in any library agree best with the weights'."""
    if not isinstance(network, Network):
        return network.name
    family = network.name.partition(".")[0]
    best, most = network.name, naming.agreement(layouts.keys(network), state)
    for name, make in networks.CATALOGUE.items():
        for library in layouts.libraries(name) if name.partition(".")[0] == family else ():
            names = [theirs for _, theirs in layouts.pairs(make(), library)]
            if (agreed := naming.agreement(names, state)) > most:
                best, most = name, agreed
    return best
