"""The lecture, live: a folder of pages in Portuguese and English, each whole in itself; without torch, but for feature maps.

`stations` says what each page shows, `facts` and `cards` work out its numbers and verdicts, `messages` holds every sentence,
`static` the scripts, and `page` puts a page together.
"""

from collections.abc import Sequence
from pathlib import Path

from atalho.errors import AtalhoError, Exit
from atalho.files import write_atomically
from atalho.record import Record
from atalho.slides.facts import facts
from atalho.slides.lecture import Material
from atalho.slides.page import Pages, file_name
from atalho.slides.stations import STATIONS
from atalho.slides.words import LANGUAGES, Language, Words


def write(records: Sequence[Record], folder: Path, language: Language = "pt") -> Path:
    """Writes `index.html`, and in a folder for each language the same again with a page for each station.

    Args:
        records: of trainings, diagnoses and comparisons, for the stations that show what was measured.
        folder: made where it does not exist.
        language: of `index.html`.

    Returns:
        The path of `index.html`, which is written last.

    Raises:
        AtalhoError: OUTPUT (exit 6) where a file or its folder cannot be written.
    """
    material = Material(records)
    numbers = facts(material.tables)
    files: dict[str, str] = {}
    for each in LANGUAGES:
        pages = Pages(STATIONS, material, Words(each, numbers))
        for number, station in enumerate(STATIONS, start=1):
            files[f"{each}/{file_name(station, number)}"] = pages.station(station)
        files[f"{each}/index.html"] = pages.index()
        if each == language:
            first = pages.index(f"{each}/")
    files["index.html"] = first
    try:
        for name, text in files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            write_atomically(path, text.encode())
    except OSError as error:
        raise AtalhoError(
            "OUTPUT",
            error.filename or folder,
            f"cannot be written ({error.strerror}); the lecture is not complete",
            next_step="another folder for the lecture: atalho lecture -o DIR",
            exit=Exit.RESOURCES,
        ) from error
    return folder / "index.html"
