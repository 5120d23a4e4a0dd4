"""A local server that speaks the model hub's protocol, with faults to order."""

from __future__ import annotations

import hashlib
import json
import socket
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote, urlparse

COMMIT = "a" * 40
PIECE = 1 << 16


@dataclass
class Hub:
    """repos: name -> {file: bytes}. Faults are taken one by one, as often as they are listed.

    faults[(repo, file)]: "cut" (half of what was asked for, then the connection ends), "stall" (half, then silence),
    "429", "500", "503", "wrong" (other bytes than the hub's hash says), "deaf" (ranges are ignored), "elsewhere" (a
    range that begins at another place). gated: repositories answered with 403; sealed: told of, but their files refused
    with 401. plain: repositories whose files are not in large-file storage, so that no SHA-256 is told.
    elsewhere: files are answered with a redirect to storage on another host, with ETags of its own, as large files are.
    retry_after: seconds that 429 and 503 ask for. pace: seconds between the pieces of a body, for slow transfers.
    served: bytes of bodies that went out, by repository and file; peeked: those of ranges with an end (headers).
    most: files that were sent at the same time, at most.
    """

    repos: dict[str, dict[str, bytes]] = field(default_factory=dict)
    faults: dict[tuple[str, str], list[str]] = field(default_factory=dict)
    gated: set[str] = field(default_factory=set)
    sealed: set[str] = field(default_factory=set)
    plain: set[str] = field(default_factory=set)
    elsewhere: bool = False
    retry_after: str | None = None
    pace: float = 0.0
    requests: Counter = field(default_factory=Counter)
    served: Counter = field(default_factory=Counter)
    peeked: Counter = field(default_factory=Counter)
    sending: Counter = field(default_factory=Counter)
    most: int = 0
    ranges: list[str] = field(default_factory=list)
    conditions: list[str] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)
    closing: threading.Event = field(default_factory=threading.Event)

    def __enter__(self) -> Hub:
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), type("HubHandler", (Handler,), {"hub": self}))
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *exception: object) -> None:
        self.closing.set()
        self.server.shutdown()
        self.server.server_close()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_address[1]}"

    def fault(self, repo: str, name: str) -> str | None:
        waiting = self.faults.get((repo, name))
        return waiting.pop(0) if waiting else None


class Handler(BaseHTTPRequestHandler):
    """Answers as the hub does; `hub` is set by a subclass for each server."""

    hub: Hub
    protocol_version = "HTTP/1.1"

    def log_message(self, *arguments: object) -> None:
        """Nothing on the terminal: the hub counts its requests instead."""

    def do_HEAD(self) -> None:
        self.answer(body=False)

    def do_GET(self) -> None:
        self.answer(body=True)

    def answer(self, body: bool) -> None:
        path = unquote(urlparse(self.path).path).strip("/")
        if path.startswith("api/models/"):
            owner, name = path.split("/")[2:4]
            self.describe(f"{owner}/{name}")
            return
        if self.hub.elsewhere and not path.startswith("storage/"):
            self.plain(302, Location=f"http://localhost:{self.server.server_address[1]}/storage/{path}")
            return
        owner, name, *rest = [*path.removeprefix("storage/").split("/"), ""]
        if rest[:1] != ["resolve"]:
            self.plain(404)
            return
        self.file(f"{owner}/{name}", "/".join(rest[2:-1]), body)

    def plain(self, code: int, content: bytes = b"", **headers: str) -> None:
        self.send_response(code)
        for key, value in headers.items():
            self.send_header(key.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def describe(self, repo: str) -> None:
        self.hub.requests[repo, "info"] += 1
        fault = self.hub.fault(repo, "info")
        if fault is not None:
            self.plain(int(fault), Retry_After=self.hub.retry_after or "0")
        elif repo in self.hub.gated:
            self.plain(403, X_Error_Code="GatedRepo", X_Error_Message="gated")
        elif repo not in self.hub.repos:
            self.plain(404, X_Error_Code="RepoNotFound", X_Error_Message="not found")
        else:
            siblings = [self.sibling(repo, name) for name in self.hub.repos[repo]]
            content = json.dumps({"id": repo, "modelId": repo, "sha": COMMIT, "siblings": siblings}).encode()
            self.plain(200, content, Content_Type="application/json")

    def sibling(self, repo: str, name: str) -> dict:
        data = self.hub.repos[repo][name]
        told = {"rfilename": name, "size": len(data), "blobId": hashlib.sha1(data).hexdigest()}
        if repo not in self.hub.plain:
            told["lfs"] = {"sha256": hashlib.sha256(data).hexdigest(), "size": len(data), "pointerSize": 130}
        return told

    def file(self, repo: str, name: str, body: bool) -> None:
        data = self.hub.repos[repo][name]
        etag = f'"{(hashlib.sha1 if repo in self.hub.plain else hashlib.sha256)(data).hexdigest()}"'
        if self.hub.elsewhere:
            etag = f'"{hashlib.md5(data).hexdigest()}-1"'
        fault = self.hub.fault(repo, name) if body else None
        asked = self.headers.get("Range")
        condition = self.headers.get("If-Range")
        if body:
            self.hub.requests[repo, name] += 1
            self.hub.ranges.append(asked or "")
            self.hub.conditions.append(condition or "")
            self.hub.keys.append(self.headers.get("Authorization", ""))
        if repo in self.hub.sealed:
            self.plain(401, X_Error_Code="GatedRepo", X_Error_Message="gated")
            return
        if fault in ("429", "500", "503"):
            self.plain(int(fault), **({"Retry_After": self.hub.retry_after} if self.hub.retry_after else {}))
            return
        if fault == "deaf" or (condition is not None and condition != etag):
            asked = None
        start, end = 0, len(data)
        if asked:
            first, _, last = asked.removeprefix("bytes=").partition("-")
            start, end = int(first), min(int(last) + 1, len(data)) if last else len(data)
        if fault == "elsewhere":
            start = start // 2
        part = data[start:end]
        if fault == "wrong":
            part = bytes(byte ^ 0xFF for byte in part)
        self.send_response(206 if asked else 200)
        self.send_header("Content-Length", str(len(part)))
        if asked:
            self.send_header("Content-Range", f"bytes {start}-{end - 1}/{len(data)}")
        for key, value in (("ETag", etag), ("X-Linked-Etag", etag), ("X-Repo-Commit", COMMIT),
                           ("X-Linked-Size", str(len(data))), ("Accept-Ranges", "bytes")):
            self.send_header(key, value)
        self.end_headers()
        if body:
            count = self.hub.peeked if asked and not asked.endswith("-") else self.hub.served
            self.body(repo, name, part[: len(part) // 2] if fault in ("cut", "stall") else part, count)
        if body and fault == "stall":
            self.hub.closing.wait(60)
        if body and fault in ("cut", "stall"):
            self.close_connection = True
            self.connection.shutdown(socket.SHUT_RDWR)

    def body(self, repo: str, name: str, content: bytes, count: Counter) -> None:
        """Send in small pieces, counting what the other side may have got."""
        self.hub.sending[repo, name] += 1
        self.hub.most = max(self.hub.most, len(+self.hub.sending))
        try:
            for at in range(0, len(content), PIECE):
                self.wfile.write(content[at:at + PIECE])
                count[repo, name] += len(content[at:at + PIECE])
                time.sleep(self.hub.pace)
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True
        finally:
            self.hub.sending[repo, name] -= 1
