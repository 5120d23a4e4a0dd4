"""Stepladder: reasoning steps, climbed from easy to hard. A room a stage, and three shared ones."""

import os

__version__ = "0.1.0"

# OpenMP threads spin at barriers while they wait for each other, for milliseconds by default. As soon as anything else
# wants a core (another program, a browser) they wait for a thread that is not running, and decoding is ten times
# slower. Not spinning at all costs a fifth on quiet cores, where most waits are over within microseconds. So they spin
# for some 20 microseconds, then sleep (docs/engine.md). Set before any library loads OpenMP, hence here.
os.environ.setdefault("GOMP_SPINCOUNT", "2000")

# oneDNN compiles kernels for every new length that training meets in bfloat16, and keeps 1,024 of them, which soon are
# gigabytes. The layers of one micro-batch share theirs and lengths seldom come back, so keeping a few loses nothing
# (docs/training.md).
os.environ.setdefault("ONEDNN_PRIMITIVE_CACHE_CAPACITY", "128")
