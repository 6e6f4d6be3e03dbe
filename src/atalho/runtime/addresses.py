"""The addresses of workers: `local:N` for some of this machine, or that of a Dask scheduler."""

import ipaddress
import re

from atalho.errors import AtalhoError, Exit, wrong_option


def local_workers(address: str) -> int | None:
    """The number N of an address `local:N`; None for the address of a scheduler."""
    match = re.fullmatch(r"local:([1-9]\d*)", address)
    return int(match[1]) if match else None


def check(address: str) -> None:
    """Checks that an address may be connected to; nothing is imported or sent for it.

    Raises:
        AtalhoError: USAGE (exit 2), for what is no address; CLUSTER-PLAIN (exit 5), for a scheduler beyond this machine that
            anybody may reach, and so run code on its workers.
    """
    if local_workers(address):
        return
    match = re.fullmatch(r"(\w+)://(\[[\da-fA-F:.]+\]|[\w.-]+):(\d+)", address)
    if not match or match[1] not in ("tls", "tcp"):
        raise wrong_option(
            "on", f"{address!r} is not as local:2, tls://HOST:PORT, or tcp://localhost:PORT"
        )
    scheme, host, port = match.groups()
    if scheme == "tcp" and not _here(host.strip("[]")):
        raise AtalhoError(
            "CLUSTER-PLAIN",
            address,
            "whoever reaches a scheduler without certificates runs code on its workers; nothing was sent",
            next_step=f"--on tls://{host}:{port}, with certificates in Dask's settings distributed.comm.tls",
            exit=Exit.UNSAFE,
        )


def _here(host: str) -> bool:
    """Whether a host can only be this machine."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
