"""What is to be said where another role than a database's own deploys to it, and would keep what it makes."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator

from stonegate.database.server.facts import SessionFacts
from stonegate.model.catalog import Accessible, CatalogObject, OtherObject
from stonegate.model.labels import Label, parse_label
from stonegate.model.names import in_list, quote_ident
from stonegate.model.plan import Action, Plan

_GIVES_AWAY = re.compile(r"ALTER [A-Z ]+ .* OWNER TO ", re.DOTALL)


def ownership_warning(plan: Plan, facts: SessionFacts) -> tuple[str, ...]:
    """The new objects that the database's own role, which deployed before, could not change afterwards.

    An object belongs to the role that makes it, and only its owner, members of that role and superusers may change it
    (manual 5.8).
    """
    made = tuple(_made(plan))
    if facts.deployer is None or not made:
        return ()
    label = parse_label(facts.comment)
    way = f"{_options(label)}, or the URL of that role" if label is not None else "the URL of that role"
    mine, own = quote_ident(facts.role), quote_ident(facts.deployer)
    return (
        f"new objects will belong to {mine}, not to {own}, whose this database is and who deployed to it: "
        f"{in_list(made, 5)}; {own} may not change them later: deploy with {way}, or write ALTER … OWNER TO {own}",
    )


def _made(plan: Plan) -> Iterator[str]:
    """The objects that the plan makes and leaves with the role that deploys."""
    objects = plan.desired.objects if plan.desired is not None else {}
    for step in plan.steps:
        if step.action is not Action.CREATE or not _has_owner(objects.get(step.key)):
            continue
        if not any(_GIVES_AWAY.match(statement.sql) for statement in step.statements):
            yield str(step.key)


def _has_owner(thing: CatalogObject | None) -> bool:
    return isinstance(thing, Accessible) or (isinstance(thing, OtherObject) and thing.owner != "")


def _options(label: Label) -> str:
    """What `plan` and `apply` take in place of the database."""
    schema = [] if label.schema is None else ["--schema", label.schema]
    return shlex.join(["--platform", label.platform, *schema, "--tenant", label.tenant or "main"])
