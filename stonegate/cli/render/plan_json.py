"""The JSON form of a plan: for other programs, and, with the plan itself in it, for `apply --plan`."""

from __future__ import annotations

from collections import Counter
from typing import Any

from stonegate.cli.render.names import consents_of, qualified_name, sql_of, summarise
from stonegate.model.plan import PLAN_VERSION, Action, Blocked, Hazard, Plan, Step


def plan_document(plan: Plan) -> dict[str, Any]:
    """The document of behaviour §8. `plan` is what `Plan.load` reads; all else is derived from it."""
    target = plan.target
    return {
        "version": PLAN_VERSION,
        "source": {"fingerprint": plan.source.fingerprint, "path": plan.source.path},
        "target": None if target is None else {"database": target.database, "fingerprint": target.fingerprint},
        "checksum": plan.checksum,
        "summary": plan_summary(plan),
        "steps": [step_document(step) for step in plan.steps if step.action is not Action.SKIP],
        "blocked": [blocked_document(reason) for reason in plan.blocked],
        "warnings": list(plan.warnings),
        "plan": plan,
    }


def plan_summary(plan: Plan) -> dict[str, Any]:
    """Steps by action (each action is there), how many of each kind are skipped, and the sentence for people."""
    counts = Counter(step.action for step in plan.steps)
    numbers: dict[str, Any] = {action.value: counts[action] for action in Action}
    numbers[Action.SKIP.value] += len(plan.skipped)
    return numbers | {
        "blocked": len(plan.blocked),
        "mode": plan.mode.value,
        "skipped": dict(sorted(Counter(key.kind.value for key in plan.skipped).items())),
        "unmanaged": list(plan.unmanaged),
        "text": summarise(plan),
    }


def step_document(step: Step) -> dict[str, Any]:
    """One step. `object` is the qualified name; `sql` of seeds are their INSERTs."""
    return {
        "id": step.id,
        "action": step.action.value,
        "kind": step.kind.value,
        "object": qualified_name(step.key),
        "file": step.file,
        "line": step.line,
        "sql": sql_of(step),
        "class": step.change_class.value,
        "hazards": [hazard_document(hazard) for hazard in step.hazards],
        "consent": ", ".join(consents_of(step)) or None,
        "transactional": step.transactional,
        "reason": step.reason,
    }


def hazard_document(hazard: Hazard) -> dict[str, str]:
    """Code and sentence."""
    return {"code": hazard.code, "message": hazard.message}


def blocked_document(reason: Blocked) -> dict[str, Any]:
    """One reason why the plan may not be applied; `allow` is what to type, or null."""
    return {
        "code": reason.code,
        "object": reason.object,
        "class": reason.change_class.value,
        "reason": reason.reason,
        "allow": reason.allow,
        "hint": reason.hint,
        "file": reason.file,
        "line": reason.line,
    }
