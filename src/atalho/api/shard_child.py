"""A process that classifies the pictures of one shard: see `sharding`."""

import platform
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from atalho.api import work
from atalho.api.loading import for_inference
from atalho.api.reporting import QUIET, Reporter
from atalho.conditions import digest
from atalho.errors import AtalhoError, Exit, Stopped
from atalho.evaluation import predicting
from atalho.evaluation.predicting import Prediction, Source
from atalho.evaluation.shard import Shard
from atalho.runtime.child import Parent
from atalho.runtime.ending import noted


def main(parent: Parent) -> None:
    """Finishes the shard that the parent names, as `work.serve`."""
    work.serve(parent, _done)


def _done(message: dict[str, Any], reporter: Reporter) -> Any:
    """The shard's seconds and the machine's name."""
    network, least, top = (message[name] for name in ("network", "least", "top"))
    trained, inference = for_inference(network, reporter=QUIET, **message["inference"])
    if digest(predicting.identity(trained, inference, least)) != message["identity"]:
        raise AtalhoError(
            "CLUSTER-NETWORK",
            network,
            f"is another network on {platform.node()}, or has other weights there",
            next_step="the same command, where all machines see the same files",
            exit=Exit.RESOURCES,
        )
    shard = Shard(Path(message["file"]), tuple(message["pictures"]), message["batch"])
    with noted() as signals:

        def classify(left: Iterable[Source]) -> Iterator[Prediction]:
            for each in predicting.predict(trained, left, inference, top=top, least=least):
                if signals:
                    raise Stopped(signals[0])
                yield each

        return work.seconds_here(lambda: shard.finish(classify))
