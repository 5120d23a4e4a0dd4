"""Which questions go together: those on one passage, and puzzles of one structure.

Their outcomes depend on each other, so that intervals and tests must take the cluster as their unit, not the question.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from .records import Record
from .same import content, sentences, structure

PASSAGE = 12  # content words from which a text shared by two questions is a passage, not a turn of phrase


def clusters_of(records: Sequence[Record]) -> list[int]:
    """The number of each record's cluster; records that share nothing are clusters of one.

    Joined (connected components, scipy) are puzzles of the same structure, and texts that have a paragraph, or
    everything before the closing sentence, in common.
    """
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components

    numbers: dict[tuple[str, str], int] = {}
    edges = [(index, numbers.setdefault(shared, len(numbers))) for index, record in enumerate(records)
             for shared in _may_be_shared(record)]
    size = len(records) + len(numbers)
    rows, columns = [index for index, _ in edges], [len(records) + number for _, number in edges]
    graph = coo_matrix(([True] * len(edges), (rows, columns)), shape=(size, size))
    return connected_components(graph, directed=False)[1][:len(records)].tolist()


def _may_be_shared(record: Record) -> Iterator[tuple[str, str]]:
    if (form := structure(record)) is not None:
        yield "puzzle", form
        return
    text = record["question"]
    for part in {*text.split("\n"), " ".join(sentences(text)[:-1])}:
        if len(content(part)) >= PASSAGE:
            yield "text", " ".join(part.split()).casefold()
