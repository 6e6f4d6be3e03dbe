"""Names in one block of bytes are the names that were put in."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from atalho.data.packed import Packed, names_in

NAMES = st.lists(
    st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\0"))
    | st.binary().map(lambda name: name.replace(b"\0", b"").decode("utf-8", "surrogateescape"))
)


@given(NAMES, st.slices(10))
def test_packed_names_are_the_names(names: list[str], some: slice) -> None:
    packed = Packed(iter(names))
    assert [*packed] == names
    assert [packed[place] for place in range(-len(names), len(names))] == names * 2
    assert packed[some] == names[some]
    for outside in (len(names), -len(names) - 1):
        with pytest.raises(IndexError):
            packed[outside]


@given(NAMES, st.data())
def test_some_rows_of_packed_names(names: list[str], data: st.DataObject) -> None:
    rows = data.draw(st.lists(st.sampled_from(range(len(names))))) if names else []
    some = Packed(names).select(np.array(rows, np.int64))
    assert [*some] == [names[row] for row in rows]
    some.extend(names)
    assert [*some] == [names[row] for row in rows] + names
    assert names_in(some.block(len(rows), len(some))) == names


def test_no_file_has_a_name_with_nul() -> None:
    with pytest.raises(ValueError, match="NUL"):
        Packed(["a", "b\0c"])
