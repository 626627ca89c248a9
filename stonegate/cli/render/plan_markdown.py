"""A plan as a comment of a pull request: the numbers, what is dangerous or blocked, and the SQL folded away."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from stonegate.cli.render.names import all_allows, count, count_objects, place, shell_consent, spoken, summarise
from stonegate.model.plan import Action, Plan, Step
from stonegate.model.preflight import Finding

#: GitHub refuses comments above 65,536 characters, GitLab above a million.
_LONGEST_SQL = 40_000


def render_markdown(plan: Plan, findings: Sequence[Finding] = ()) -> str:
    """The comment. Names are code spans, so that nothing in them is read as markup."""
    target = "an empty database" if plan.target is None else f"database {_code(plan.target.database)}"
    lines = [f"### stonegate: plan for {target}", "", f"**{summarise(plan)}**", ""]
    lines += _blocked(plan)
    lines += _findings(findings)
    lines += _numbers(plan)
    lines += _notable(plan)
    lines += [f"> [!WARNING]\n> {_escape(warning)}\n" for warning in plan.warnings]
    lines += _all_steps(plan)
    lines += _script(plan)
    lines.append(f"<sub>plan {_code(plan.checksum[:16])}, folder {_code(plan.source.fingerprint[:16])}</sub>")
    return "\n".join(lines) + "\n"


def _blocked(plan: Plan) -> Iterator[str]:
    if not plan.blocked:
        return
    yield "#### ⛔ Blocked: nothing will be deployed"
    yield ""
    for reason in plan.blocked:
        where = place(reason.file, reason.line)
        yield f"- {_escape(reason.reason)}" + (f" ({_code(where)})" if where else "")
        if reason.allow is not None:
            yield f"  - allow it with {_code(shell_consent(reason.allow))}"
        if reason.hint is not None:
            yield f"  - hint: {_escape(reason.hint)}"
    yield ""
    if len(allows := all_allows(plan.blocked)) > 1:
        yield "All of it:"
        yield ""
        yield from _fence(" ".join(allows), "")
        yield ""


def _findings(findings: Sequence[Finding]) -> Iterator[str]:
    if not findings:
        return
    yield "#### ⛔ Rows that would make it fail"
    yield ""
    for finding in findings:
        yield f"- {_escape(str(finding))}"
    yield ""


def _numbers(plan: Plan) -> Iterator[str]:
    counts = count_objects(plan.steps)
    if not counts:
        return
    yield "| action | objects |"
    yield "|---|---|"
    for action, kinds in counts.items():
        what = ", ".join(count(number, kind) for kind, number in kinds.items())
        yield f"| {action.value} | {what} |"
    yield ""


def _notable(plan: Plan) -> Iterator[str]:
    """The steps that a reviewer has to look at: everything that can lose data, lock or break."""
    steps = [step for step in plan.steps if step.hazards or step.change_class != "safe" or step.consents]
    if not steps:
        return
    yield "#### ⚠️ Look at these"
    yield ""
    yield "| | object | where | class | why |"
    yield "|---|---|---|---|---|"
    rows: dict[str, None] = {}  # what is created again may be two steps, for one reason
    for step in steps:
        why = [f"**{hazard.code}**: {hazard.message}" for hazard in step.hazards] or [step.reason]
        why += [f"allowed by `{consent}`" for consent in step.consents]
        cells = (
            step.action.value,
            _code(spoken(step.key)),
            _code(place(step.file, step.line)),
            step.change_class.value,
            "<br>".join(map(_escape, why)),
        )
        rows["| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"] = None
    yield from rows
    yield ""


def _all_steps(plan: Plan) -> Iterator[str]:
    steps = [step for step in plan.steps if step.action is not Action.SKIP]
    if not steps:
        return
    yield f"<details><summary>All steps ({len(steps)})</summary>"
    yield ""
    for step in steps:
        where = place(step.file, step.line)
        yield f"- {step.action.value} {_code(spoken(step.key))}" + (f" · {_code(where)}" if where else "")
    yield ""
    yield "</details>"
    yield ""


def _script(plan: Plan) -> Iterator[str]:
    changed = [step for step in plan.steps if _text(step)]
    if not changed:
        return
    parts: list[str] = []
    size = 0
    for step in changed:
        part = f"-- {step.action.value} {_flat(spoken(step.key))}\n{_text(step)}"
        size += len(part)
        if size > _LONGEST_SQL:
            parts.append("-- … the rest is too long for a comment: stonegate plan --format sql")
            break
        parts.append(part)
    yield f"<details{' open' if len(changed) <= 3 else ''}><summary>SQL ({count(len(changed), 'step')})</summary>"
    yield ""
    yield from _fence("\n\n".join(parts), "sql")
    yield ""
    yield "</details>"
    yield ""


def _text(step: Step) -> str:
    return step.sql or "\n".join(seeder.sql + ";" for seeder in step.seeders if step.action is Action.SEED)


def _fence(text: str, language: str) -> Iterator[str]:
    """A code block whose fence is longer than any run of backticks in it (CommonMark 4.5)."""
    longest = max((len(run) for run in re.findall(r"`{3,}", text)), default=2)
    fence = "`" * (longest + 1)
    yield fence + language
    yield text
    yield fence


def _code(text: str) -> str:
    """A code span, whatever is in the text (CommonMark 6.1)."""
    if not text:
        return ""
    text = _flat(text)
    longest = max((len(run) for run in re.findall("`+", text)), default=0)
    ticks = "`" * (longest + 1)
    pad = " " if longest else ""
    return f"{ticks}{pad}{text}{pad}{ticks}"


def _flat(text: str) -> str:
    return " ".join(text.split())


def _escape(text: str) -> str:
    """Running text: no HTML, no mentions of people and no line breaks come out of names and messages."""
    flat = _flat(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return flat.replace("&lt;br&gt;", "<br>").replace("@", "@\u200b")
