"""Stepladder: reasoning steps, climbed from easy to hard. A room a stage, and three shared ones."""

import os

__version__ = "0.1.0"

# OpenMP threads spin at barriers while they wait for each other. As soon as anything else wants a core (another
# program, a browser) they wait for a thread that is not running, and decoding is ten times slower (docs/engine.md).
# Sleeping instead of spinning has to be chosen before the first library loads OpenMP, hence here.
os.environ.setdefault("GOMP_SPINCOUNT", "0")
