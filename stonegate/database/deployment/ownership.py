"""What is to be said where another role than a database's own deploys to it, and would keep what it makes."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator

from stonegate.database.server.facts import SessionFacts
from stonegate.model.catalog import Accessible, Catalog, CatalogObject, OtherObject
from stonegate.model.labels import Label, parse_label
from stonegate.model.names import in_list, quote_ident
from stonegate.model.plan import Action, Plan
from stonegate.model.tokens import canonical_form

#: Beginnings of labels.
_KINDS = frozenset({"table", "view", "materialized", "type", "routine", "schema"})
# In canonical form.
_GIVES_AWAY_HERE = re.compile(r"alter .* owner to ")
_CHANGES_ROLE = re.compile(r"set (?:local |session )?(?:role|session authorization)\b|reassign owned\b")
_GIVES_AWAY = re.compile(r"ALTER [A-Z ]+ .* OWNER TO ", re.DOTALL)


def ownership_warning(plan: Plan, facts: SessionFacts, live: Catalog) -> tuple[str, ...]:
    """The new objects that the database's own role, which deployed before, could not change afterwards.

    An object belongs to the role that makes it, and only its owner, members of that role and superusers may change it
    (manual 5.8).
    """
    made = () if facts.deployer is None else tuple(dict.fromkeys((*_made(plan), *_made_by_migrations(plan, live))))
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


def _made_by_migrations(plan: Plan, live: Catalog) -> Iterator[str]:
    """The same for what its migrations make, declared or not; nothing where one of them works as another role."""
    run = [canonical_form(each.sql) for step in plan.steps if step.action is Action.RUN for each in step.statements]
    if any(map(_CHANGES_ROLE.match, run)):
        return
    there = {str(key) for key in (*live.objects, *(after for _, after in plan.moved))}
    objects = plan.desired.objects if run and plan.desired is not None else {}
    declared = (
        str(key)
        for key, thing in objects.items()
        if isinstance(thing, Accessible) and thing.access.owner == plan.builder
    )
    given = " ".join(filter(_GIVES_AWAY_HERE.match, run))
    for label in (*declared, *(plan.unmanaged if run else ())):
        kind, _, name = label.partition(" ")
        if kind in _KINDS and label not in there and not _mentions(given, name):
            yield label


def _mentions(text: str, label: str) -> bool:
    name = label.partition("(")[0].rpartition(".")[2]
    return re.search(rf"(?<![\w$]){re.escape(name)}(?![\w$])", text) is not None


def _has_owner(thing: CatalogObject | None) -> bool:
    return isinstance(thing, Accessible) or (isinstance(thing, OtherObject) and thing.owner != "")


def _options(label: Label) -> str:
    """What `plan` and `apply` take in place of the database."""
    schema = [] if label.schema is None else ["--schema", label.schema]
    return shlex.join(["--platform", label.platform, *schema, "--tenant", label.tenant or "main"])
