"""Many requests at once: as many streams of them as an engine's throughput mode has, each one request after another."""

import time
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

from atalho.engines.engine import Session


def rate(session: Session, images: Any, streams: int, seconds: float) -> float:
    """Requests a second of all streams together.

    Args:
        session: of an engine that was opened for so many streams.
        images: of every request, from the session's `put`.
        seconds: how long each stream goes on, after a first request that is left out.
    """
    together = Barrier(streams)

    def serve(_: int) -> float:
        session.run(images)
        together.wait()
        begun = time.perf_counter()
        requests = 0
        while (elapsed := time.perf_counter() - begun) < seconds or not requests:
            session.run(images)
            requests += 1
        return requests / elapsed

    with ThreadPoolExecutor(streams) as pool:
        return sum(pool.map(serve, range(streams)))
