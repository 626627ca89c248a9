"""A plan for people: what happens to which object, in order, why, how dangerous it is, and what is in the way."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby

from rich.console import Console
from rich.text import Text

from stonegate.cli.render.failure import render_warning
from stonegate.cli.render.lines import indented, placed, printable
from stonegate.cli.render.names import (
    all_allows,
    consents_of,
    count,
    place,
    plural,
    reasons_of,
    shell_consent,
    sql_of,
    step_name,
    summarise,
    what_allows,
)
from stonegate.model.plan import EVERYTHING, Action, Blocked, ChangeClass, Mode, Phase, Plan, Step

#: What stands before an object, and its colour.
SYMBOLS = {
    Action.CREATE: ("+", "green"),
    Action.ALTER: ("~", "yellow"),
    Action.REPLACE: ("~", "yellow"),
    Action.RECREATE: ("±", "magenta"),
    Action.DROP: ("-", "red"),
    Action.RUN: ("»", "cyan"),
    Action.BASELINE: ("=", "dim"),
    Action.SEED: ("+", "green"),
    Action.VALIDATE: ("·", "dim"),
    Action.SKIP: (" ", "dim"),
}
_PHASES = {
    Phase.PRELUDE: "prelude (committed before all else)",
    Phase.ORPHANS: "no longer declared",
    Phase.POST_COMMIT: "after the commit",
}
_MODES = {
    Mode.FRESH: "first deployment",
    Mode.CHANGE: "",
    Mode.ADOPTION: "stonegate's first deployment here: what it would have to ask for is left as it is",
    Mode.BASELINE: "baseline: what is there is recorded, no migration runs",
    Mode.UNCHANGED: "",
}
_CLASS_STYLES = {
    ChangeClass.SAFE: "",
    ChangeClass.DATALOSS: "bold red",
    ChangeClass.INCOMPATIBLE: "bold red",
}
_EXPLAINED = frozenset({Action.ALTER, Action.DROP, Action.RECREATE})
_UNREADABLE = (
    "decided at apply: a migration has a DO block or calls a function; what is needed after it is known when it ran"
)
_SELF_EXPLAINED = frozenset({Action.SEED, Action.VALIDATE, Action.BASELINE})
_FEW = 8


def render_plan(console: Console, plan: Plan, *, verbose: bool = False, alike: int = 1) -> Iterator[Text]:
    """The lines of a plan.

    Args:
        alike: how many databases the plan is for; it names one of them.
        verbose: SQL of every step, skipped objects and all unmanaged ones too.
    """
    yield from indented(console, _headline(plan, alike), 0)
    yield from indented(
        console, f"{plan.source.path or '(archive)'}, fingerprint {plan.source.fingerprint[:12]}", 0, style="dim"
    )
    told: set[tuple[object, ...]] = set()
    for phase, steps in groupby(_shown(plan, verbose), key=lambda step: step.phase):
        yield Text("")
        yield Text(_PHASES.get(phase, phase.value), style="bold")
        yield from _render_steps(console, list(steps), verbose, told, with_sql=plan.mode is not Mode.FRESH)
    yield from _render_rest(console, plan, verbose)
    yield Text("")
    yield from indented(console, Text(summarise(plan), style="bold"), 0)
    yield from _render_losses(console, plan)
    yield from indented(console, f"plan {plan.checksum if verbose else plan.checksum[:16]}", 0, style="dim")


def _headline(plan: Plan, alike: int) -> Text:
    if plan.target is None:
        return Text("Plan for an empty database (no target was named, no server was asked)", style="bold")
    what = (
        f"database {plan.target.database}"
        if alike == 1
        else f"each of {alike} databases, read in {plan.target.database}"
    )
    text = Text.assemble((f"Plan for {what}", "bold"))
    note = _MODES[plan.mode]
    return text.append(f", {note}") if note else text


def _shown(plan: Plan, verbose: bool) -> Iterator[Step]:
    return (step for step in plan.steps if verbose or step.action is not Action.SKIP)


def _render_steps(
    console: Console, steps: Sequence[Step], verbose: bool, told: set[tuple[object, ...]], *, with_sql: bool
) -> Iterator[Text]:
    looked_up = 0 if verbose else sum(map(_is_look, steps))
    if looked_up > _FEW:
        steps = [step for step in steps if not _is_look(step)]
    rows = [(title(step), place(step.file, step.line)) for step in steps]
    for step, lines in zip(steps, placed(console, rows, 2), strict=True):
        yield from lines
        details = (step.key, step.action, step.reason, step.hazards, step.consents)
        if details not in told:  # what is created again may be two steps, for one reason
            yield from _render_details(console, step, verbose)
        told.add(details)
        if verbose or (with_sql and step.action in _EXPLAINED):
            yield from _render_sql(console, step)
    if looked_up > _FEW:
        line = Text.assemble(SYMBOLS[Action.VALIDATE], f" rows of {looked_up} tables, looked up only")
        yield from indented(console, line.append(" (--verbose lists them)"), 2, hang=2)


def _is_look(step: Step) -> bool:
    """True where declared rows are merely looked up, and there is nothing to say about it."""
    return step.action is Action.VALIDATE and not step.hazards and not step.consents


def title(step: Step) -> Text:
    """Symbol, kind and name; and the class, where it is not safe."""
    symbol, style = SYMBOLS[step.action]
    text = Text.assemble((symbol, style), " ", printable(step_name(step)))
    if step.action in (Action.REPLACE, Action.RECREATE, Action.BASELINE, Action.RUN):
        text.append(f" ({step.action.value})", style="dim")
    if step.action in (Action.SEED, Action.VALIDATE) and (rows := sum(len(seeder.rows) for seeder in step.seeders)):
        text.append(f" ({rows})", style="dim")
    if step.change_class is not ChangeClass.SAFE:
        text.append(f"  {step.change_class.value}", style=_CLASS_STYLES[step.change_class])
    return text


def _render_details(console: Console, step: Step, verbose: bool) -> Iterator[Text]:
    if verbose and step.action is Action.ALTER and not step.changes:
        pass  # the statement is shown, which is the reason
    elif step.reason and (verbose or not _explains_itself(step)):
        yield from render_changes(console, step)
    for hazard in step.hazards:
        line = Text.assemble(("! ", "bold red"), (hazard.code, "bold red"), ": ", printable(hazard.message))
        yield from indented(console, line, 6, hang=2)
    if step.consents:
        allowed = ", ".join(f"--allow {consent}" for consent in step.consents)
        yield from indented(console, f"allowed by {allowed}", 6, style="yellow")
    if not step.transactional:
        yield from indented(console, "outside of the transaction", 6, style="yellow")


def _explains_itself(step: Step) -> bool:
    """True where the symbol says all: new objects, but not those that somebody dropped by hand."""
    return step.action in _SELF_EXPLAINED or (step.action is Action.CREATE and step.reason.endswith(" is new"))


def render_changes(console: Console, step: Step) -> Iterator[Text]:
    """Why the step is there; of one that changes several things, a line for each of them."""
    if (reasons := reasons_of(step)) is None:
        yield from indented(console, printable(step.reason), 6, style="dim")
        return
    for action, reason in reasons:
        line = Text.assemble(SYMBOLS[action], " ", (printable(reason), "dim"))
        yield from indented(console, line, 6, hang=2)


def _render_sql(console: Console, step: Step) -> Iterator[Text]:
    for line in printable(sql_of(step)).replace("\t", "    ").splitlines():
        yield from indented(console, Text.assemble(("│ ", "dim"), (line, "cyan")), 6, hang=4)


def _render_rest(console: Console, plan: Plan, verbose: bool) -> Iterator[Text]:
    """What stands below the steps: what blocks, what is uncertain, warnings, unmanaged and skipped objects."""
    if plan.blocked:
        yield Text("")
        yield from render_blocked(console, plan.blocked)
    if EVERYTHING in plan.uncertain:
        yield Text("")
        yield from indented(console, _UNREADABLE, 0, hang=2)
    elif plan.uncertain and verbose:
        yield Text("")
        told = f"looked at again after the migrations ran: {printable(', '.join(plan.uncertain))}"
        yield from indented(console, told, 0, style="dim", hang=2)
    if plan.warnings:
        yield Text("")
        for warning in plan.warnings:
            yield from render_warning(console, warning)
    if plan.unmanaged:
        yield Text("")
        yield from render_unmanaged(console, plan, verbose=verbose)
    if plan.skipped and verbose:
        yield Text("")
        yield Text("as declared already:", style="dim")
        for kind, keys in groupby(plan.skipped, key=lambda key: key.kind):
            names = [key.label for key in keys]
            what = kind.value if len(names) == 1 else plural(kind.value)
            yield from indented(console, f"{what}: {printable(', '.join(names))}", 2, style="dim", hang=2)


def render_unmanaged(console: Console, plan: Plan, *, verbose: bool) -> Iterator[Text]:
    """What nobody declared: the first few, or all."""
    if plan.unmanaged:
        yield from indented(console, f"unmanaged, left alone: {_list(plan.unmanaged, verbose)}", 0, style="dim", hang=2)


def _list(names: Sequence[str], verbose: bool) -> str:
    shown = names if verbose else names[:_FEW]
    more = len(names) - len(shown)
    return printable(", ".join(shown)) + (f" and {more} more (--verbose lists them)" if more else "")


def render_blocked(console: Console, blocked: Sequence[Blocked]) -> Iterator[Text]:
    """All reasons why nothing may be done, with what to type."""
    yield from indented(console, Text(f"blocked, {count(len(blocked), 'reason')}:", style="bold red"), 0)
    rows = [(Text.assemble(("✗ ", "red"), printable(each.reason)), place(each.file, each.line)) for each in blocked]
    for each, lines in zip(blocked, placed(console, rows, 2), strict=True):
        yield from lines
        if each.allow is not None:
            yield from indented(console, Text.assemble("allow it: ", (shell_consent(each.allow), "bold")), 6)
        if each.hint is not None:
            yield from indented(console, Text.assemble(("hint: ", "bold"), printable(each.hint)), 6)
    allows = all_allows(blocked)
    if len(allows) > 1:
        # One line, however long: it is there to be copied.
        yield Text.assemble(f"  {what_allows(blocked)}: ", (" ".join(allows), "bold"))


def _render_losses(console: Console, plan: Plan) -> Iterator[Text]:
    """The sentence that nobody should read over."""
    lossy = [step for step in plan.steps if step.change_class is not ChangeClass.SAFE]
    if lossy and not plan.blocked:
        used = dict.fromkeys(consent for step in lossy for consent in consents_of(step))
        text = f"{count(len(lossy), 'step')} may lose data, allowed by consent: {', '.join(used)}"
        yield from indented(console, Text(text, style="bold red"), 0)
