"""Objects that need each other and are dropped: which parts go first, and how long it takes to find them."""

from __future__ import annotations

from stonegate.model.catalog import Catalog, Constraint, Dependency, Table
from stonegate.model.names import ObjectKey, ObjectKind, QualifiedName
from stonegate.model.plan import Action, Change
from stonegate.planner.obstacles.circles import break_circles
from tests.planner.calls import counted_calls
from tests.planner.catalogs import ACCESS


def table_key(number: int) -> ObjectKey:
    return ObjectKey(ObjectKind.TABLE, "public", f"t{number}")


def referring(number: int, *targets: int) -> Table:
    keys = (
        Constraint(name=f"to_{n}", kind="foreign key", definition="", references=QualifiedName("public", f"t{n}"))
        for n in targets
    )
    return Table(schema="public", name=f"t{number}", constraints=tuple(keys), access=ACCESS)


def dropped(*tables: Table) -> list[str]:
    """What goes first where all these tables are dropped."""
    edges = tuple(
        Dependency(dependent=key, on=foreign.target) for key, foreign in Catalog(tables=tables).foreign_keys.items()
    )
    changes = {(each.key, ""): Change(action=Action.DROP, key=each.key) for each in tables}
    return [change.key.label for change in break_circles(changes, Catalog(tables=tables, dependencies=edges))]


def test_the_keys_of_a_circle_go_first_and_no_others() -> None:
    tables = referring(0), referring(1, 0, 3), referring(2, 1), referring(3, 2), referring(4, 3)
    assert dropped(*tables) == ["t1.to_3", "t2.to_1", "t3.to_2"]


def test_finding_circles_in_a_long_chain_is_linear() -> None:
    """Four times the tables may take four times as long, not sixteen; counted in calls, not in seconds."""
    calls = []
    for number in (50, 200):
        tables = (referring(0), *(referring(n, n - 1) for n in range(1, number)))
        with counted_calls() as count:
            assert dropped(*tables) == []
        calls.append(count.number)
    assert calls[1] < 5 * calls[0]
