"""The errors a user sees, and the exit codes they end in."""

from __future__ import annotations

EXIT_DONE = 0
EXIT_FAILED = 1
EXIT_BAD_INPUT = 2
EXIT_INTERRUPTED = 130


class StepladderError(Exception):
    """A failure told in one or two lines: what, where, and what to do."""

    exit_code = EXIT_FAILED


class StageError(StepladderError):
    """The work could not be done (no space, no memory, a model that fails): exit 1."""


class InputError(StepladderError):
    """An argument or an input file is not what it should be: exit 2."""

    exit_code = EXIT_BAD_INPUT


class NotThereYet(InputError):
    """What an earlier stage makes is missing: exit 2; asked for its status, the stage is simply to do."""


class Interrupted(StepladderError):
    """The user asked to stop; everything finished is on disk: exit 130."""

    exit_code = EXIT_INTERRUPTED
