"""How large a batch would have fitted, by brute force."""

import pytest
import torch

from atalho.training import headroom


@pytest.mark.parametrize("error", [MemoryError(), torch.OutOfMemoryError("CUDA out of memory")])
@pytest.mark.parametrize("below", [2, 3, 17, 64, 100])
def test_the_largest_that_fits_is_found_to_a_sixteenth(error: Exception, below: int) -> None:
    for room in range(below):
        tried: list[int] = []

        def attempt(images: int, room: int = room, tried: list[int] = tried) -> None:
            tried.append(images)
            if images > room:
                raise error

        found = headroom.largest(attempt, below)
        assert found <= room
        if room < 2:
            assert found == 0  # one image has no variance
        else:
            assert room - found < max(1, found / 16)
        assert all(1 < images < below for images in tried)
        assert len(tried) <= below.bit_length()


def test_another_error_is_not_hidden() -> None:
    def attempt(images: int) -> None:
        raise RuntimeError("shapes do not match")

    with pytest.raises(RuntimeError, match="shapes"):
        headroom.largest(attempt, 8)
