"""Finds what values depend on beside their arguments: in-place operators, and what is free.

An operator such as `add_` changes a tensor that other values may share. Whoever reads one of these
later depends on it.
"""

from __future__ import annotations

from collections.abc import Iterator

from oobleck.errors import ImportProblem
from oobleck.graph import Graph, Origin, Value


def prepare(graph: Graph) -> None:
    """Finds what each value depends on beside its arguments, and which values are free."""
    _link_writes(graph)
    _mark_free(graph)


def roots(value: Value, known: dict[Value, frozenset[Value]]) -> frozenset[Value]:
    """The values whose memory `value` may share, itself among them if it may have memory of its own."""
    if value in known:
        return known[value]
    found: frozenset[Value] = frozenset()
    if value.is_getitem:
        found = roots(value.args[0], known)
    elif value.source is None:
        given = value.bound()
        for argument in value.target._schema.arguments:
            if argument.alias_info is not None and isinstance(given.get(argument.name), Value):
                found |= roots(given[argument.name], known)
    known[value] = found or frozenset([value])
    return known[value]


def written(value: Value) -> Iterator[Value]:
    """The arguments that an in-place operator writes to."""
    given = value.bound()
    for argument in value.target._schema.arguments:
        is_written = argument.alias_info is not None and argument.alias_info.is_write
        if is_written and isinstance(given.get(argument.name), Value):
            yield given[argument.name]


def _link_writes(graph: Graph) -> None:
    """Makes each value depend on the in-place operators whose effect it reads."""
    known: dict[Value, frozenset[Value]] = {}
    last: dict[Value, Value] = {}
    for value in graph.values:
        seen = dict.fromkeys(
            last[root] for item in value.inputs() for root in roots(item, known) if root in last
        )
        value.writes_before = tuple(seen)
        if value.is_in_place:
            for item in written(value):
                for root in roots(item, known):
                    last[root] = value
    for _, output in graph.outputs:
        writes = (last[root] for root in roots(output, known) if root in last)
        extra = [write for write in writes if write is not output]
        output.writes_before += tuple(w for w in extra if w not in output.writes_before)


def _mark_free(graph: Graph) -> None:
    """Marks what depends on batch and constants alone. Memory that anything else writes to is not free."""
    known: dict[Value, frozenset[Value]] = {}
    bound: set[Value] = set()  # roots that an operator which is not free writes to
    for value in graph.inputs:
        value.is_free = value.source.origin in (Origin.BATCH, Origin.CONSTANT)
    for _ in range(len(graph.values) + 1):
        before = len(bound)
        for value in graph.values:
            value.is_free = (
                not value.is_random
                and all(item.is_free for item in value.inputs())
                and not (roots(value, known) & bound)
            )
            if value.is_in_place and not value.is_free:
                bound |= {root for item in written(value) for root in roots(item, known)}
        if len(bound) == before:
            return


def refuse_changed_state(graph: Graph) -> None:
    """Refuses models whose buffers or parameters change by running them: layers have no such state."""
    for value in graph.values:
        if not value.is_operator("aten::instance_norm"):
            continue
        given = value.bound()
        statistics = given.get("running_mean")
        if given.get("use_input_stats") and isinstance(statistics, Value):
            raise ImportProblem(
                f"training changes the buffer {statistics.source.name} (running statistics of an instance norm); "
                "call eval() on the norms in a file.py:function source, or make them without running statistics"
            )
    known: dict[Value, frozenset[Value]] = {}
    for value in graph.values:
        for item in written(value) if value.is_in_place else ():
            for root in roots(item, known):
                if root.source is not None:
                    raise ImportProblem(
                        f"operator {value.operator} {value.place} changes {root.source.name}, which is a "
                        f"{root.source.origin.value} of the model; write the result to a new tensor instead"
                    )
