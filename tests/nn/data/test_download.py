"""Downloads are checked, tried again and never replace a file; the server is on this machine."""

import hashlib
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from splitkit_nn.data import Source, download, load_cifar10

CONTENT = b"what the file holds"
CHECKSUM = "sha256:" + hashlib.sha256(CONTENT).hexdigest()


class Server(ThreadingHTTPServer):
    """Serves each path's answers one after the other, the last for ever."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.answers: dict[str, list[tuple[int, bytes]]] = {}
        self.requests = 0


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        self.server.requests += 1
        answers = self.server.answers.get(self.path, [(404, b"")])
        status, body = answers.pop(0) if len(answers) > 1 else answers[0]
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setattr("pooch.core.time.sleep", lambda seconds: None)
    with Server() as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def source(server: Server, *names: str) -> Source:
    return Source(f"http://127.0.0.1:{server.server_port}/", dict.fromkeys(names, CHECKSUM))


def test_what_is_missing_is_fetched_and_what_is_there_stays(server: Server, tmp_path: Path) -> None:
    server.answers = {"/a": [(200, CONTENT)], "/b": [(200, CONTENT)]}
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "b").write_bytes(b"mine")
    download(source(server, "a", "b"), tmp_path / "data")
    assert (tmp_path / "data" / "a").read_bytes() == CONTENT
    assert (tmp_path / "data" / "b").read_bytes() == b"mine"
    assert server.requests == 1


@pytest.mark.parametrize("first", [(503, b"busy"), (200, CONTENT[:5]), (200, b"other")])
def test_a_bad_answer_is_asked_for_again(
    server: Server, tmp_path: Path, first: tuple[int, bytes]
) -> None:
    server.answers = {"/a": [first, (200, CONTENT)]}
    download(source(server, "a"), tmp_path)
    assert (tmp_path / "a").read_bytes() == CONTENT
    assert server.requests == 2


@pytest.mark.parametrize("answer", [(404, b""), (200, b"other")])
def test_giving_up_leaves_no_file_and_says_what_to_do(
    server: Server, tmp_path: Path, answer: tuple[int, bytes]
) -> None:
    server.answers = {"/a": [answer]}
    with pytest.raises(OSError, match=r"/a: not downloaded after 4 tries .*put the file into"):
        download(source(server, "a"), tmp_path)
    assert list(tmp_path.iterdir()) == []
    assert server.requests == 4


def test_each_data_set_names_its_files_as_its_reader_looks_for_them() -> None:
    from splitkit_nn.data import cifar10, mnist, svhn

    for module, count in ((mnist, 4), (cifar10, 1), (svhn, 2)):
        assert len(module.SOURCE.files) == count
        for checksum in module.SOURCE.files.values():
            assert len(checksum) == len("sha256:") + 64
    with pytest.raises(FileNotFoundError, match=next(iter(cifar10.SOURCE.files))):
        load_cifar10(Path(__file__).parent)
