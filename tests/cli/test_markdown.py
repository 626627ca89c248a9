"""Plans as comments of a pull request, which GitHub takes up to 65,536 characters: nothing may be hidden by that."""

from __future__ import annotations

from msgspec.structs import replace

from stonegate.cli.render.fleet import render_fleet_markdown
from stonegate.cli.render.plan_markdown import render_markdown
from stonegate.database.deployment.reports import report_error
from stonegate.errors import ConnectionFailed
from stonegate.fleet.names import Owner
from stonegate.fleet.survey import FleetPlan, PlanGroup, Unread
from stonegate.fleet.targets import Target
from stonegate.model.plan import Blocked, ChangeClass, Plan
from stonegate.model.preflight import Finding
from stonegate.planner.build import build_plan
from stonegate.planner.order.tree import order_tree
from tests.source.folders import parse

LONGEST = 65_536


def _plan(tables: int) -> Plan:
    tree = parse({f"tables/t{n}.sql": f"CREATE TABLE t{n} (id int PRIMARY KEY, body text);" for n in range(tables)})
    return build_plan(tree=tree, ordered=order_tree(tree))


def _target(name: str) -> Target:
    return Target(server="", owner=Owner(platform="p", tenant=name), database=f"p_{name}")


def _group(plan: Plan, *names: str, findings: tuple[Finding, ...] = ()) -> PlanGroup:
    targets = tuple(map(_target, names))
    return PlanGroup(plan=plan, targets=targets, findings=tuple((target, findings) for target in targets if findings))


def _blocked(number: int) -> Blocked:
    return Blocked(
        code="drift", object=f"o{number}", change_class=ChangeClass.SAFE, reason=f"r{number} " * 60, hint="h " * 90
    )


def test_a_long_plan_still_is_a_comment() -> None:
    plan = _plan(2_000)
    text = render_markdown(replace(plan, blocked=tuple(map(_blocked, range(200)))))
    assert len(text) < LONGEST and text.count("<details") == text.count("</details>")
    assert "2000 tables to create" in text and "… and 150 more" in text and "… and 1800 more" in text
    assert text.count("```") % 2 == 0


def test_groups_of_a_fleet_are_told_in_full_and_none_is_left_out() -> None:
    finding = Finding(object="notes.body", reason="NULL", count=2, sample="id=1")
    error = report_error(ConnectionFailed("p_away cannot be reached"))
    text = render_fleet_markdown(
        FleetPlan(
            groups=(_group(_plan(1), "a", "b", findings=(finding,)), _group(_plan(2), "c")),
            unread=(Unread(target=_target("away"), error=error),),
        )
    )
    assert text.startswith(
        "### stonegate: plan for 4 databases\n\n**2 identical, 1 differs: p_c; 1 could not be read**"
    )
    assert "#### 2 databases: `p_a`, `p_b`\n" in text and "#### 1 database: `p_c`\n" in text
    assert "##### ⛔ Rows that would make it fail\n\n- p_a: notes.body" in text
    assert "- `p_away`: p_away cannot be reached" in text
    assert "CREATE TABLE t1" in text


def test_a_fleet_of_many_kinds_still_is_a_comment() -> None:
    plan = _plan(200)
    groups = tuple(_group(replace(plan, blocked=(_blocked(n),)), f"t{n}") for n in range(150))
    text = render_fleet_markdown(FleetPlan(groups=groups))
    assert len(text) < LONGEST
    assert all(f"`p_t{n}`" in text for n in range(150))
    assert text.count("⛔") >= 150


def test_names_bring_no_links_and_no_control_characters() -> None:
    """Whoever may create a view has its name shown to the reviewers of somebody else's release."""
    name = "![x](https://evil.example/?v=1)\x1b[2J\u202e"
    told = replace(_blocked(1), reason=f"view {name} depends on t", hint=f"drop {name}")
    text = render_markdown(replace(_plan(1), blocked=(told,), warnings=(f"view {name}",)))
    assert "](" not in text and text.replace("\n", "").isprintable()
    assert text.count("]&#40;https://evil.example") == 3
