"""Start a real OpenAI-compatible server on this machine's loopback, to try endpoints on.

    python tests/servers/start.py llama-server MODEL.gguf --port 8080
    python tests/servers/start.py llama-cpp-python MODEL.gguf
    python tests/servers/start.py transformers FOLDER

Each needs packages that Stepladder itself does not: see `SERVERS`. They may lie in any folder that PYTHONPATH names.
The server runs until it is interrupted and knows its model by the path given here.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

START_SECONDS = 180.0


@dataclass(frozen=True)
class Settings:
    """What to serve: sequences at once, context: tokens of each."""

    model: str
    port: int
    sequences: int
    context: int
    threads: int


@dataclass(frozen=True)
class Kind:
    """One server program. needs: what can be imported where it is installed. gguf: whether it takes a GGUF file, or a
    transformers folder. serve: runs it, and does not return."""

    needs: tuple[str, ...]
    gguf: bool
    serve: Callable[[Settings], None]


def serve_llama_server(wanted: Settings) -> None:
    """llama.cpp's own server, as the package xllamacpp has it."""
    import xllamacpp

    params = xllamacpp.CommonParams()
    params.model.path, params.hostnames, params.port = wanted.model, ["127.0.0.1"], wanted.port
    params.n_parallel, params.n_ctx = wanted.sequences, wanted.sequences * wanted.context
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = wanted.threads
    server = xllamacpp.Server(params)
    print(server.listening_address, flush=True)
    signal.pause()


def serve_llama_cpp_python(wanted: Settings) -> None:
    """The server that comes with llama-cpp-python; it answers one request at a time."""
    os.execv(sys.executable, [
        sys.executable, "-m", "llama_cpp.server", "--model", wanted.model, "--host", "127.0.0.1",
        "--port", str(wanted.port), "--n_ctx", str(wanted.context), "--n_threads", str(wanted.threads)])


def serve_transformers(wanted: Settings) -> None:
    program = str(Path(sys.executable).with_name("transformers"))
    os.execv(program, [program, "serve", wanted.model, "--host", "127.0.0.1", "--port", str(wanted.port),
                       "--device", "cpu"])


SERVERS = {
    "llama-server": Kind(("xllamacpp",), True, serve_llama_server),
    "llama-cpp-python": Kind(("llama_cpp", "fastapi", "uvicorn", "sse_starlette", "starlette_context",
                              "pydantic_settings"), True, serve_llama_cpp_python),
    "transformers": Kind(("transformers", "fastapi", "uvicorn", "openai"), False, serve_transformers),
}


def missing(name: str) -> list[str]:
    """Packages that the server needs and that cannot be imported here."""
    return [package for package in SERVERS[name].needs if importlib.util.find_spec(package) is None]


@contextmanager
def running(name: str, model: Path, *, sequences: int = 4, context: int = 1024, threads: int = 2) -> Iterator[str]:
    """A server in a process of its own; yields its URL once it answers, and ends it afterwards.

    Raises RuntimeError, with the end of its log, when it does not come up.
    """
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, __file__, name, str(model), "--port", str(port), "--sequences", str(sequences),
               "--context", str(context), "--threads", str(threads)]
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT,
                                   env={**os.environ, "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": str(threads)})
        try:
            url = f"http://127.0.0.1:{port}"
            deadline = time.monotonic() + START_SECONDS
            while not _answers(f"{url}/v1/models"):
                if process.poll() is not None or time.monotonic() > deadline:
                    log.seek(0)
                    raise RuntimeError(f"{name} did not start: ...{log.read()[-1500:].decode(errors='replace')}")
                time.sleep(0.3)
            yield url
        finally:
            process.terminate()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5):
            return True
    except urllib.error.HTTPError as error:  # transformers has no such page without a hub; 503: still loading
        return error.code != 503
    except OSError:  # not there yet
        return False


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name", choices=SERVERS)
    parser.add_argument("model", help="a GGUF file; for transformers a folder")
    parser.add_argument("--port", type=int, default=8080)
    parser.add_argument("--sequences", type=int, default=4, help="requests at once, where the server can")
    parser.add_argument("--context", type=int, default=1024, help="tokens of each")
    parser.add_argument("--threads", type=int, default=2)
    args = parser.parse_args()
    if lacks := missing(args.name):
        parser.exit(2, f"{args.name} is not installed: {', '.join(lacks)} cannot be imported\n")
    SERVERS[args.name].serve(Settings(args.model, args.port, args.sequences, args.context, args.threads))


if __name__ == "__main__":
    main()
