"""The limits that a user sets on a network, in the units that users write."""

from dataclasses import dataclass

from atalho.choice.choosing import Limits
from atalho.ranking import Comparison


@dataclass(frozen=True)
class Budget:
    """Limits on the chosen network; None sets no limit.

    Args:
        max_latency_ms: the latency for one image, in milliseconds.
        max_memory_mb: the peak memory at inference, in megabytes.
        max_energy_j: the energy for one image, in joules.
        max_size_mb: the size of its files, in megabytes.
        min_accuracy: the top-1 accuracy, from 0 to 1.
    """

    max_latency_ms: float | None = None
    max_memory_mb: float | None = None
    max_energy_j: float | None = None
    max_size_mb: float | None = None
    min_accuracy: float | None = None

    @property
    def limits(self) -> Limits:
        """The limits that are set, by quantity, in the records' units."""
        limits = {
            "top1": self.min_accuracy,
            "latency": self.max_latency_ms and self.max_latency_ms / 1e3,
            "peak_memory": self.max_memory_mb and self.max_memory_mb * 1e6,
            "energy": self.max_energy_j,
            "size": self.max_size_mb and self.max_size_mb * 1e6,
        }
        return {quantity: limit for quantity, limit in limits.items() if limit is not None}


def from_files(limits: Limits, comparison: Comparison) -> Limits:
    """The limits with that on latency on the 90th percentile from file to label, where a comparison has that of any network.

    Elsewhere it is on the network alone.
    """
    if "latency" not in limits or "request_p90" not in comparison.conditions:
        return limits
    return {"request_p90" if name == "latency" else name: each for name, each in limits.items()}
