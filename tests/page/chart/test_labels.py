"""Names in a scatter plot."""

from itertools import combinations

from atalho.page.chart import labels


def test_names_keep_off_each_other_and_the_points() -> None:
    marks = [labels.Mark(f"network{i}", 150 + 9 * i, 100 - 3 * i, 5, (90, 110)) for i in range(6)]
    places = labels.arrange(marks, [], 400, 300)
    half = len("network0") * 6 / 2
    boxes = [labels.Box(p.x - half, p.y - 6, p.x + half, p.y + 6) for p in places]
    assert all(one.overlap(other) == 0 for one, other in combinations(boxes, 2))
    points = [labels.Box(m.x - 4, m.y - 4, m.x + 4, m.y + 4) for m in marks]
    assert all(box.overlap(point) == 0 for box in boxes for point in points)
    assert all(box.left >= 0 and box.right <= 400 and box.top >= 0 for box in boxes)
