"""An OpenAI-compatible teacher on local ports that misbehaves to order and counts what it answered.

Each reply names the request it answers (`reference`), so that a journal's entries can be matched with the requests.
Each run asks at addresses of its own, so that what a killed one left on its way is not laid to the next.
"""

from __future__ import annotations

import hashlib
import json
import re
import socket
import threading
import time
from collections import Counter
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from server_zoo import misbehaved

MODES = ("dead", "stall", "cut", "429", "503", "500", "400", "nonsense", "half", "abort", "null")
SECONDS_A_REPLY = 0.03
_REFERENCE = re.compile(r"request r(\d{15})\b")
_BEFORE = re.compile(r"what comes before (\d+)\?")
_HINT = re.compile(r"The right option is ([A-D])\.")


def reference(body: dict[str, Any]) -> str:
    """What a request asks for, as 15 digits: everything in it but the model's name."""
    asked = {key: value for key, value in body.items() if key != "model"}
    digest = hashlib.sha256(json.dumps(asked, sort_keys=True).encode()).digest()
    return f"{int.from_bytes(digest[:6], 'big'):015}"


def references(text: str) -> list[str]:
    """The requests that a text names."""
    return _REFERENCE.findall(text)


def reply_to(body: dict[str, Any]) -> str:
    """Reasoning that is right for a third of the requests, for two thirds of those with a hint; always the same."""
    asked, luck = body["messages"][-1]["content"], int(reference(body)) % 6
    hint, before = _HINT.search(asked), _BEFORE.search(asked)
    letter = "ABCD"[luck % 4]
    if before is not None and luck < (4 if hint else 2):
        wanted = str(int(before[1]) - 1)
        letter = next((line[0] for line in asked.splitlines() if line[1:] == f". {wanted}"), letter)
    return (f"Counting back by one step gives the wanted number; this answers request r{reference(body)} in full.\n"
            f"Answer: {letter}")


class Server:
    """One of the teacher's servers. After `after` good answers it is in `mode` for `amount` calls (dead: seconds)."""

    def __init__(self, teacher: Teacher) -> None:
        self.teacher, self.dead, self.trouble = teacher, False, None
        self.listening: ThreadingHTTPServer | None = None
        self._listen(0)
        self.port = self.listening.server_port

    @property
    def url(self) -> str:
        """Where the run that comes now is to ask."""
        return f"http://127.0.0.1:{self.port}{self.teacher.path}"

    def die(self, seconds: float) -> None:
        """Refuse connections and drop those that are open, then come back at the same port."""
        self.dead = True
        threading.Thread(target=self._die, args=(seconds,), daemon=True).start()

    def revive(self) -> None:
        self.dead = False
        if self.listening is None:
            self._listen(self.port)

    def close(self) -> None:
        listening, self.listening = self.listening, None
        if listening is not None:
            listening.shutdown()
            listening.server_close()

    def _die(self, seconds: float) -> None:
        self.close()
        time.sleep(seconds)
        with self.teacher.lock:
            self.revive()

    def _listen(self, port: int) -> None:
        handler = type("TeacherHandler", (Handler,), {"server_of": self})
        self.listening = ThreadingHTTPServer(("127.0.0.1", port), handler)
        threading.Thread(target=self.listening.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    def mode(self) -> str:
        """How the next call is treated; trouble uses itself up."""
        with self.teacher.lock:
            if self.trouble is None or self.teacher.answers < self.trouble[0]:
                return "ok"
            after, mode, amount = self.trouble
            if mode == "dead":
                self.trouble = None
                self.die(amount)
            else:
                self.trouble = (after, mode, amount - 1) if amount > 1 else None
            return mode


class Teacher:
    """Servers that share one count. answered: requests by reference that got their reply, since `calm`.

    path: under which the run since `calm` asks.
    """

    def __init__(self, servers: int = 2) -> None:
        self.lock, self.runs = threading.RLock(), 0
        self.answered: Counter[str] = Counter()
        self.refused: set[str] = set()
        self.closing = threading.Event()
        self.servers = [Server(self) for _ in range(servers)]

    @property
    def answers(self) -> int:
        return self.answered.total()

    @property
    def path(self) -> str:
        return f"/run{self.runs}"

    def calm(self) -> None:
        """All servers well, nothing counted yet; a new run asks, and the one before is over."""
        with self.lock:
            self.runs += 1
            for server in self.servers:
                server.trouble = None
                server.revive()
            self.answered.clear()
            self.refused.clear()

    def __enter__(self) -> Teacher:
        return self

    def __exit__(self, *exception: object) -> None:
        self.closing.set()
        for server in self.servers:
            server.close()


class Handler(BaseHTTPRequestHandler):
    """The protocol; `server_of` is set by a subclass for each server."""

    server_of: Server
    protocol_version = "HTTP/1.1"

    def log_message(self, *arguments: object) -> None:
        """Nothing on the terminal."""

    def handle(self) -> None:
        with suppress(ConnectionError):  # whoever asked was killed
            super().handle()

    def do_GET(self) -> None:
        self._send(200, json.dumps({"data": [{"id": "teacher"}]}).encode())

    def do_POST(self) -> None:
        length = int(self.headers["Content-Length"])
        data = self.rfile.read(length)
        if len(data) < length:  # killed while it asked
            self.close_connection = True
            return
        body = json.loads(data)
        server, teacher = self.server_of, self.server_of.teacher
        mode = "dead" if server.dead or not self._of_this_run() else server.mode()
        time.sleep(SECONDS_A_REPLY)
        if server.dead or mode == "dead" or teacher.closing.is_set():
            self.close_connection = True
        elif mode == "stall":
            self._await_hang_up()
        elif mode == "400":
            with teacher.lock:
                if self._of_this_run():
                    teacher.refused.add(reference(body))
            self._send(400, json.dumps({"error": {"message": "this one is refused"}}).encode())
        elif (bad := misbehaved(mode)) is not None:
            self._send(bad.status_code, bad.content)
        else:
            self._answer(body, cut=mode == "cut")

    def _answer(self, body: dict[str, Any], cut: bool) -> None:
        text = "Hello" if body["messages"][-1]["content"] == "Hi" else reply_to(body)
        data = json.dumps({"choices": [{"message": {"content": text}, "finish_reason": "stop"}],
                           "usage": {"prompt_tokens": 40, "completion_tokens": 20}}).encode()
        if cut:
            self.send_response(200)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data[:len(data) // 2])
            self.close_connection = True
            return
        if references(text):
            with self.server_of.teacher.lock:
                if self._of_this_run():
                    self.server_of.teacher.answered[reference(body)] += 1
        self._send(200, data)

    def _of_this_run(self) -> bool:
        """Whether the run that asked is still the one that is counted; one that was killed leaves requests behind."""
        return self.path.startswith(f"{self.server_of.teacher.path}/")

    def _send(self, status: int, data: bytes) -> None:
        with suppress(ConnectionError):  # whoever asked may be gone
            self.send_response(status)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

    def _await_hang_up(self) -> None:
        """Silence, until the other side has had enough."""
        self.connection.settimeout(0.2)
        while not self.server_of.teacher.closing.is_set():
            with suppress(socket.timeout):
                if not self.connection.recv(1):
                    break
        self.close_connection = True
