"""The texts behind `stonegate explain CODE`: hazards and errors explain themselves, consents are explained here."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator

from msgspec import Struct
from msgspec.structs import replace

from stonegate.errors import StonegateError, UsageError, every_error
from stonegate.model.consent import NAMED_ONLY, ConsentToken
from stonegate.model.mistyped import did_you_mean
from stonegate.planner.classify.hazards import HAZARDS

_ARTICLES = {"hazard": "a", "consent": "a", "error": "an"}


class Explanation(Struct, frozen=True, kw_only=True):
    """What a word that stonegate prints means.

    Attributes:
        code: the word.
        kind: "hazard", "consent" or "error".
        title: one line.
        text: paragraphs separated by an empty line; "" if the title says it all.
        safer_way: what to do instead or next; "" if there is nothing to say.
    """

    code: str
    kind: str
    title: str
    text: str = ""
    safer_way: str = ""


def explain(code: str) -> Explanation:
    """The explanation of a hazard ("rewrites-table"), a consent ("drop_column", "drop_column:users.legacy") or an
    error code ("stale_plan"). A code that is both a consent and an error ("changed_migration") tells both.

    Raises:
        UsageError: no such word; the hint names the nearest.
    """
    word = code.strip().removeprefix("--allow").strip().partition(":")[0].lower()
    spellings = (word, word.replace("_", "-"), word.replace("-", "_"))
    found = [explanation for explanation in explanations() if explanation.code in spellings]
    if not found:
        known = sorted({explanation.code for explanation in explanations()})
        hint = did_you_mean(word, known, "`stonegate explain` lists all hazards, consents and errors")
        raise UsageError(f"nothing is called `{code.strip()}`", hint=hint)
    first, *others = found
    also = (f"As {_ARTICLES[other.kind]} {other.kind}: {other.title} {other.text}" for other in others)
    return replace(first, text="\n\n".join((first.text, *also)).strip())


def explanations() -> Iterator[Explanation]:
    """Everything that can be explained: hazards, consents, errors."""
    for code, hazard in HAZARDS.items():
        title, text, safer_way = _parts(inspect.getdoc(hazard) or "")
        yield Explanation(code=code, kind="hazard", title=title, text=text, safer_way=safer_way)
    for token in ConsentToken:
        yield _consent(token)
    seen: set[str] = set()
    for error in every_error():
        if error.code not in seen:
            seen.add(error.code)
            yield _error(error)


def _parts(document: str) -> tuple[str, str, str]:
    """Title, text and safer way of a docstring; line breaks inside paragraphs go."""
    paragraphs = [" ".join(part.split()) for part in re.split(r"\n\s*\n", document) if part.strip()]
    if not paragraphs:
        return "", "", ""
    title, *rest = paragraphs
    safer = [part.removeprefix("Safer: ") for part in rest if part.startswith("Safer: ")]
    text = "\n\n".join(part for part in rest if not part.startswith("Safer: "))
    return title, text, "\n\n".join(part[:1].upper() + part[1:] for part in safer)


# --- errors ---------------------------------------------------------------------------------------------------------


def _error(error: type[StonegateError]) -> Explanation:
    title, text, _ = _parts((inspect.getdoc(error) or "").partition("\nArgs:")[0])
    told = "" if error.http_code in (None, error.code) else f" as `{error.http_code}`"
    result = f"The command line ends with exit code {error.exit_code}, HTTP answers {error.status}{told}."
    return Explanation(code=error.code, kind="error", title=title, text=f"{text}\n\n{result}".strip())


# --- consents -------------------------------------------------------------------------------------------------------

#: What each token allows, and what to do rather than give it.
_CONSENTS: dict[ConsentToken, tuple[str, str]] = {
    ConsentToken.DROP_TABLE: (
        "Allows a table that is no longer declared, with all its rows, to be dropped.",
        "If it only has another name now, write a migration with `ALTER TABLE … RENAME TO`.",
    ),
    ConsentToken.DROP_COLUMN: (
        "Allows a column that is no longer declared, or that becomes a generated one, to be dropped with its values.",
        "If it only has another name now, write a migration with `ALTER TABLE … RENAME COLUMN`.",
    ),
    ConsentToken.ADD_NOT_NULL_COLUMN: (
        "Allows a NOT NULL column without a default to be added; PostgreSQL refuses it on a table that has rows.",
        "Give the column a default; or add it nullable, fill it in a migration, and declare NOT NULL afterwards.",
    ),
    ConsentToken.SET_NOT_NULL: (
        "Allows a column (or domain) to become NOT NULL; one null in any row stops the deployment.",
        "Count the nulls with `stonegate plan --preflight` and fill them in a migration of the same release.",
    ),
    ConsentToken.MODIFY_COLUMN_TYPE: (
        "Allows a column to get a type that does not hold every value of the old one.",
        "`stonegate types OLD NEW` says what may be lost; add a second column and move the values over instead.",
    ),
    ConsentToken.DROP_CONSTRAINT: (
        "Allows a constraint that is no longer declared to be dropped: nothing guards the rows afterwards.",
        "One that is replaced by another one under its name, or goes with all of its columns, needs no consent.",
    ),
    ConsentToken.DROP_POLICY: (
        "Allows a row-level security policy, or row-level security itself, to go: more rows may become visible.",
        "A policy that is replaced by another one under its name needs no consent.",
    ),
    ConsentToken.DROP_ATTRIBUTE: (
        "Allows an attribute of a composite type to be dropped, and with it what stored values hold in it.",
        "Leave the attribute unused for a release.",
    ),
    ConsentToken.DROP_SEQUENCE: (
        "Allows a sequence that is no longer declared to be dropped, and with it where it stood.",
        "Note its last value first; numbers that were handed out would be handed out again.",
    ),
    ConsentToken.DROP_SCHEMA: (
        "Allows a schema that is no longer declared, and empty, to be dropped.",
        "",
    ),
    ConsentToken.DROP_INDEX: (
        "Drops an index that nobody declared.",
        "Declare the index instead if it is of use.",
    ),
    ConsentToken.DROP_VIEW: (
        "Drops a view that nobody declared.",
        "Declare the view instead if somebody reads it.",
    ),
    ConsentToken.DROP_TRIGGER: (
        "Drops a trigger that nobody declared.",
        "Declare the trigger instead if it is of use.",
    ),
    ConsentToken.DROP_ROUTINE: (
        "Drops a routine that nobody declared.",
        "Declare the routine instead if somebody calls it.",
    ),
    ConsentToken.DROP_TYPE: (
        "Drops a type that nobody declared and nothing uses.",
        "Declare the type instead if it is of use.",
    ),
    ConsentToken.DELETE_ROWS: (
        "Allows a migration to empty a table (TRUNCATE, or DELETE without a WHERE that reads a column).",
        "Put `-- stonegate: allow delete_rows TABLE` into the migration, where it is reviewed with the code.",
    ),
    ConsentToken.CHANGED_MIGRATION: (
        "Records the new checksum or name of an applied migration whose file was edited or renamed; runs nothing.",
        "Undo that, and write a new migration for what an edit was meant to change.",
    ),
    ConsentToken.MISSING_SEED: (
        "Lets declared seed rows be missing from a table; remembered for this database and row.",
        "`--seed-missing` inserts them.",
    ),
    ConsentToken.STALE_BODY: (
        "Lets a routine keep a statement that resolves to something this deployment drops, renames or retypes.",
        "Change the routine in the same release.",
    ),
    ConsentToken.DRIFT: (
        "Lets this deployment overwrite what was changed by hand since the last one (also `--allow-drift`).",
        "Put the change into the folder, or undo it in the database; `stonegate diff` shows it.",
    ),
}


_NAMES = {ConsentToken.DROP_TRIGGER: "TABLE.NAME", ConsentToken.DROP_ROUTINE: "f(integer)"}


def _consent(token: ConsentToken) -> Explanation:
    title, safer_way = _CONSENTS[token]
    typed = f"`--allow {token}` for every object, `--allow {token}:OBJECT` for one"
    if token in NAMED_ONLY:
        typed = f"`--allow {token}:{_NAMES.get(token, 'NAME')}`: the object must be named"
    text = f"Typed as {typed}. Its use is in the changelog."
    return Explanation(code=token.value, kind="consent", title=title, text=text, safer_way=safer_way)
