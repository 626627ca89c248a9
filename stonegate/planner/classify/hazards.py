"""Why a step is dangerous: one function per hazard. Its name is the hazard's code, its docstring what `stonegate
explain CODE` prints, and its result the sentence about one object.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec

from stonegate.model.plan import Hazard

P = ParamSpec("P")

#: Every hazard by its code, in the order in which the README lists them.
HAZARDS: dict[str, Callable[..., Hazard]] = {}


def hazard(sentence: Callable[P, str]) -> Callable[P, Hazard]:
    """Registers a hazard: the decorated function returns the sentence, callers get a `Hazard` with its code."""
    code = sentence.__name__.replace("_", "-")

    @wraps(sentence)
    def build(*arguments: P.args, **keywords: P.kwargs) -> Hazard:
        return Hazard(code=code, message=sentence(*arguments, **keywords))

    HAZARDS[code] = build
    return build


@hazard
def deletes_data(subject: str, detail: str = "") -> str:
    """Stored data is deleted.

    The step removes a table, a column, a sequence or rows, and what they hold cannot be brought back by deploying the
    previous release again: only a backup has it.

    Safer: deploy a release whose functions no longer use the object, wait until nobody misses it, and drop it in a
    later one. If it only gets another name, write a migration with `ALTER TABLE … RENAME`.
    """
    return f"{subject} and everything in it is deleted" + _more(detail)


@hazard
def narrows_type(subject: str, old: str = "", new: str = "", detail: str = "") -> str:
    """Values may not fit into the new type.

    The new type does not hold every value of the old one. PostgreSQL stops with an error at the first value that does
    not fit, or rounds, cuts or re-spells it silently, depending on the pair of types (`stonegate types OLD NEW`).

    Safer: look first with `stonegate plan --preflight`; correct the values in a migration; or add a column of the new
    type, fill it, switch the functions over, and drop the old column in a later release.
    """
    step = f" on its way from {old} to {new}" if old and new else ""
    return f"{subject} may lose information{step}" + _more(detail)


@hazard
def rewrites_table(subject: str, detail: str = "") -> str:
    """The whole table is written anew.

    PostgreSQL copies every row and rebuilds every index while it holds an ACCESS EXCLUSIVE lock: nobody reads or
    writes the table meanwhile, and the disk needs room for a second copy (manual: ALTER TABLE, "Notes"). On a small
    table nobody notices; on a large one it is an outage.

    Safer: add a nullable column, fill it in batches, and switch over; or deploy in a quiet hour with `--canary`.
    """
    return f"{subject} is written anew while nobody can use it" + _more(detail)


@hazard
def access_exclusive_lock(subject: str, detail: str = "") -> str:
    """Nobody can use the table while the step works.

    The step does something slow (it builds an index, or waits for other sessions) while it holds an ACCESS EXCLUSIVE
    lock, which blocks readers too (manual 13.3.1). Only steps that hold the lock for long are marked, not every ALTER.

    Safer: for a unique or primary key, build the index with `CREATE UNIQUE INDEX CONCURRENTLY` in a migration and
    attach it with `ADD CONSTRAINT … USING INDEX`; for a partition, `DETACH PARTITION … CONCURRENTLY`.
    """
    return f"{subject} is locked against readers and writers for as long as this takes" + _more(detail)


@hazard
def share_lock(subject: str, detail: str = "") -> str:
    """Nobody can write to the table while the index is built.

    CREATE INDEX holds a SHARE lock: reads go on, INSERT, UPDATE and DELETE wait until it is done (manual 13.3.1).

    Safer: put `CREATE INDEX CONCURRENTLY IF NOT EXISTS …` with the same name and definition into a migration. It runs
    after the commit, blocks nobody, and the declared index is then found as it should be.
    """
    return f"writers to {subject} wait until the index is built" + _more(detail)


@hazard
def validates_rows(subject: str, detail: str = "") -> str:
    """Every row is checked, and one that fails stops the deployment.

    A new check, foreign key, unique key or NOT NULL is validated against all rows while the table is locked. A single
    row that violates it rolls everything back; on a large table the check itself takes long.

    Safer: count the offending rows first with `stonegate plan --preflight` and correct them in a migration. For a
    large table add the constraint `NOT VALID` in a migration and `VALIDATE CONSTRAINT` it in a later one: that only
    takes a lock that lets readers and writers through (manual: ALTER TABLE, "Notes").
    """
    return f"all rows of {subject} are checked, and one violation rolls the deployment back" + _more(detail)


@hazard
def recreates_dependents(subject: str, detail: str = "") -> str:
    """What depends on the object is dropped and created again around the change.

    PostgreSQL does not change the type of a column under a view, or a view's columns under another view. The
    dependents are dropped and restored in the same transaction, with owner, privileges, comments and options; nobody
    sees the database without them, but sessions wait for the locks.

    Safer: nothing is lost. Keep long reports from running during the deployment, and look at the list in the plan.
    """
    return f"what depends on {subject} is dropped and created again" + _more(detail)


@hazard
def renames(subject: str, detail: str = "") -> str:
    """An object gets another name.

    Statements that say the old name fail from the commit on: queries of applications, plpgsql bodies (PostgreSQL does
    not look into them), `ON CONFLICT ON CONSTRAINT name`.

    Safer: for a table or column, deploy a view (or a second, generated column) with the old name beside the new one
    until every caller has moved.
    """
    return f"{subject} gets another name" + _more(detail)


@hazard
def breaks_callers(subject: str, detail: str = "", *, who: str = "callers") -> str:
    """Callers of a function or readers of a view will notice.

    A function or view is removed, or what callers rely on changes: a parameter without default is added, a parameter
    is renamed, retyped or removed, a column of the result is removed or retyped, one row becomes many. Calls from
    applications that are not deployed in the same moment fail.

    Safer: add parameters with a default, add columns at the end, or create a second function with another name and
    remove the first one later. `--strict-contract` makes this block a deployment.
    """
    return f"{who} of {subject} notice" + _more(detail)


@hazard
def stale_body(subject: str, detail: str = "") -> str:
    """A function or view still mentions what is dropped, renamed or retyped.

    PostgreSQL stores the body of a plpgsql or sql function as text and does not check it when a table changes: the
    function fails, or means something else, only when it is called.

    Safer: change the bodies that are listed in the same release. If a mention is something else of the same name,
    nothing needs to be done; where a parsed statement resolves to the object, `--allow stale_body:NAME` is asked for.
    """
    return f"{subject} is still mentioned" + _more(detail)


@hazard
def stale_stored_values(subject: str, detail: str = "") -> str:
    """Values that were computed with the old function stay as they are.

    Stored generated columns, index entries and checked rows keep what the function said when the row was written;
    PostgreSQL trusts its IMMUTABLE promise and computes nothing again. Old and new rows then disagree, and an index
    may miss rows.

    Safer: after the deployment `REINDEX` the indexes and rewrite the rows (`UPDATE … SET column = DEFAULT` for a
    generated column) in a migration; or give the changed function a new name and use that.
    """
    return f"values stored with {subject} are not computed again" + _more(detail)


@hazard
def drops_index(subject: str, detail: str = "") -> str:
    """An index goes, and the queries that it served get slower.

    An index that an earlier deployment declared is no longer declared. A unique index also guarded its columns
    against duplicates; nothing does afterwards.

    Safer: look at `pg_stat_user_indexes.idx_scan` first: an index that was never scanned is not missed.
    """
    return f"{subject} no longer serves queries" + _more(detail)


@hazard
def drops_trigger(subject: str, detail: str = "") -> str:
    """A trigger goes, and what it did no longer happens.

    Whatever the trigger checked, filled in or recorded is left undone from the commit on, without any error.

    Safer: `ALTER TABLE … DISABLE TRIGGER` in a migration first; drop it when nothing was missed.
    """
    return f"what {subject} did no longer happens" + _more(detail)


@hazard
def unmodelled(subject: str, detail: str = "") -> str:
    """stonegate sees that the object differs, but cannot change it.

    Objects of this kind (base types, languages, foreign servers, publications, …) are compared as a whole; there is
    no statement that stonegate could generate for the difference.

    Safer: write a migration that changes the object; stonegate verifies afterwards that it is as declared.
    """
    return f"{subject} differs in a way that only a migration can change" + _more(detail)


def _more(detail: str) -> str:
    return f": {detail}" if detail else ""
