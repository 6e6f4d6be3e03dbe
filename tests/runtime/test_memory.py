"""Too little memory for an evaluation is one line."""

import pytest
import torch
from torch import Tensor, nn

from atalho.data.batches import fit
from atalho.data.dataset import Dataset, Split
from atalho.errors import AtalhoError, Exit
from atalho.evaluation.accuracy import accuracy
from atalho.runtime.memory import is_out_of_memory
from atalho.weights.trained import Inference


class _Greedy(nn.Module):
    """Wants an exbibyte."""

    def forward(self, x: Tensor) -> Tensor:
        return torch.empty(2**60, dtype=torch.uint8)


def test_an_evaluation_without_memory_is_one_line(digits: Dataset) -> None:
    split = digits.splits["test"]
    assert isinstance(split, Split)
    with pytest.raises(AtalhoError, match=r"100 images at a time.*--batch-size") as ended:
        accuracy(
            _Greedy(),
            split,
            fit(split.images, "per_channel"),
            Inference(torch.device("cpu"), "float32", 100),
        )
    assert (ended.value.code, ended.value.exit) == ("OUT-OF-MEMORY", Exit.RESOURCES)


def test_memory_of_the_host_is_memory() -> None:
    with pytest.raises(RuntimeError) as refused:
        torch.empty(2**60, dtype=torch.uint8)
    assert is_out_of_memory(refused.value)
    with pytest.raises(RuntimeError) as other:
        torch.zeros(2) @ torch.zeros(3)
    assert not is_out_of_memory(other.value)
