"""The training images of a run."""

from atalho.data.batches import StreamSettings
from atalho.data.dataset import Dataset
from atalho.data.stream import Stream, stream
from atalho.training.arguments import Arguments
from atalho.training.initial import InitialModel


def images_of(arguments: Arguments, initial: InitialModel, data: Dataset) -> Stream:
    """The training images of a run: this process's share of every step's batch."""
    recipe, world = arguments.recipe, arguments.world
    settings = StreamSettings(
        initial.preprocessing,
        recipe.augmentation,
        recipe.batch_size,
        seed=arguments.seed,
        mirror=data.mirror,
        device=arguments.device.torch,
        share=(world.rank, world.size),
    )
    split = data.training(with_validation=recipe.with_validation)
    return stream(split, settings, arguments.workers)
