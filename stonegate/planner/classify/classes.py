"""The table of behaviour §5: how dangerous a change is, and which consent it needs."""

from __future__ import annotations

from msgspec import Struct
from msgspec.structs import replace

from stonegate.model.catalog import NOT_VALID
from stonegate.model.consent import ConsentToken
from stonegate.model.names import ObjectKind
from stonegate.model.plan import Action, Change, ChangeClass
from stonegate.planner.classify.type_rules import TypeVerdict

Verdict = tuple[ChangeClass, ConsentToken | None]

_SAFE: Verdict = (ChangeClass.SAFE, None)


class Circumstances(Struct, frozen=True, kw_only=True):
    """What the class of a change depends on beyond its action, kind and aspect.

    Attributes:
        verdict: for a column or attribute that changes its type.
        unfilled: an added column has no value for the rows that exist.
        impossible: PostgreSQL has no statement for it, or refuses it as things are.
        loses_protection: a check, policy or row-level security goes without another in its place.
        loses_values: recreating a column throws stored values away.
        replaced: dropped only because another object takes its place.
        is_idle: what a dropped constraint guards is dropped, too: the consent to that says all.
        checks_rows: of a domain, one check at least is new or becomes valid.
    """

    verdict: TypeVerdict | None = None
    unfilled: bool = False
    impossible: bool = False
    loses_protection: bool = False
    loses_values: bool = False
    replaced: bool = False
    is_idle: bool = False
    checks_rows: bool = False


#: Nothing special.
USUAL = Circumstances()
#: What only a migration can do.
IMPOSSIBLE = Circumstances(impossible=True)

#: What takes the rows, the values or the protection with it when it is dropped.
DROP_TOKENS: dict[ObjectKind, ConsentToken] = {
    ObjectKind.TABLE: ConsentToken.DROP_TABLE,
    ObjectKind.COLUMN: ConsentToken.DROP_COLUMN,
    ObjectKind.CONSTRAINT: ConsentToken.DROP_CONSTRAINT,
    ObjectKind.POLICY: ConsentToken.DROP_POLICY,
    ObjectKind.ATTRIBUTE: ConsentToken.DROP_ATTRIBUTE,
    ObjectKind.SEQUENCE: ConsentToken.DROP_SEQUENCE,
    ObjectKind.SCHEMA: ConsentToken.DROP_SCHEMA,
}


def classify_change(change: Change, circumstances: Circumstances = USUAL) -> Change:
    """The change with its class and consent token, row by row as in behaviour §5."""
    change_class, token = _verdict(change, circumstances)
    return replace(change, change_class=change_class, token=token)


def _verdict(change: Change, facts: Circumstances) -> Verdict:
    if facts.impossible:
        return ChangeClass.INCOMPATIBLE, None
    match change.action:
        case Action.DROP:
            token = None if facts.replaced or facts.is_idle else DROP_TOKENS.get(change.key.kind)
            return _SAFE if token is None else (ChangeClass.DATALOSS, token)
        case Action.CREATE if facts.unfilled:
            return ChangeClass.DATALOSS, ConsentToken.ADD_NOT_NULL_COLUMN
        case Action.RECREATE if facts.loses_values:
            return ChangeClass.DATALOSS, ConsentToken.DROP_COLUMN
        case Action.ALTER:
            return _altered(change, facts)
        case _:
            return _SAFE


def _altered(change: Change, facts: Circumstances) -> Verdict:
    match change.aspect:
        case "type" if facts.verdict is not None and facts.verdict.change_class is not ChangeClass.SAFE:
            return facts.verdict.change_class, ConsentToken.MODIFY_COLUMN_TYPE
        case "not_null" if change.before is None and change.after is not None and NOT_VALID not in change.after:
            return ChangeClass.DATALOSS, ConsentToken.SET_NOT_NULL
        case "row_security" | "force_row_security" if facts.loses_protection:
            return ChangeClass.DATALOSS, ConsentToken.DROP_POLICY
        case "constraints" if facts.loses_protection:
            return ChangeClass.DATALOSS, ConsentToken.DROP_CONSTRAINT
        case _:
            return _SAFE
