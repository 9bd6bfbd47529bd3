"""Graphs of names: what can be reached, what comes before what, and what goes round in circles."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from heapq import heappop, heappush


def reachable(root: str, pairs: Iterable[tuple[str, str]]) -> set[str]:
    """The names that ways from `root` lead to, itself included."""
    successors: dict[str, list[str]] = {}
    for source, target in pairs:
        successors.setdefault(source, []).append(target)
    queue = [root]
    found = {root}
    for name in queue:
        fresh = [target for target in successors.get(name, ()) if target not in found]
        found.update(fresh)
        queue += fresh
    return found


def dominators(root: str, pairs: Iterable[tuple[str, str]]) -> dict[str, set[str]]:
    """Per name those that no way from `root` to it avoids, itself included. All names must be reachable."""
    sources: dict[str, set[str]] = {root: set()}
    for source, target in pairs:
        sources.setdefault(target, set()).add(source)
    found = {name: {root} if name == root else set(sources) for name in sources}
    changed = True
    while changed:
        changed = False
        for name in sources:
            if name == root:
                continue
            above = set.intersection(*(found[source] for source in sources[name])) | {name}
            if above != found[name]:
                found[name] = above
                changed = True
    return found


def cycles(successors: Mapping[str, Sequence[str]]) -> list[list[str]]:
    """Cycles of a graph that share no node, at least one where there is any; none if it has a topological order."""
    left = dict(successors)
    found: list[list[str]] = []
    while True:
        ends = [name for name, targets in left.items() if not any(target in left for target in targets)]
        for name in ends:
            del left[name]
        if ends:
            continue
        if not left:
            return found
        way = [next(iter(left))]
        while (target := next(target for target in left[way[-1]] if target in left)) not in way:
            way.append(target)
        cycle = way[way.index(target) :]
        first = min(range(len(cycle)), key=lambda place: list(successors).index(cycle[place]))
        found.append(cycle[first:] + cycle[:first])
        for name in cycle:
            del left[name]


def topological(successors: Mapping[str, Sequence[str]]) -> list[str]:
    """The names of an acyclic graph, each after its predecessors, otherwise in the order given."""
    place = {name: number for number, name in enumerate(successors)}
    waiting = dict.fromkeys(successors, 0)
    for targets in successors.values():
        for target in targets:
            waiting[target] += 1
    ready = [(place[name], name) for name, count in waiting.items() if count == 0]
    order = []
    while ready:
        _, name = heappop(ready)
        order.append(name)
        for target in successors[name]:
            waiting[target] -= 1
            if waiting[target] == 0:
                heappush(ready, (place[target], target))
    return order
