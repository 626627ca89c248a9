"""One dependency graph over everything a folder declares, and the stable order in which it deploys (behaviour, §3)."""

from __future__ import annotations

from msgspec import Struct

from stonegate.errors import DependencyCycle
from stonegate.model.source import Migration, Seeder, SourceTree
from stonegate.planner.order.edges import clauses_that_close, drop_soft_circles, find_edges
from stonegate.planner.order.graph import circles, one_circle, stable_order
from stonegate.planner.order.migrations import order_migrations
from stonegate.planner.order.nodes import Node, build_nodes, split_off
from stonegate.planner.order.resolve import Makers


class Ordered(Struct, frozen=True, kw_only=True):
    """Nodes in deployment order; `edges` are (needed, dependent) positions in `nodes`, ascending."""

    nodes: tuple[Node, ...]
    edges: tuple[tuple[int, int], ...]

    @property
    def migrations(self) -> tuple[Migration, ...]:
        """The migrations in the order in which they run."""
        return tuple(node.value for node in self.nodes if isinstance(node.value, Migration))

    @property
    def seeders(self) -> tuple[Seeder, ...]:
        """The seeders, referenced tables first."""
        return tuple(node.value for node in self.nodes if isinstance(node.value, Seeder))


def order_tree(tree: SourceTree) -> Ordered:
    """The folder's deployment order: kind, then path, then line; a dependency overrides it.

    What a node needs and would come later is pulled forward to stand right before it. A circle of foreign keys, or of a
    sequence and the table of its column, is opened by saying the closing clause after the tables. O((V + E) log V);
    the order of the input does not matter.

    Raises:
        DependencyCycle: items need each other in a way that splitting off clauses does not solve.
        SourceError: a migration needs an object that only a later file which may not move makes.
    """
    nodes = build_nodes(tree, order_migrations(tree.migrations))
    edges = drop_soft_circles(find_edges(nodes, Makers(nodes)))
    closing = clauses_that_close(nodes, edges)
    if closing:
        nodes = split_off(nodes, closing)
        edges = drop_soft_circles(find_edges(nodes, Makers(nodes)))
    needs = {number: sorted(found) for number, found in enumerate(edges)}
    for members in circles(len(nodes), needs):
        raise _cycle([nodes[number] for number in one_circle(members, needs)])
    order = stable_order(len(nodes), needs)
    position = {number: place for place, number in enumerate(order)}
    pairs = sorted((position[need], position[node]) for node, found in needs.items() for need in found)
    return Ordered(nodes=tuple(nodes[number] for number in order), edges=tuple(pairs))


def _cycle(members: list[Node]) -> DependencyCycle:
    return DependencyCycle(
        f"{len(members)} items need each other in a circle, so that none of them can be created first",
        file=members[0].file,
        line=members[0].line,
        details=tuple(
            f"{node.label} ({node.file}:{node.line}) needs {after.label}"
            for node, after in zip(members, [*members[1:], members[0]], strict=True)
        ),
        hint="only foreign keys between tables, and a sequence with its column, may form a circle: write one of these "
        "as a plpgsql function, whose body is looked up when it runs, or move what closes the circle into an ALTER "
        "TABLE",
    )
