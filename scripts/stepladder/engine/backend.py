"""One door to a model, wherever it runs: a GGUF file on this machine, or servers behind URLs."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .requests import Backend, EngineError

if TYPE_CHECKING:  # the agents' bundle takes this room along without the settings
    from stepladder.core.settings import EngineSettings


def open_backend(model: str | Path, *, endpoints: Sequence[str] = (), **options: Any) -> Backend:
    """The engine for a GGUF file; with `endpoints`, those servers instead, asked for the model named `model`.

    `options` go to `Engine` or `Endpoint`. Close what you get, or use it in a `with` block.

    Raises:
        EngineError: the model cannot be loaded, or no server answers.
    """
    if endpoints:
        from .endpoint import Endpoint

        return Endpoint(endpoints, model=str(model), **options)
    from .batching import Engine

    return Engine(model, **options)


def open_by_settings(
    settings: EngineSettings,
    model: str | Path,
    *,
    endpoints: Sequence[str] = (),
    adapters: Mapping[str, Path] | None = None,
    batch_tokens: int | None = None,
    thinking: bool | None = None,
    template_arguments: Mapping[str, Any] | None = None,
) -> Backend:
    """`open_backend` with the settings of a profile's [engine] section.

    model: a GGUF file, or with `endpoints` the name the servers know the model by. batch_tokens: an upper limit that
    the caller needs, for small steps. thinking, template_arguments: what its chat template is told, as `Engine` says.

    Raises:
        EngineError: as `open_backend`.
    """
    if endpoints:
        return open_backend(
            model,
            endpoints=endpoints,
            sequences=settings.concurrency * len(endpoints),
            timeout=settings.endpoint_timeout,
            attempts=settings.endpoint_attempts,
            outage=60.0 * settings.endpoint_outage,
            keys=_keys(settings.endpoint_keys),
            thinking=thinking,
            template_arguments=template_arguments,
        )
    return open_backend(
        model,
        sequences=settings.sequences,
        context=settings.context,
        batch_tokens=min(settings.batch_tokens, batch_tokens or settings.batch_tokens),
        kv=settings.kv,
        threads=settings.threads or None,
        gpu_layers="auto" if settings.gpu_layers < 0 else settings.gpu_layers,
        adapters=adapters,
        thinking=thinking,
        template_arguments=template_arguments,
    )


@contextmanager
def kept_open(opened: Callable[[], AbstractContextManager[Backend]]
              ) -> Iterator[Callable[[], AbstractContextManager[Backend]]]:
    """The same for several uses of one backend: it is opened at the first of them and closed after the last."""
    with ExitStack() as stack:
        backend = cache(lambda: stack.enter_context(opened()))
        yield lambda: nullcontext(backend())


def _keys(variables: Mapping[str, str]) -> dict[str, str]:
    """URL -> key. Only names of variables are settings: settings are printed and written into metas."""
    keys = {}
    for url, variable in variables.items():
        if not os.environ.get(variable):  # not named here: it may be the key itself, given by mistake
            raise EngineError(
                f"no API key for {url}: --endpoint-keys {url}=VARIABLE takes the name of an environment variable, and "
                "the one given is not set"
            )
        keys[url] = os.environ[variable]
    return keys
