"""Memory that a process has freed is its next allocation's, without the system's help."""

import platform
import subprocess
import sys

import pytest

BYTES, TIMES = 2**26, 20

ALLOCATING = f"""
import resource, torch
from atalho.runtime.allocator import keep_freed_memory

def faults():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range({TIMES}):
        torch.ones({BYTES}, dtype=torch.uint8)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

faults()
print(faults())
keep_freed_memory()
faults()
print(faults())
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc's allocator is set")
def test_freed_memory_is_kept() -> None:
    """Without it the system gives the pages of a large array anew each time; how large a page is, is the system's affair."""
    output = subprocess.run(
        [sys.executable, "-c", ALLOCATING], capture_output=True, text=True, check=True
    ).stdout
    usual, kept = map(int, output.split())
    assert usual > TIMES * BYTES / 2**21  # at least one for each huge page
    assert kept < usual / 10
