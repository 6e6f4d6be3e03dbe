"""Accuracy beside scikit-learn's and SciPy's."""

import base64
from math import log
from threading import Barrier, Thread

import numpy as np
import pytest
import torch
from scipy.stats import binomtest
from sklearn.metrics import confusion_matrix, log_loss, top_k_accuracy_score
from torch import Tensor, nn

from atalho.data.batches import Preprocessing
from atalho.data.dataset import Split
from atalho.evaluation.accuracy import Accuracy, accuracy, records, tally
from atalho.evaluation.outcomes import Outcomes
from atalho.runtime.world import World
from atalho.statistics import wilson
from atalho.weights.trained import Inference

CPU = torch.device("cpu")
PLAIN = Preprocessing(torch.zeros(1, 1, 1), torch.ones(1, 1, 1))


class Lookup(nn.Module):
    """Answers with the logits of the image whose number is in its first pixel."""

    def __init__(self, logits: Tensor) -> None:
        super().__init__()
        self.logits = logits

    def forward(self, x: Tensor) -> Tensor:
        assert not self.training
        return self.logits[(x[:, 0, 0, 0] * 255).round().long()]


@pytest.mark.parametrize("batch", [1, 7, 500])
def test_accuracy_is_scikit_learns(batch: int) -> None:
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(200, 8, generator=generator)
    labels = torch.randint(0, 8, (200,), generator=generator)
    images = torch.arange(200, dtype=torch.uint8)[:, None, None, None]
    model = Lookup(logits).train()
    found = accuracy(model, Split(images, labels), PLAIN, Inference(CPU, "float32", batch))
    assert model.training  # left as it was
    probabilities = logits.double().softmax(1).numpy()
    truth = labels.numpy()
    assert found.images == 200
    assert found.top1 == top_k_accuracy_score(truth, probabilities, k=1)
    assert found.top5 == top_k_accuracy_score(truth, probabilities, k=5)
    assert found.loss == pytest.approx(log_loss(truth, probabilities), rel=1e-6)
    square = confusion_matrix(truth, probabilities.argmax(1))
    np.testing.assert_array_equal(found.confusion.numpy(), square)
    assert found.per_class == pytest.approx(square.diagonal() / square.sum(1))
    assert found.outcomes is not None
    right = probabilities.argmax(1) == truth
    np.testing.assert_array_equal(found.outcomes.right.numpy(), right)
    by_quantity = {each.quantity: each.conditions for each in records("x", found)}
    packed = np.frombuffer(base64.b64decode(by_quantity["top1"]["right"]), np.uint8)
    np.testing.assert_array_equal(np.unpackbits(packed)[:200], right)
    assert "right" not in {**by_quantity["top5"], **by_quantity["loss"]}


class Together(World):
    """Processes as threads: `sum` waits for all of them."""

    met: Barrier
    given: list[Tensor]

    def sum(self, tensor: Tensor) -> Tensor:
        self.given[self.rank] = tensor.clone()
        self.met.wait()
        total = torch.stack(self.given).sum(0).to(tensor.dtype)
        self.met.wait()
        return tensor.copy_(total)


@pytest.mark.parametrize("images", [8, 9, 10, 11])
def test_processes_that_share_a_split_answer_as_one(images: int) -> None:
    generator = torch.Generator().manual_seed(images)
    logits = torch.randn(images, 6, generator=generator)
    truth = torch.randint(0, 6, (images,), generator=generator)
    alone = tally([(logits, truth)])
    size = 3
    met, given = Barrier(size, timeout=10), [torch.empty(0)] * size
    found: list[Accuracy | None] = [None] * size

    def ask(rank: int) -> None:
        world = Together(rank, size)
        object.__setattr__(world, "met", met)
        object.__setattr__(world, "given", given)
        own = slice(rank, None, size)
        pairs = zip(logits[own].split(2), truth[own].split(2), strict=True)
        found[rank] = tally(pairs, world)

    threads = [Thread(target=ask, args=(rank,)) for rank in range(size)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for each in found:
        assert each is not None and each.outcomes and alone.outcomes
        assert each.images == images
        assert all(map(torch.equal, each.outcomes, alone.outcomes))
        assert torch.equal(each.confusion, alone.confusion)


def test_fifty_thousand_classes_take_no_square_of_memory() -> None:
    """A matrix of 50,000² counts would be 20 GB; the loops over classes are linear too."""
    classes = 50_000
    truth = torch.arange(0, classes, 100)
    logits = torch.zeros(len(truth), classes)
    predicted = (truth + torch.arange(len(truth)) % 2) % classes
    logits[torch.arange(len(truth)), predicted] = 1
    found = tally([(logits, truth)])
    assert found.top1 == 0.5
    assert [each for each in found.per_class if each is not None] == [1.0, 0.0] * 250
    assert found.outcomes.mistakes() == {wrong: {wrong + 1: 1} for wrong in truth[1::2].tolist()}
    assert found.guessing == pytest.approx(log(500))


def test_a_class_without_images_has_no_accuracy_and_few_classes_no_top5() -> None:
    images = torch.arange(4, dtype=torch.uint8)[:, None, None, None]
    split = Split(images, torch.tensor([0, 0, 2, 2]))
    found = accuracy(
        Lookup(torch.eye(4)[[0, 1, 2, 2], :3]),
        split,
        PLAIN,
        Inference(CPU, "float32", 4),
    )
    assert found.per_class == [0.5, None, 1.0]
    assert found.top5 is None
    assert {each.quantity for each in records("x", found, data="d")} == {
        *("top1", "loss", "calibration_error"),
    }


@pytest.mark.parametrize(("right", "count"), [(0, 10), (1, 3), (357, 360), (9125, 10_000), (5, 5)])
def test_the_interval_is_wilsons(right: int, count: int) -> None:
    theirs = binomtest(right, count).proportion_ci(0.95, method="wilson")
    assert wilson(right / count, count) == pytest.approx((theirs.low, theirs.high), abs=1e-12)


def test_the_calibration_error_is_the_distance_of_probabilities_from_shares() -> None:
    """Two bins: three images at 0.9, of which one is wrong, and one at 0.55 that is right."""
    sure = torch.tensor([0.9, 0.9, 0.9, 0.55], dtype=torch.float64)
    truth = torch.tensor([0, 0, 1, 0])
    seen = Outcomes(truth, torch.zeros(4, dtype=torch.long), sure, sure)
    assert seen.calibration_error == pytest.approx((abs(2 - 2.7) + abs(1 - 0.55)) / 4)
    exact = Outcomes(truth[:2], truth[:2], torch.ones(2), torch.ones(2))
    assert exact.calibration_error == 0


def test_guessing_is_the_entropy_of_the_classes() -> None:
    def of(*truth: int) -> Accuracy:
        classes, sure = torch.tensor(truth), torch.ones(4)
        return Accuracy(4, 0.5, None, 1.0, 4, Outcomes(classes, classes, sure, sure))

    assert of(0, 1, 2, 3).guessing == pytest.approx(log(4))
    uneven = of(0, 0, 0, 1)
    assert uneven.guessing == pytest.approx(-0.75 * log(0.75) - 0.25 * log(0.25))
