"""Keep the model libraries' chatter off the terminal, where a stage's own lines would drown in it."""

from __future__ import annotations

import logging


def quiet_libraries() -> None:
    """Bars and advice of transformers and bitsandbytes off; their errors are raised or still shown."""
    from transformers.utils import logging as transformers_logging

    transformers_logging.disable_progress_bar()
    transformers_logging.set_verbosity_error()
    logging.getLogger("bitsandbytes").setLevel(logging.ERROR)
