"""Networks of the Hugging Face Hub, on a server of our own: downloaded once, checked, continued, and used offline."""

import hashlib
import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
import torch

import atalho
from atalho import networks
from atalho.cli import main
from atalho.data.batches import Preprocessing
from atalho.data.image import Framing
from atalho.errors import AtalhoError, Exit
from atalho.grammar.module import build
from atalho.weights import hub, trained
from atalho.weights.config import Config

pytest.importorskip("huggingface_hub")

COMMIT = "0123456789abcdef0123456789abcdef01234567"


class Hub(ThreadingHTTPServer):
    """Answers as the Hub does for one repository, `someone/digits`.

    Attributes:
        files: by name.
        cut: bytes of `model.safetensors` after which the next connection ends.
        received: the requests, as `GET model.safetensors bytes=100-`.
    """

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Answer)
        self.files: dict[str, bytes] = {}
        self.cut: int | None = None
        self.received: list[str] = []

    def handle_error(self, *_: Any) -> None:
        pass  # a client that goes away is no error of the server's


class _Answer(BaseHTTPRequestHandler):
    server: Hub

    def do_HEAD(self) -> None:
        self._answer(body=False)

    def do_GET(self) -> None:
        self._answer(body=True)

    def _answer(self, *, body: bool) -> None:
        owner, name, _, revision, file = self.path.lstrip("/").partition("?")[0].split("/", 4)
        asked = self.headers.get("Range", "")
        self.server.received.append(f"{self.command} {file} {asked}".strip())
        data = self.server.files.get(file)
        if (
            (owner, name) != ("someone", "digits")
            or revision not in ("main", COMMIT)
            or data is None
        ):
            missing = "EntryNotFound" if name == "digits" else "RepoNotFound"
            self.send_response(404)
            self.send_header("X-Error-Code", missing)
            self.send_header("X-Repo-Commit", COMMIT)
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        first = int(asked.removeprefix("bytes=").partition("-")[0] or 0) if asked else 0
        self.send_response(206 if first else 200)
        if file.endswith(".safetensors"):
            self.send_header("X-Linked-Etag", f'"{hashlib.sha256(data).hexdigest()}"')
            self.send_header("X-Linked-Size", str(len(data)))
        sha1 = hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()
        self.send_header("ETag", f'"{sha1}"')
        self.send_header("X-Repo-Commit", COMMIT)
        self.send_header("Content-Length", str(len(data) - first))
        if first:
            self.send_header("Content-Range", f"bytes {first}-{len(data) - 1}/{len(data)}")
        self.end_headers()
        if body:
            cut = None
            if file == "model.safetensors":
                cut, self.server.cut = self.server.cut, None
            self.wfile.write(data[first:cut])

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """A repository's files: ResNet-20 for digits with a mean of every pixel."""
    folder = tmp_path_factory.mktemp("repository")
    network = networks.get("resnet20", input=(1, 8, 8), num_classes=10)
    preprocessing = Preprocessing(torch.rand(8, 8, 1), torch.ones(1, 1, 1))
    classes = {str(label): str(label) for label in range(10)}
    settings = Config("resnet20", Framing((1, 8, 8)), preprocessing, classes)
    trained.write(folder, build(network, seed=3).state_dict(), settings)
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.fixture
def server(
    files: dict[str, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Hub]:
    with Hub() as server:
        server.files = dict(files)
        Thread(target=server.serve_forever, daemon=True).start()
        monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{server.server_port}")
        monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "cache"))
        yield server
        server.shutdown()


def test_a_repository_is_downloaded_once_and_is_the_network(
    server: Hub, files: dict[str, bytes]
) -> None:
    said: list[str] = []
    loaded = atalho.load("hf-hub:someone/digits", reporter=atalho.Reporter(say=said.append))
    assert loaded.network.name == "resnet20"
    assert loaded.weights == hashlib.sha256(files["model.safetensors"]).hexdigest()
    assert loaded.preprocessing.mean.shape == (8, 8, 1)
    assert COMMIT[:12] in said[-1]
    server.received.clear()
    again = atalho.load("resnet20", "hf-hub:someone/digits")
    assert again.weights == loaded.weights
    assert not [line for line in server.received if line.startswith("GET")]


def test_the_commands_take_it(server: Hub, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["evaluate", "hf-hub:someone/digits", "--data", "digits", "--format", "json"]) == 0
    assert json.loads(capsys.readouterr().out)["network"] == "resnet20"


def test_it_is_used_offline(server: Hub) -> None:
    first = atalho.load("hf-hub:someone/digits")
    server.shutdown()
    server.server_close()
    assert atalho.load("hf-hub:someone/digits").weights == first.weights


def test_an_interrupted_download_is_continued(
    server: Hub, files: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    # What the library keeps of a connection that ends are whole chunks, of ten megabytes otherwise.
    monkeypatch.setattr("huggingface_hub.constants.DOWNLOAD_CHUNK_SIZE", 100_000)
    server.cut = 350_000
    loaded = atalho.load("hf-hub:someone/digits")
    assert loaded.weights == hashlib.sha256(files["model.safetensors"]).hexdigest()
    gets = [line for line in server.received if line.startswith("GET model.safetensors")]
    assert len(gets) == 2
    assert gets[1] == "GET model.safetensors bytes=300000-"


@pytest.mark.parametrize("name", ["model.safetensors", "config.json"])
def test_a_file_that_is_not_as_the_hub_states_is_not_used(server: Hub, name: str) -> None:
    path = hub.folder("hf-hub:someone/digits") / name
    blob = path.resolve()
    blob.write_bytes(blob.read_bytes()[:-1] + b"?")
    with pytest.raises(AtalhoError) as caught:
        atalho.load("hf-hub:someone/digits")
    assert (caught.value.code, caught.value.exit) == ("WEIGHTS-CHECKSUM", Exit.CHECKPOINT)
    assert str(blob) in str(caught.value)


def test_what_is_missing_is_said(server: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(AtalhoError) as caught:
        atalho.load("hf-hub:someone/else")
    assert (caught.value.code, caught.value.exit) == ("WEIGHTS-DOWNLOAD", Exit.CHECKPOINT)
    del server.files["model.safetensors"]
    with pytest.raises(AtalhoError, match=r"no model\.safetensors or pytorch_model\.bin"):
        atalho.load("hf-hub:someone/digits")
    server.shutdown()
    server.server_close()
    monkeypatch.setattr("huggingface_hub.utils._http.time.sleep", lambda seconds: None)
    with pytest.raises(AtalhoError) as caught:
        atalho.load("hf-hub:someone/other")
    assert caught.value.code == "WEIGHTS-DOWNLOAD"


@pytest.mark.parametrize(
    "source", ["hf-hub:digits", "hf-hub:a/b/c", "hf-hub:../secrets", "hf-hub:"]
)
def test_other_names_are_refused_before_anything_is_asked(server: Hub, source: str) -> None:
    with pytest.raises(AtalhoError) as caught:
        atalho.load("resnet20", source)
    assert (caught.value.code, caught.value.exit) == ("WEIGHTS-UNKNOWN", Exit.USAGE)
    assert server.received == []


def test_without_the_extra_it_says_which(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub, "find_spec", lambda name: None)
    with pytest.raises(AtalhoError) as caught:
        hub.folder("hf-hub:someone/digits")
    assert (caught.value.code, caught.value.next_step) == (
        "EXTRA-MISSING",
        "pip install 'atalho[hub]'",
    )
