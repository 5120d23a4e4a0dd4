"""A local server that speaks the model hub's protocol, for models and data sets, with faults to order."""

from __future__ import annotations

import hashlib
import json
import socket
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlparse

COMMIT = "a" * 40
PIECE = 1 << 16
NOBODY = "http://127.0.0.1:9"  # where nothing listens
DATASETS = "datasets/"


@dataclass(frozen=True)
class Large:
    """A file on disk, sparse perhaps, of which no more is read than is asked for. sha256: what the hub says of it."""

    path: Path
    sha256: str

    def __len__(self) -> int:
        return self.path.stat().st_size

    def __getitem__(self, part: slice) -> bytes:
        start, end, _ = part.indices(len(self))
        with self.path.open("rb") as file:
            file.seek(start)
            return file.read(end - start)


Content = bytes | Large


def sha256_of(content: Content) -> str:
    """What the hub says of it."""
    return content.sha256 if isinstance(content, Large) else hashlib.sha256(content).hexdigest()


def sha1_of(content: Content) -> str:
    """Git's hash of it, as good as."""
    return hashlib.sha1(content.sha256.encode() if isinstance(content, Large) else content).hexdigest()


@dataclass
class Hub:
    """repos: name -> {file: content}; those of data sets are called "datasets/OWNER/NAME". Of a branch or commit other
    than main they are called NAME@REVISION; one that is not listed there is not known.

    faults[(repo, file)]: a list, taken one by one, or a text, for ever: "cut" (half of what was asked for, then the
    connection ends), "stall" (half, then silence), "429", "500", "503", "404", "wrong" (other bytes than the hub's hash
    says), "damaged" (the same, but for ranges with an end: headers can be read), "deaf" (ranges are ignored),
    "elsewhere" (a range that begins at another place). file "info": what is told of the repository.
    gated: repositories answered with 403; sealed: told of, but their files refused with 401. plain: repositories whose
    files are not in large-file storage, so that no SHA-256 is told.
    elsewhere: files are answered with a redirect to storage on another host, with ETags of its own, as large files are.
    xet: files are said to be in Xet storage as well, which cannot be reached.
    retry_after: seconds that 429 and 503 ask for. pace: seconds between the pieces of a body, for slow transfers.
    served: bytes of bodies that went out, by repository and file; peeked: those of ranges with an end (headers).
    most: files that were sent at the same time, at most.
    """

    repos: dict[str, dict[str, Content]] = field(default_factory=dict)
    faults: dict[tuple[str, str], list[str] | str] = field(default_factory=dict)
    gated: set[str] = field(default_factory=set)
    sealed: set[str] = field(default_factory=set)
    plain: set[str] = field(default_factory=set)
    elsewhere: bool = False
    xet: bool = False
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
        if isinstance(waiting, str):
            return waiting
        return waiting.pop(0) if waiting else None

    def files(self, repo: str, revision: str) -> dict[str, Content] | None:
        """The files of a branch or commit; None where it, or the repository, is not there."""
        for name, files in self.repos.items():
            base, _, known = name.partition("@")
            if base == repo and revision in (known or "main", commit_of(known or "main")):
                return files
        return None


def commit_of(revision: str) -> str:
    """The commit that a revision stands for: itself, where it is one."""
    if revision == "main":
        return COMMIT
    whole = len(revision) == 40 and all(letter in "0123456789abcdef" for letter in revision)
    return revision if whole else hashlib.sha1(revision.encode()).hexdigest()


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

    def do_POST(self) -> None:
        length = int(self.headers.get("Content-Length", 0))
        self.posted = parse_qs(self.rfile.read(length).decode())
        self.answer(body=True)

    def answer(self, body: bool) -> None:
        path = urlparse(self.path).path.strip("/")
        parts = [unquote(part) for part in path.split("/")]  # a revision may hold quoted slashes
        if parts[0] == "api":
            self.tell(parts[1:])
            return
        repo, rest = self.repository(parts[parts[0] == "storage":])
        if rest[:1] != ["resolve"]:
            self.plain(404)
            return
        revision, name = rest[1], "/".join(rest[2:])
        data = (self.hub.files(repo, revision) or {}).get(name)
        if self.hub.elsewhere and data is not None and parts[0] != "storage":
            self.plain(302, Location=f"http://localhost:{self.server.server_address[1]}/storage/{path}",
                       **self.told_of(repo, revision, data))
            return
        self.file(repo, revision, name, body)

    def told_of(self, repo: str, revision: str, data: Content) -> dict[str, str]:
        """The hub's own headers of a file, on a redirect too."""
        etag = f'"{(sha1_of if repo in self.hub.plain else sha256_of)(data)}"'
        told = {"X-Linked-Etag": etag, "X-Linked-Size": str(len(data)), "X-Repo-Commit": commit_of(revision)}
        if self.hub.xet:
            kind = "" if repo.startswith(DATASETS) else "models/"
            told["X-Xet-Hash"] = sha256_of(data)
            told["Link"] = f'<{self.hub.url}/api/{kind}{repo}/xet-read-token/{commit_of(revision)}>; rel="xet-auth"'
        return told

    @staticmethod
    def repository(parts: list[str]) -> tuple[str, list[str]]:
        """(its name as in `repos`, the parts of the path behind it)."""
        width = 3 if parts[0] == DATASETS.strip("/") else 2
        return "/".join(parts[:width]), parts[width:]

    def plain(self, code: int, content: bytes = b"", **headers: str) -> None:
        self.send_response(code)
        for key, value in headers.items():
            self.send_header(key.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def tell(self, parts: list[str]) -> None:
        """api/models/OWNER/NAME[/revision/REV], /tree/REV[/FOLDER], /paths-info/REV, /xet-read-token/REV."""
        repo, rest = self.repository(parts[parts[0] == "models":])
        what, revision = (*rest[:2], "main")[:2] if len(rest) > 1 else ("", "main")
        self.hub.requests[repo, "info"] += 1
        fault = self.hub.fault(repo, "info")
        files = self.hub.files(repo, revision)
        if what == "xet-read-token":
            self.plain(200, b"{}", X_Xet_Cas_Url=NOBODY, X_Xet_Access_Token="none", X_Xet_Token_Expiration="9999999999")
        elif fault is not None:
            self.plain(int(fault), Retry_After=self.hub.retry_after or "0")
        elif repo in self.hub.gated:
            self.plain(403, X_Error_Code="GatedRepo", X_Error_Message="gated")
        elif files is None:
            known = self.hub.files(repo, "main") is not None
            self.plain(404, X_Error_Code="RevisionNotFound" if known else "RepoNotFound", X_Error_Message="not found")
        elif what in ("tree", "paths-info"):
            self.listing(repo, files, "/".join(rest[2:]) if what == "tree" else None)
        else:
            told = {"id": repo.removeprefix(DATASETS), "sha": commit_of(revision), "private": False, "tags": [],
                    "gated": "auto" if repo in self.hub.sealed else False, "disabled": False, "downloads": 0,
                    "siblings": [self.sibling(repo, name, files[name]) for name in files]}
            self.plain(200, json.dumps(told).encode(), Content_Type="application/json")

    def sibling(self, repo: str, name: str, data: Content) -> dict:
        told = {"rfilename": name, "size": len(data), "blobId": sha1_of(data)}
        if repo not in self.hub.plain:
            told["lfs"] = {"sha256": sha256_of(data), "size": len(data), "pointerSize": 130}
        return told

    def listing(self, repo: str, files: dict[str, Content], folder: str | None) -> None:
        """What lies below a folder ("" for all), folders too; with None the paths that were asked for."""
        folders = {"/".join(name.split("/")[:depth]) for name in files for depth in range(1, name.count("/") + 1)}
        wanted = [*files, *folders] if folder is not None else self.posted.get("paths", [])
        found: list[dict] = []
        for path in sorted(wanted):
            if folder and not path.startswith(f"{folder}/"):
                continue
            if path in files:
                told = self.sibling(repo, path, files[path])
                entry = {"type": "file", "path": path, "size": told["size"], "oid": told["blobId"]}
                if "lfs" in told:
                    entry["lfs"] = {**told["lfs"], "oid": told["lfs"]["sha256"]}
                found.append(entry)
            elif path in folders:
                found.append({"type": "directory", "path": path, "size": 0,
                              "oid": hashlib.sha1(path.encode()).hexdigest()})
        self.plain(200, json.dumps(found).encode(), Content_Type="application/json")

    def file(self, repo: str, revision: str, name: str, body: bool) -> None:
        files = self.hub.files(repo, revision) or {}
        fault = self.hub.fault(repo, name) if body else None
        if body:
            self.hub.requests[repo, name] += 1
            self.hub.ranges.append(self.headers.get("Range") or "")
            self.hub.conditions.append(self.headers.get("If-Range") or "")
            self.hub.keys.append(self.headers.get("Authorization", ""))
        if repo in self.hub.sealed:
            self.plain(401, X_Error_Code="GatedRepo", X_Error_Message="gated")
        elif name not in files or fault == "404":
            self.plain(404, X_Error_Code="EntryNotFound", X_Error_Message="not found")
        elif fault in ("429", "500", "503"):
            self.plain(int(fault), **({"Retry_After": self.hub.retry_after} if self.hub.retry_after else {}))
        else:
            self.send(repo, revision, name, files[name], fault, body)

    def send(self, repo: str, revision: str, name: str, data: Content, fault: str | None, body: bool) -> None:
        """The whole file, or the range that was asked for."""
        told = self.told_of(repo, revision, data)
        etag = told["X-Linked-Etag"]
        if self.hub.elsewhere:
            etag = f'"{hashlib.md5(sha256_of(data).encode()).hexdigest()}-1"'
        asked, condition = self.headers.get("Range"), self.headers.get("If-Range")
        if fault == "deaf" or (condition is not None and condition != etag):
            asked = None
        start, end = 0, len(data)
        if asked:
            first, _, last = asked.removeprefix("bytes=").partition("-")
            start, end = int(first), min(int(last) + 1, len(data)) if last else len(data)
        if fault == "elsewhere":
            start = start // 2
        part = data[start:end] if body else b""
        if fault == "wrong" or (fault == "damaged" and not (asked and not asked.endswith("-"))):
            part = bytes(byte ^ 0xFF for byte in part)
        self.send_response(206 if asked else 200)
        self.send_header("Content-Length", str(end - start))
        if asked:
            self.send_header("Content-Range", f"bytes {start}-{end - 1}/{len(data)}")
        for key, value in {**told, "ETag": etag, "Accept-Ranges": "bytes"}.items():
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
