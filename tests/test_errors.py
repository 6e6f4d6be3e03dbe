import pickle

from atalho.errors import AtalhoError, Exit, printable


def test_one_line_whatever_the_name_of_the_object() -> None:
    error = AtalhoError(
        "DATA-MISSING", "a\nb\x1b[31m", "no\r\nfile", next_step="look", exit=Exit.DATA
    )
    assert str(error) == r"error[DATA-MISSING] a\nb\x1b[31m: no\r\nfile. Next: look"


def test_an_error_crosses_processes() -> None:
    error = AtalhoError("X", "subject", "cause", next_step="next", exit=Exit.UNSAFE)
    again = pickle.loads(pickle.dumps(error))
    assert (str(again), again.exit) == (str(error), Exit.UNSAFE)


def test_printable_leaves_other_scripts_alone() -> None:
    assert printable("ação 図") == "ação 図"
