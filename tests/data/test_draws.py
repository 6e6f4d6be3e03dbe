import pytest
import torch

from atalho.data.draws import uniform

WORD = 2**64


def _splitmix(x: int) -> int:
    """SplitMix64's finaliser, in Python's own integers."""
    x = (x ^ x >> 30) * 0xBF58476D1CE4E5B9 % WORD
    x = (x ^ x >> 27) * 0x94D049BB133111EB % WORD
    return x ^ x >> 31


@pytest.mark.parametrize("seed", [0, 7, 2**62, 2**63 - 1])
def test_numbers_are_splitmixs_for_one_stream_and_for_several(seed: int) -> None:
    epochs, samples = [0, 0, 3, 2**31], [0, 49_999, 17, 2**33]
    of = seed, torch.tensor(epochs), torch.tensor(samples)
    streams, bounds = [0, 1, 11], [2**31, 9, 2]
    together = uniform(*of, torch.tensor(streams)[:, None], torch.tensor(bounds)[:, None])
    for row, stream, bound in zip(together, streams, bounds, strict=True):
        key = _splitmix((2 * seed + 2**40 * stream) % WORD)
        bits = [
            _splitmix((sample + _splitmix((epoch + key) % WORD)) % WORD)
            for epoch, sample in zip(epochs, samples, strict=True)
        ]
        expected = [(each >> 33) * bound >> 31 for each in bits]
        assert row.tolist() == expected
        assert uniform(*of, stream, bound).tolist() == expected
