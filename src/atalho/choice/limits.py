"""What a user allows a network to cost, in the units that users say it in."""

from dataclasses import dataclass

from atalho.choice.choosing import Limits


@dataclass(frozen=True)
class Budget:
    """Limits that a chosen network keeps to; None is no limit.

    Args:
        max_latency_ms: of one image, in milliseconds.
        max_memory_mb: peak while it runs, in megabytes.
        max_energy_j: of an image, in joules.
        max_size_mb: of its files, in megabytes.
        min_accuracy: top-1, from 0 to 1.
    """

    max_latency_ms: float | None = None
    max_memory_mb: float | None = None
    max_energy_j: float | None = None
    max_size_mb: float | None = None
    min_accuracy: float | None = None

    @property
    def limits(self) -> Limits:
        """By quantity, in the records' units."""
        limits = {
            "top1": self.min_accuracy,
            "latency": self.max_latency_ms and self.max_latency_ms / 1e3,
            "peak_memory": self.max_memory_mb and self.max_memory_mb * 1e6,
            "energy": self.max_energy_j,
            "size": self.max_size_mb and self.max_size_mb * 1e6,
        }
        return {quantity: limit for quantity, limit in limits.items() if limit is not None}
