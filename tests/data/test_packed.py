"""Names in one block of bytes are the names that were put in."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from atalho.data.packed import Packed

NAMES = st.lists(
    st.text(st.characters(exclude_categories=("Cs",)))
    | st.binary().map(lambda name: name.decode("utf-8", "surrogateescape"))
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
