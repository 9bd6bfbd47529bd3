"""Edges as they are written, and edges that follow from the fields that nodes read and write.

An edge line is `a -> b -> c`, with a list for a fork or a join (`a -> [b, c] -> d`; between two lists all pairs), and
may end in ` when EXPR` if it has one hop. The long form is `{from: a, to: b, when: EXPR}`. What is not known here is
which nodes there are: that the names exist and that the graph can be walked is found in `flow.py`.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from difflib import get_close_matches
from itertools import pairwise
from typing import Any

from seedbed.graph.contracts import NAME, Issue
from seedbed.graph.flow import DROP, END, START, Edge, spoken
from seedbed.graph.order import cycles

_TOKEN = re.compile(r"\s*(?:(?P<arrow>[-=]+>|→)|(?P<mark>[\[\],])|(?P<word>(?:(?![-=]+>|→)[^\s\[\],])+))")
_NAME = re.compile(NAME)
_QUOTED = re.compile(r"""'(?:\\.|[^'\\])*'|"(?:\\.|[^"\\])*\"""")
_KEYS = ("from", "to", "when")
_FORM = "write it as `a -> b`, `a -> [b, c]` or `a -> b when EXPR`"

Groups = list[list[str]]
"""The places of an edge line from left to right, each with its nodes."""


@dataclass(frozen=True, slots=True)
class NodeIO:
    """The fields a node reads, the fields it writes, and those among the latter that it only appends to."""

    reads: set[str]
    writes: list[str]
    appends: list[str] = field(default_factory=list)


class _Wrong(Exception):
    """An edge cannot be read; `where` is the key of the long form."""

    def __init__(self, what: str, fix: str = _FORM, where: str = "") -> None:
        super().__init__(what)
        self.issue = (what, fix)
        self.where = (where,) if where else ()


def parse_edges(raw: list[Any]) -> tuple[list[Edge], list[Issue]]:
    """Reads a list of edges as written. The paths of issues are relative to the list, those of edges to the graph."""
    edges: dict[tuple[str, str, str | None], Edge] = {}
    issues: list[Issue] = []
    for place, item in enumerate(raw):
        try:
            groups, when = _parse(item)
        except _Wrong as wrong:
            issues.append(Issue((place, *wrong.where), *wrong.issue))
            continue
        for source, target in _pairs(groups):
            edge = Edge(source, target, when, ("edges", place))
            problem = _misplaced(edge)
            if problem is None and edges.setdefault((source, target, when), edge) is not edge:
                problem = Issue((), f"the edge `{edge}` is written twice", "leave one of them out")
            if problem is not None:
                issues.append(problem._replace(path=(place,)))
    return list(edges.values()), issues


def _pairs(groups: Groups) -> Iterator[tuple[str, str]]:
    for sources, targets in pairwise(groups):
        for source in sources:
            for target in targets:
                yield source, target


def _misplaced(edge: Edge) -> Issue | None:
    if edge.source in (END, DROP):
        return Issue((), f"`{edge.source}` is only ever a target", f"no edge leads on from `{edge.source}`")
    if edge.target == START:
        return Issue((), "`start` is only ever a source", "to loop, go back to the first node instead")
    return None


def _parse(item: Any) -> tuple[Groups, str | None]:
    if isinstance(item, str):
        return _line(item)
    if isinstance(item, dict):
        return _mapping(item)
    if isinstance(item, list):
        raise _Wrong("an edge is text, not a list", 'a line that begins with a list stands in quotes: "[a, b] -> c"')
    raise _Wrong(f"an edge is text, not {'nothing' if item is None else repr(item)}")


def _line(text: str) -> tuple[Groups, str | None]:
    """`group -> group … [when EXPR]`, read from left to right, so that only what follows a group can be `when`."""
    groups: Groups = []
    position = 0
    while True:
        group, position = _group(text, position, "`->`" if groups else "")
        groups.append(group)
        kind, token, position = _next(text, position)
        if token == "->":
            continue
        if token == "when" and len(groups) > 1:
            return groups, _condition(text[position:], groups)
        if token and kind == "arrow":
            raise _Wrong(f"`{token}` is not an arrow", "write `->`")
        if token == ",":
            raise _Wrong("found `,` outside a list", "write several nodes as a list: `a -> [b, c]`")
        if token:
            expected = "`->` or `when`" if len(groups) > 1 else "`->`"
            raise _Wrong(f"expected {expected} after `{_shown(group)}`, found `{token}`")
        if len(groups) == 1:
            raise _Wrong(f"`{text.strip()}` leads nowhere", f"write `{_shown(group)} -> NODE`")
        return groups, None


def _next(text: str, position: int) -> tuple[str, str, int]:
    """The kind and text of the next token, and the position after it; nothing at the end of the line."""
    match = _TOKEN.match(text, position)
    if match is None or match.lastgroup is None:
        return "", "", len(text)
    return match.lastgroup, match[match.lastgroup], match.end()


def _group(text: str, position: int, before: str) -> tuple[list[str], int]:
    """One node, or a list of them in brackets."""
    kind, token, position = _next(text, position)
    if token != "[":
        return [_name(kind, token, before)], position
    names: list[str] = []
    while True:
        kind, token, position = _next(text, position)
        if token == "]" and not names:
            raise _Wrong("the list `[]` is empty", "name at least one node in it")
        names.append(_name(kind, token, "`[`" if len(names) == 0 else "`,`"))
        kind, token, position = _next(text, position)
        if token == "]":
            return names, position
        if not token:
            raise _Wrong(f"the list `[{', '.join(names)}` is not closed", "add `]`")
        if token != ",":
            raise _Wrong(f"expected `,` or `]` after `{names[-1]}`, found `{token}`")


def _name(kind: str, token: str, before: str) -> str:
    if kind == "word" and _NAME.match(token):
        return token
    if kind == "word":
        raise _Wrong(f"`{token}` is not a node name", "names are letters, digits and `_`, and begin with no digit")
    place = f"after {before}" if before else "at the beginning"
    raise _Wrong(f"expected a node name {place}, found {f'`{token}`' if token else 'nothing'}")


def _shown(group: list[str]) -> str:
    return group[0] if len(group) == 1 else f"[{', '.join(group)}]"


def _condition(text: str, groups: Groups) -> str:
    condition = text.strip()
    if not condition:
        raise _Wrong("the condition after `when` is missing", "write an expression, or leave `when` out")
    if "->" in _QUOTED.sub("", condition):
        raise _Wrong("a condition ends its line", "write the edges that follow it on a line of their own")
    if len(groups) > 2:
        lines = " and ".join(f"`{_shown(a)} -> {_shown(b)}`" for a, b in pairwise(groups))
        raise _Wrong("a condition needs a line of its own", f"write {lines} on separate lines, one with the condition")
    return condition


def _mapping(item: dict[Any, Any]) -> tuple[Groups, str | None]:
    for key in item:
        if key not in _KEYS:
            if "->" in str(key):
                raise _Wrong("an edge line with `: ` in it is read as a mapping", "put the line in quotes")
            near = get_close_matches(str(key), _KEYS, 1)
            fix = f"did you mean `{near[0]}`?" if near else "an edge has `from`, `to` and `when`"
            raise _Wrong(f"unknown key `{key}`", fix, str(key))
    groups = [_names(item, key) for key in ("from", "to")]
    when = item.get("when")
    if "when" in item and not (isinstance(when, str) and when.strip()):
        raise _Wrong("`when` is not an expression", "write it as text, or leave `when` out", "when")
    return groups, when.strip() if when is not None else None


def _names(item: dict[Any, Any], key: str) -> list[str]:
    if key not in item:
        raise _Wrong(f"the edge has no `{key}`", "an edge has `from`, `to` and maybe `when`")
    names = item[key] if isinstance(item[key], list) else [item[key]]
    if not names:
        raise _Wrong(f"`{key}` is an empty list", "name at least one node in it", key)
    for name in names:
        if not isinstance(name, str) or not _NAME.match(name):
            raise _Wrong(f"`{name}` is not a node name", f"`{key}` is a node's name or a list of them", key)
    return names


def infer_edges(nodes: dict[str, NodeIO], gotos: Collection[str] = ()) -> tuple[list[Edge], list[Issue]]:
    """The edges of a graph that writes none: each node follows every node that writes a field it reads.

    Nodes that append to one field run in the order declared. What follows nothing hangs on `start`, what nothing
    follows leads to `end`. `gotos` are the nodes that an `on_error` goes to: they are entered that way alone.
    The paths of issues are relative to the mapping of nodes.
    """
    issues = _double_writes(nodes, gotos)
    edges: list[Edge] = []
    for name, node in nodes.items():
        if name in gotos:
            continue
        earlier = set(_before(nodes, name))
        for other, its in nodes.items():
            shared = set(its.appends) & set(node.appends)
            wanted = {read for read in node.reads if read not in node.writes}
            if other != name and (wanted & set(its.writes) or (shared and other in earlier)):
                edges.append(Edge(other, name))
        if not any(edge.target == name for edge in edges):
            edges.append(Edge(START, name))
    sources = {edge.source for edge in edges}
    edges += [Edge(name, END) for name in nodes if name not in sources]
    successors = {name: [edge.target for edge in edges if edge.source == name] for name in nodes}
    for cycle in cycles(successors):
        them = spoken(cycle)
        how = f"{them} read each other{' in a circle' if len(cycle) > 2 else ''}"
        issues.append(Issue((cycle[0],), how, "write `edges:` to say how they loop"))
    return edges, issues


def _before(nodes: dict[str, NodeIO], name: str) -> Iterator[str]:
    for other in nodes:
        if other == name:
            return
        yield other


def _double_writes(nodes: dict[str, NodeIO], gotos: Collection[str]) -> list[Issue]:
    """Two writers of one field. A way that `on_error` opens may be exclusive with another: that is for the flow."""
    issues: list[Issue] = []
    writers: dict[str, str] = {}
    for name, node in nodes.items():
        for written in node.writes:
            first = writers.setdefault(written, name)
            both_append = written in node.appends and written in nodes[first].appends
            if first == name or both_append or name in gotos or first in gotos:
                continue
            fix = "give one of them another `output`, or write `edges:` so that only one of them runs"
            issues.append(Issue((name,), f"`{first}` and `{name}` both write `{written}`", fix))
    return issues
