import json
import pickle

from atalho.errors import AtalhoError, Exit, printable, visible


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


def test_visible_leaves_what_is_seen_alone() -> None:
    assert visible("ação\u00a0図\n👩\u200d🚒\t") == "ação\u00a0図\n👩\u200d🚒\t"
    assert visible("\x1b[2J\x07\r") == r"\x1b[2J\x07\r"
    unseen = "\x7f\x9b\u202e\u2066\u2028\udce9"
    assert visible(unseen) == r"\u007f\u009b\u202e\u2066\u2028\udce9"
    assert json.loads(visible(json.dumps(unseen, ensure_ascii=False))) == unseen
