"""Stable depth-first order of a dependency graph, and its circles. Knows nothing of what the nodes stand for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence


def stable_order(count: int, needs: Mapping[int, Sequence[int]]) -> tuple[int, ...]:
    """Node numbers so that each follows all of its `needs`; otherwise in numeric order.

    A node that a smaller one needs is pulled forward to stand right before it. The graph must be free of circles
    (see `circles`). O(V + E).
    """
    done: set[int] = set()
    order: list[int] = []
    for start in range(count):
        stack: list[tuple[int, bool]] = [(start, False)]
        while stack:
            node, expanded = stack.pop()
            if expanded:
                if node not in done:
                    done.add(node)
                    order.append(node)
                continue
            if node in done:
                continue
            stack.append((node, True))
            stack.extend((need, False) for need in sorted(needs.get(node, ()), reverse=True) if need not in done)
    return tuple(order)


def circles(count: int, needs: Mapping[int, Sequence[int]]) -> tuple[tuple[int, ...], ...]:
    """The strongly connected components of more than one node, each sorted (Tarjan 1972, iterative)."""
    index: dict[int, int] = {}
    low: dict[int, int] = {}
    on_stack: set[int] = set()
    stack: list[int] = []
    found: list[tuple[int, ...]] = []
    for start in range(count):
        if start in index:
            continue
        work: list[tuple[int, int]] = [(start, 0)]
        while work:
            node, position = work.pop()
            if position == 0:
                index[node] = low[node] = len(index)
                stack.append(node)
                on_stack.add(node)
            successors = needs.get(node, ())
            for next_position in range(position, len(successors)):
                successor = successors[next_position]
                if successor not in index:
                    work += [(node, next_position + 1), (successor, 0)]
                    break
                if successor in on_stack:
                    low[node] = min(low[node], index[successor])
            else:
                if low[node] == index[node]:
                    members = []
                    while True:
                        member = stack.pop()
                        on_stack.discard(member)
                        members.append(member)
                        if member == node:
                            break
                    if len(members) > 1:
                        found.append(tuple(sorted(members)))
                if work:
                    parent = work[-1][0]
                    low[parent] = min(low[parent], low[node])
    return tuple(sorted(found))


def one_circle(members: Sequence[int], needs: Mapping[int, Sequence[int]]) -> tuple[int, ...]:
    """A shortest path inside a component that comes back to its first node, for messages."""
    inside = set(members)
    start = members[0]
    previous: dict[int, int] = {}
    frontier = [start]
    while frontier:
        following: list[int] = []
        for node in frontier:
            for need in needs.get(node, ()):
                if need == start:
                    path = [node]
                    while path[-1] != start:
                        path.append(previous[path[-1]])
                    return tuple(reversed(path))
                if need in inside and need not in previous:
                    previous[need] = node
                    following.append(need)
        frontier = following
    return tuple(members)
