"""The files of migrations/ beside the records of those that ran: changed, renamed and lost ones (behaviour, §4)."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping

from stonegate.model.consent import ConsentToken
from stonegate.model.names import in_list
from stonegate.model.plan import Blocked
from stonegate.model.source import Folder, Migration, SourceTree
from stonegate.model.tracking import AppliedMigration, TrackingState
from stonegate.planner.consent import Allowed

_MOST_NAMES = 8  # of lost files in one warning
_EDITED = "restore the file and write a new migration; or record the new checksum with the consent above"
_LINE_ENDS = (
    "only its line ends changed: have git check it out as it was (.gitattributes: *.sql text eol=lf, and likewise); "
    "or record the new checksum with the consent above"
)


def refuse_changed(ordered: Iterable[Migration], state: TrackingState, allowed: Allowed) -> Iterator[Blocked]:
    """Applied files whose checksum changed, which is drift."""
    applied = {migration.name: migration for migration in state.migrations}
    for migration in ordered:
        record = applied.get(migration.name)
        if record is None or not _is_changed(migration, record):
            continue
        if not allowed.permits(ConsentToken.CHANGED_MIGRATION, migration.name):
            recorded, now = _checksums(migration, record)
            yield _refusal(
                migration,
                f"the file changed after it was applied: recorded {recorded[:12]}…, now {now[:12]}…",
                _LINE_ENDS if recorded == migration.respelled_checksum else _EDITED,
            )


def changed_migrations(tree: SourceTree, state: TrackingState) -> tuple[Migration, ...]:
    """Applied files with another checksum now, whose records an allowed `changed_migration` renews."""
    applied = {migration.name: migration for migration in state.migrations}
    return tuple(
        migration
        for migration in tree.migrations
        if (record := applied.get(migration.name)) is not None and _is_changed(migration, record)
    )


def find_renamed(tree: SourceTree, state: TrackingState) -> Mapping[str, str]:
    """New files that are, byte for byte, one which was applied under another name and is gone: that name by theirs."""
    applied = {record.name for record in state.migrations}
    lost = {record.raw_checksum: record.name for record in _lost(tree, state)}
    return {
        migration.name: lost[migration.raw_checksum]
        for migration in tree.migrations
        if migration.name not in applied and migration.raw_checksum in lost
    }


def refuse_renamed(waiting: Iterable[Migration], renamed: Mapping[str, str], allowed: Allowed) -> Iterator[Blocked]:
    """Files that would run a second time because they have another name now.

    One that was only moved to another directory is no question: the original records bare names.
    """
    for migration in waiting:
        former = renamed.get(migration.name)
        if former is None or is_moved(former, migration.name):
            continue
        if not allowed.permits(ConsentToken.CHANGED_MIGRATION, migration.name):
            yield _refusal(
                migration,
                f"the file was applied as {former}, which is gone: under another name it would run again",
                "give it back its name; or record the new one with the consent above; "
                "to run it again after all, change it (a comment does)",
            )


def refuse_begun(tree: SourceTree, state: TrackingState, allowed: Allowed) -> Iterator[Blocked]:
    """Files that are gone, under their name at least, of whose statements after the commit some ran and others did not:
    nothing would finish them, and under another name they would begin anew."""
    present = {migration.name for migration in tree.migrations}
    left = Counter(filter(None, map(_migration_of, state.unfinished)))
    done = Counter(filter(None, map(_migration_of, (*state.finished, *state.interrupted))))
    for name in sorted(left.keys() & done.keys() - present):
        if not allowed.permits(ConsentToken.CHANGED_MIGRATION, name):
            yield Blocked(
                code="changed_migration",
                object=name,
                reason=f"{name} was begun here and is gone, and {left[name]} of its statements after the commit wait",
                allow=f"--allow {ConsentToken.CHANGED_MIGRATION}:{name}",
                hint="restore the file, and this deployment goes on with it: under another name it begins anew; "
                "or leave it at that with the consent above",
            )


def _migration_of(statement: str) -> str | None:
    """The file that a tracked statement is of: `run migration NAME #2 1f…`."""
    found = re.fullmatch(r"run migration (.+) #\d+ \w+", statement)
    return found[1] if found is not None else None


def refuse_unrun(tree: SourceTree, state: TrackingState) -> Iterator[Blocked]:
    """Files that a baseline of many databases would record in one that others were recorded in: since these ran there,
    it is for that one database to say that they did, too."""
    known = {migration.name for migration in state.migrations} | find_renamed(tree, state).keys()
    for migration in tree.migrations:
        if not state.is_empty and migration.name not in known:
            yield Blocked(
                object=migration.name,
                reason="it would never run: --baseline records what is there, and this database has records already",
                hint="without --baseline it runs; where that was done by hand, --baseline for this database alone",
                file=migration.file,
                line=1,
            )


def warn_of_lost_files(tree: SourceTree, state: TrackingState) -> tuple[str, ...]:
    """Migrations that ran in the database, and whose files are gone.

    The records stay as they are: files that every database has behind it may be removed.
    """
    renamed = set(find_renamed(tree, state).values())
    gone = [record.name for record in _lost(tree, state) if not record.baselined and record.name not in renamed]
    if Folder.MIGRATIONS not in tree.folders or not gone:
        return ()
    return (f"applied here, but no longer in migrations/: {in_list(gone, _MOST_NAMES)}",)


def is_moved(former: str, name: str) -> bool:
    """True for a file that was only moved to another directory."""
    return former.rpartition("/")[2] == name.rpartition("/")[2]


def _lost(tree: SourceTree, state: TrackingState) -> Iterator[AppliedMigration]:
    present = {migration.name for migration in tree.migrations}
    return (record for record in state.migrations if record.name not in present)


def _is_changed(migration: Migration, record: AppliedMigration) -> bool:
    recorded, now = _checksums(migration, record)
    return recorded != now


def _checksums(migration: Migration, record: AppliedMigration) -> tuple[str, str]:
    """As recorded and as it is; of what only the original recorded, its own raw one."""
    if record.checksum is None:
        return record.raw_checksum, migration.raw_checksum
    return record.checksum, migration.checksum


def _refusal(migration: Migration, reason: str, hint: str) -> Blocked:
    return Blocked(
        code="changed_migration",
        object=migration.name,
        reason=reason,
        allow=f"--allow {ConsentToken.CHANGED_MIGRATION}:{migration.name}",
        hint=hint,
        file=migration.file,
        line=1,
    )
