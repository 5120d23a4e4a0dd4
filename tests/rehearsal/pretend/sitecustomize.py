"""Lets a stage believe in another free disk: PRETEND_DISK_BYTES. On the path of a check's own processes only."""

import os
import shutil

if os.environ.get("PRETEND_DISK_BYTES"):
    _disk_usage = shutil.disk_usage

    def _pretended(path: object) -> object:
        return _disk_usage(path)._replace(free=int(os.environ["PRETEND_DISK_BYTES"]))

    shutil.disk_usage = _pretended
