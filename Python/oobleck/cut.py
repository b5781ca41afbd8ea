"""Cuts a graph into layers at module paths.

Values that a later layer needs cross every boundary on the way. Values that depend on the batch and
constants alone (masks, positions) do not cross: each layer that needs them computes them again.
"""

from __future__ import annotations

from dataclasses import dataclass

from oobleck.dependencies import prepare, roots, written
from oobleck.errors import ImportProblem, listed
from oobleck.graph import Graph, Origin, Value
from oobleck.statistics import Statistic


@dataclass
class Layer:
    """One layer: its inputs by origin in the order of the whole graph, what it computes, what it sends."""

    name: str
    parameters: list[Value]
    constants: list[Value]
    batch: list[Value]
    receives: list[Value]
    values: list[Value]
    sends: list[tuple[str, Value]]
    statistics: list[Statistic]

    @property
    def inputs(self) -> list[Value]:
        running = [statistic.running for statistic in self.statistics]
        return self.parameters + running + self.constants + self.batch + self.receives


def cut(graph: Graph, split: list[str], is_strict: bool) -> list[Layer]:
    """The layers of `graph`, where each path of `split` is one, with what runs before and after.

    With `is_strict`, a path that runs nothing is an error; else it is left out.
    """
    prepare(graph)
    paths = _in_order_of_execution(graph, split, is_strict)
    names = ["embedding", *paths, "head"]
    _assign(graph, paths)
    _refuse_writes_across(graph)
    layers = _Cutting(graph, names).layers()
    # A model whose first block takes the batch itself has nothing before it.
    return layers if layers[0].values else layers[1:]


def _in_order_of_execution(graph: Graph, split: list[str], is_strict: bool) -> list[str]:
    wanted, order = set(split), {}
    for value in graph.values:
        for path in value.paths:
            if path in wanted:
                order.setdefault(path, len(order))
    idle = [path for path in split if path not in order]
    if idle and (is_strict or not order):
        raise ImportProblem(f"no operator runs in {listed(idle)}; leave it out of --split")
    return list(order)


def _assign(graph: Graph, paths: list[str]) -> None:
    """Gives each value the layer that was running; the number of layers never goes down."""
    number = {path: index + 1 for index, path in enumerate(paths)}
    current, last = 0, len(paths)
    for value in graph.values:
        inside = [number[path] for path in value.paths if path in number]
        if value.is_getitem:
            value.layer = value.args[0].layer
            continue
        if inside:
            current = max(current, inside[-1])
        elif current == last and not value.is_free:
            current = last + 1
        value.layer = current


def _refuse_writes_across(graph: Graph) -> None:
    """A tensor that came from another layer is not ours to change."""
    known: dict[Value, frozenset[Value]] = {}
    for value in graph.values:
        if not value.is_in_place or value.is_free:
            continue
        for item in written(value):
            for root in roots(item, known):
                if root.source is not None or root.layer != value.layer:
                    raise ImportProblem(
                        f"operator {value.operator} {value.place} changes a tensor that was made outside its "
                        "layer; write it out of place, or choose other cuts with --split"
                    )


class _Cutting:
    """Finds for each layer what it computes and receives, from the results backwards."""

    def __init__(self, graph: Graph, names: list[str]) -> None:
        self.graph, self.names = graph, names
        self.position = {value: i for i, value in enumerate(graph.values)}
        self.rank = {value: i for i, value in enumerate(graph.inputs)}
        self.live = self._live()

    def layers(self) -> list[Layer]:
        count = len(self.names)
        bodies, needs, used = [], [], []
        for index in range(count):
            body, need, inputs = self._demand(index)
            bodies.append(body)
            needs.append(need)
            used.append(inputs)
        crossing: list[list[Value]] = [[] for _ in range(count + 1)]
        wanted: set[Value] = set()
        for index in reversed(range(count)):
            wanted = {v for v in wanted if v.layer < index} | needs[index]
            crossing[index] = self._sorted(wanted)
        result = []
        for index, name in enumerate(self.names):
            sends = [(value.name, value) for value in crossing[index + 1]]
            if index == count - 1:
                sends = self.graph.outputs
            result.append(
                self._layer(name, used[index], crossing[index], self._sorted(bodies[index]), sends)
            )
        return result

    def _live(self) -> set[Value]:
        """What the results need, directly or not."""
        found: set[Value] = set()
        stack = [value for _, value in self.graph.outputs]
        stack += [statistic.observed for statistic in self.graph.statistics]
        while stack:
            value = stack.pop()
            if value not in found:
                found.add(value)
                stack += [*value.inputs(), *value.writes_before]
        return found

    def _demand(self, index: int) -> tuple[set[Value], set[Value], set[Value]]:
        """What layer `index` computes, what it needs from layers before it, which inputs it uses."""
        body: set[Value] = set()
        need: set[Value] = set()
        inputs: set[Value] = set()
        stack = [
            v for v in self.graph.values if v in self.live and v.layer == index and not v.is_free
        ]
        if index == len(self.names) - 1:
            stack += [value for _, value in self.graph.outputs]
        while stack:
            value = stack.pop()
            if value in body:
                continue
            if value.source is not None:
                inputs.add(value)
            elif value.is_free or value.layer == index:
                body.add(value)
                stack += value.inputs()
                # The effect of another layer's in-place operator is in the tensor that it sends.
                stack += [w for w in value.writes_before if w.is_free or w.layer == index]
            else:
                need.add(value)
        return body, need, inputs

    def _sorted(self, values: set[Value]) -> list[Value]:
        return sorted(values, key=self.position.__getitem__)

    def _layer(
        self,
        name: str,
        used: set[Value],
        receives: list[Value],
        values: list[Value],
        sends: list[tuple[str, Value]],
    ) -> Layer:
        groups: dict[Origin, list[Value]] = {origin: [] for origin in Origin}
        for value in sorted(used, key=self.rank.__getitem__):
            groups[value.source.origin].append(value)
        constants = groups[Origin.CONSTANT] + groups[Origin.FROZEN]
        parameters, batch = groups[Origin.PARAMETER], groups[Origin.BATCH]
        own = [s for s in self.graph.statistics if s.running in groups[Origin.STATISTIC]]
        return Layer(name, parameters, constants, batch, receives, values, sends, own)
