"""A local server that speaks the model hub's protocol, with faults to order."""

from __future__ import annotations

import hashlib
import json
import threading
from collections import Counter
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote, urlparse

COMMIT = "a" * 40


@dataclass
class Hub:
    """repos: name -> {file: bytes}. Faults are taken one by one, as often as they are listed.

    faults[(repo, file)]: "cut" (half of what was asked for, then the connection ends), "429", "500", "wrong" (other
    bytes than the hub's hash says). gated, missing: repositories answered with 403 and 404.
    """

    repos: dict[str, dict[str, bytes]] = field(default_factory=dict)
    faults: dict[tuple[str, str], list[str]] = field(default_factory=dict)
    gated: set[str] = field(default_factory=set)
    requests: Counter = field(default_factory=Counter)
    ranges: list[str] = field(default_factory=list)

    def __enter__(self) -> Hub:
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), type("HubHandler", (Handler,), {"hub": self}))
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *exception: object) -> None:
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
        owner, name, *rest = [*path.split("/"), ""]
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
        if self.hub.fault(repo, "info") == "429":
            self.plain(429, Retry_After="0")
        elif repo in self.hub.gated:
            self.plain(403, X_Error_Code="GatedRepo", X_Error_Message="gated")
        elif repo not in self.hub.repos:
            self.plain(404, X_Error_Code="RepoNotFound", X_Error_Message="not found")
        else:
            siblings = [{"rfilename": name, "size": len(data), "blobId": "b" * 40,
                         "lfs": {"sha256": hashlib.sha256(data).hexdigest(), "size": len(data),
                                 "pointerSize": 130}}
                        for name, data in self.hub.repos[repo].items()]
            content = json.dumps({"id": repo, "modelId": repo, "sha": COMMIT, "siblings": siblings}).encode()
            self.plain(200, content, Content_Type="application/json")

    def file(self, repo: str, name: str, body: bool) -> None:
        data = self.hub.repos[repo][name]
        digest = hashlib.sha256(data).hexdigest()
        start, end = 0, len(data)
        asked = self.headers.get("Range")
        if asked:
            first, _, last = asked.removeprefix("bytes=").partition("-")
            start, end = int(first), min(int(last) + 1, len(data)) if last else len(data)
        if body:
            self.hub.requests[repo, name] += 1
            self.hub.ranges.append(asked or "")
        fault = self.hub.fault(repo, name) if body else None
        if fault in ("429", "500"):
            self.plain(int(fault))
            return
        part = data[start:end]
        if fault == "wrong":
            part = bytes(byte ^ 0xFF for byte in part)
        self.send_response(206 if asked else 200)
        self.send_header("Content-Length", str(len(part)))
        if asked:
            self.send_header("Content-Range", f"bytes {start}-{end - 1}/{len(data)}")
        for key, value in (("ETag", f'"{digest}"'), ("X-Linked-Etag", f'"{digest}"'),
                           ("X-Repo-Commit", COMMIT), ("X-Linked-Size", str(len(data))),
                           ("Accept-Ranges", "bytes")):
            self.send_header(key, value)
        self.end_headers()
        if body and fault == "cut":
            self.wfile.write(part[: len(part) // 2])
            self.wfile.flush()
            self.connection.close()
        elif body:
            self.wfile.write(part)
