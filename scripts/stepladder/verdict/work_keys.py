"""What each finished answer, timing and memory reading was made from, so that it is found when it is asked again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from stepladder.core.files import hash_json
from stepladder.core.journal import work_key
from stepladder.core.records import LETTERS, Record
from stepladder.core.settings import EngineSettings, Verdict

from .answering import Manner, Unit, drawn, units
from .contestants import Contestant, by_weights
from .run import latency_sample, manner_of


class WorkKeys:
    """Keys of one test. hashes: SHA-256 of weights by role, as `Contestant.paths` names them."""

    def __init__(self, contestants: Sequence[Contestant], records: Sequence[Record], settings: Verdict,
                 engine: EngineSettings, seed: int, hashes: Mapping[str, str]) -> None:
        self.contestants, self.records, self.settings = contestants, records, settings
        self.engine, self.seed, self.hashes = engine, seed, hashes

    def all(self) -> dict[str, str]:
        """id in the journal -> key, of everything that is asked and measured."""
        keys: dict[str, str] = {}
        for group in by_weights(self.contestants):
            identities = [self._identity(contestant) for contestant in group]
            for contestant, identity in zip(group, identities, strict=True):
                keys[f"memory|{contestant.name}"] = self._memory(identity, identities)
                for mode in self.settings.modes:
                    manner = manner_of(self.settings, mode, self.seed)
                    keys[f"speed|{contestant.name}|{mode}"] = self._speed(contestant, identity, manner)
                    for unit in units(self.records, contestant.name, manner, contestant.form):
                        keys[unit.id] = self._answer(identity, unit, manner)
        return keys

    def _identity(self, contestant: Contestant) -> list[str]:
        """The weights themselves, whatever they are called, and what their template is given, if anything; of a server
        the model's name, not its address."""
        if contestant.kind == "endpoint":
            return ["served as", contestant.model.partition("#")[2] or self.engine.endpoint_model or contestant.model]
        told = [f"template_arguments {hash_json(dict(contestant.template_arguments))}"]
        return [contestant.kind, *(self.hashes[role] for role in contestant.paths),
                *(told if contestant.template_arguments else [])]

    def _answer(self, identity: list[str], unit: Unit, manner: Manner) -> str:
        how: list[Any] = []
        if unit.mode == "reasoning":
            sampling = drawn(unit, manner)
            how = [manner.max_tokens, sampling.temperature, sampling.seed if sampling.temperature > 0 else 0]
        return work_key("answer", identity, unit.form.identity(unit.mode), _shown(unit.shown), unit.rotation,
                        unit.vote, self.engine.context, how)

    def _speed(self, contestant: Contestant, identity: list[str], manner: Manner) -> str:
        sample = latency_sample(self.records, self.settings, manner.mode)
        server = contestant.model if contestant.kind == "endpoint" else ""
        return work_key("speed", identity, server, contestant.form.identity(manner.mode), asdict(manner),
                        self.settings.latency_questions, self.engine.context, [_shown(record) for record in sample])

    def _memory(self, identity: list[str], group: list[list[str]]) -> str:
        engine = self.engine
        return work_key("memory", identity, group, self.settings.modes, engine.context, engine.sequences,
                        engine.batch_tokens, engine.kv, engine.gpu_layers)


def _shown(record: Record) -> list[str]:
    """What of a record is read."""
    return [record["question"], *(record["choices"][letter] for letter in LETTERS)]
