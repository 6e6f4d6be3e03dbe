"""The processor's name, by which records distinguish machines."""

import os
import platform
import subprocess
import sys
from pathlib import Path


def processor() -> str:
    """The processor's name as its maker gives it, with the number of cores this process may use.

    Where Linux has no name for the processor, it is the board, the numbers of the processor's parts and the machine's memory.
    """
    return f"{_name()}, {cores()} cores"


def cores() -> int:
    """How many of the machine's cores this process may use; all of them, where the system does not limit it."""
    if hasattr(os, "sched_getaffinity"):  # macOS and Windows do not have it
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def described(cpuinfo: str, architecture: str, board: str, memory: int) -> str:
    """The name of a processor from Linux's description of it, without the number of its cores.

    Args:
        cpuinfo: the text of /proc/cpuinfo.
        architecture: as `uname -m` prints it.
        board: the text of /proc/device-tree/model; empty where there is none.
        memory: of the machine, in bytes.
    """
    fields = [(key.strip(), value.strip()) for key, _, value in _split(cpuinfo)]
    if name := next((value for key, value in fields if key == "model name"), ""):
        return name
    makers = [value for key, value in fields if key == "CPU implementer"]
    parts = [value for key, value in fields if key == "CPU part"]
    cores = dict.fromkeys(
        f"{maker} part {part}" for maker, part in zip(makers, parts, strict=False)
    )
    machine = board.strip("\0 \n") or architecture
    implementer = f"implementer {' and '.join(cores)}" if cores else ""
    return ", ".join(filter(None, (machine, implementer, f"{round(memory / 2**30)} GiB")))


def _name() -> str:
    if sys.platform == "linux":
        memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
        return described(
            _text("/proc/cpuinfo"), platform.machine(), _text("/proc/device-tree/model"), memory
        )
    if sys.platform == "darwin":  # platform.processor() is arm on all of them
        command = ["/usr/sbin/sysctl", "-n", "machdep.cpu.brand_string"]
        completed = subprocess.run(command, capture_output=True, text=True, check=False)
        return completed.stdout.strip() or platform.platform()
    return platform.processor() or platform.platform()


def _split(cpuinfo: str) -> list[tuple[str, str, str]]:
    return [line.partition(":") for line in cpuinfo.splitlines()]


def _text(file: str) -> str:
    """The text of a file of the system; empty where it cannot be read."""
    try:
        return Path(file).read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
