"""Two machines have two names, also where their processors have none."""

from atalho.runtime.processor import described, processor

ARM = """processor\t: 0
BogoMIPS\t: 108.00
CPU implementer\t: 0x41
CPU architecture: 8
CPU variant\t: 0x0
CPU part\t: 0xd08
CPU revision\t: 3
"""


def test_processors_without_a_name_are_told_apart() -> None:
    one = described(ARM, "aarch64", "", 4 * 2**30)
    newer = described(ARM.replace("0xd08", "0xd0b"), "aarch64", "", 4 * 2**30)
    larger = described(ARM, "aarch64", "", 8 * 2**30)
    board = described(ARM, "aarch64", "Raspberry Pi 4 Model B Rev 1.4\0", 4 * 2**30)
    other = described("", "riscv64", "", 4 * 2**30)
    assert len({one, newer, larger, board, other}) == 5
    assert one == "aarch64, implementer 0x41 part 0xd08, 4 GiB"
    assert board == "Raspberry Pi 4 Model B Rev 1.4, implementer 0x41 part 0xd08, 4 GiB"
    both = described(ARM + ARM.replace("0xd08", "0xd03"), "aarch64", "", 4 * 2**30)
    assert both == "aarch64, implementer 0x41 part 0xd08 and 0x41 part 0xd03, 4 GiB"


def test_a_processor_with_a_name_is_called_by_it() -> None:
    xeon = "processor\t: 0\nmodel name\t: Example(R) Xeon(R) 9000\nprocessor\t: 1\nmodel name\t: Example(R) Xeon(R) 9000\n"
    assert described(xeon, "x86_64", "", 4 * 2**30) == "Example(R) Xeon(R) 9000"


def test_this_machine_has_a_name_and_cores() -> None:
    name, _, cores = processor().rpartition(", ")
    assert name
    assert cores.removesuffix(" cores").isdigit()
