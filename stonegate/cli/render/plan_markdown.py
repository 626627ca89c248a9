"""A plan as a comment of a pull request: the numbers, what is dangerous or blocked, and the SQL folded away."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from stonegate.cli.render.lines import printable
from stonegate.cli.render.names import (
    all_allows,
    count,
    count_objects,
    place,
    reasons_of,
    shell_consent,
    spoken,
    sql_of,
    step_name,
    summarise,
    what_allows,
)
from stonegate.model.plan import Action, Plan, Step
from stonegate.model.preflight import Finding

#: GitHub refuses comments above 65,536 characters, GitLab above a million.
LONGEST_COMMENT = 60_000
_MOST_REASONS, _MOST_STEPS = 50, 200


def render_markdown(plan: Plan, findings: Sequence[Finding] = ()) -> str:
    """The comment. Names are code spans, so that nothing in them is read as markup."""
    target = "an empty database" if plan.target is None else f"database {code_span(plan.target.database)}"
    lines = [f"### stonegate: plan for {target}", "", *plan_lines(plan, tuple(map(str, findings)))]
    lines.append(f"<sub>plan {code_span(plan.checksum[:16])}, {folder_of(plan)}</sub>")
    return "\n".join(lines) + "\n"


def plan_lines(plan: Plan, findings: Sequence[str], *, heading: str = "####", room: int = LONGEST_COMMENT) -> list[str]:
    """The comment without its first and last line.

    Args:
        findings: rows that would make it fail.
        heading: what its headings begin with.
        room: how many characters there are for it: SQL gets what all else leaves.
    """
    lines = [f"**{summarise(plan)}**", ""]
    lines += _blocked(plan, heading)
    lines += _findings(findings, heading)
    lines += _numbers(plan)
    lines += _notable(plan, heading)
    lines += [f"> [!WARNING]\n> {escape(warning)}\n" for warning in plan.warnings[:_MOST_REASONS]]
    lines += _all_steps(plan)
    lines += _script(plan, room - sum(len(line) + 1 for line in lines))
    return lines


def folder_of(plan: Plan) -> str:
    """Which folder it is of."""
    return f"folder {code_span(plan.source.fingerprint[:16])}"


def _blocked(plan: Plan, heading: str) -> Iterator[str]:
    if not plan.blocked:
        return
    yield f"{heading} ⛔ Blocked: nothing will be deployed"
    yield ""
    for reason in plan.blocked[:_MOST_REASONS]:
        where = place(reason.file, reason.line)
        yield f"- {escape(reason.reason)}" + (f" ({code_span(where)})" if where else "")
        if reason.allow is not None:
            yield f"  - allow it with {code_span(shell_consent(reason.allow))}"
        if reason.hint is not None:
            yield f"  - hint: {escape(reason.hint)}"
    yield from _more(len(plan.blocked), _MOST_REASONS)
    yield ""
    if len(allows := all_allows(plan.blocked)) > 1:
        yield f"{what_allows(plan.blocked).capitalize()}:"
        yield ""
        yield from _fence(" ".join(allows), "")
        yield ""


def _findings(findings: Sequence[str], heading: str) -> Iterator[str]:
    if not findings:
        return
    yield f"{heading} ⛔ Rows that would make it fail"
    yield ""
    for finding in findings[:_MOST_REASONS]:
        yield f"- {escape(finding)}"
    yield from _more(len(findings), _MOST_REASONS)
    yield ""


def _more(number: int, shown: int) -> Iterator[str]:
    """How many entries of a list have no place in a comment."""
    if number > shown:
        yield f"- … and {number - shown} more"


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


def _notable(plan: Plan, heading: str) -> Iterator[str]:
    """The steps that a reviewer has to look at: everything that can lose data, lock or break."""
    steps = [step for step in plan.steps if step.hazards or step.change_class != "safe" or step.consents]
    if not steps:
        return
    yield f"{heading} ⚠️ Look at these"
    yield ""
    yield "| | object | where | class | why |"
    yield "|---|---|---|---|---|"
    rows: dict[str, None] = {}  # what is created again may be two steps, for one reason
    for step in steps:
        why = [f"**{hazard.code}**: {hazard.message}" for hazard in step.hazards] or [step.reason]
        why += [f"allowed by `{consent}`" for consent in step.consents]
        cells = (
            step.action.value,
            code_span(spoken(step.key)),
            code_span(place(step.file, step.line)),
            step.change_class.value,
            "<br>".join(map(escape, why)),
        )
        rows["| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"] = None
    yield from tuple(rows)[:_MOST_REASONS]
    yield ""
    yield from _more(len(rows), _MOST_REASONS)


def _all_steps(plan: Plan) -> Iterator[str]:
    steps = [step for step in plan.steps if step.action is not Action.SKIP]
    if not steps:
        return
    yield f"<details><summary>All steps ({len(steps)})</summary>"
    yield ""
    lines = [line for step in steps for line in _step_lines(step)]
    yield from lines[:_MOST_STEPS]
    yield from _more(len(lines), _MOST_STEPS)
    yield ""
    yield "</details>"
    yield ""


def _step_lines(step: Step) -> Iterator[str]:
    """What it does, and which parts it changes where these are several."""
    where = place(step.file, step.line)
    yield f"- {step.action.value} {code_span(step_name(step))}" + (f" · {code_span(where)}" if where else "")
    for _, reason in reasons_of(step) or ():
        yield f"  - {escape(reason)}"


def _script(plan: Plan, longest: int) -> Iterator[str]:
    changed = [step for step in plan.steps if _text(step)]
    if not changed:
        return
    parts: list[str] = []
    size = 0
    for step in changed:
        part = f"-- {step.action.value} {_flat(step_name(step))}\n{_text(step)}"
        size += len(part)
        if size > longest:
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
    return "" if step.action is Action.VALIDATE else sql_of(step)


def _fence(text: str, language: str) -> Iterator[str]:
    """A code block whose fence is longer than any run of backticks in it (CommonMark 4.5)."""
    longest = max((len(run) for run in re.findall(r"`{3,}", text)), default=2)
    fence = "`" * (longest + 1)
    yield fence + language
    yield printable(text)
    yield fence


def code_span(text: str) -> str:
    """A code span, whatever is in the text (CommonMark 6.1)."""
    if not text:
        return ""
    text = _flat(text)
    longest = max((len(run) for run in re.findall("`+", text)), default=0)
    ticks = "`" * (longest + 1)
    pad = " " if longest else ""
    return f"{ticks}{pad}{text}{pad}{ticks}"


def _flat(text: str) -> str:
    return printable(" ".join(text.split()))


def escape(text: str) -> str:
    """Running text: names and messages bring no HTML, links, images, mentions of people or line breaks."""
    flat = _flat(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return flat.replace("&lt;br&gt;", "<br>").replace("](", "]&#40;").replace("@", "@\u200b")
