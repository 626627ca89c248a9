"""Realistic `postgresql/` folders of any size, in five releases, for tests and benchmarks.

    python -m tests.platforms OUT [--tables 30] [--functions 76] [--seed-rows 20] [--release 1]

The same arguments always give the same bytes. Releases evolve as a real platform does:

1. the first release;
2. every fifteenth body changed, one nullable column, one new table, one widened column, one migration;
3. only comments, case and layout changed: nothing must be deployed;
4. a parameter added, a parameter renamed, a return type changed, a function renamed, another removed;
5. a column dropped: must be blocked without consent.

File names are chosen so that the tables do not sort in the order that they must be created in.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

RELEASES = (1, 2, 3, 4, 5)
NOUNS = (
    *("clinic", "patient", "doctor", "visit", "invoice", "payment", "ward", "bed", "drug", "batch", "supplier"),
    *("purchase", "item", "price", "shift", "roster", "room", "device", "claim", "policy", "lab", "sample", "result"),
    *("referral", "letter", "task", "note", "tag", "file", "event"),
)
KINDS = ("get", "list", "count", "insert", "rename", "stats")


@dataclass(frozen=True, slots=True, kw_only=True)
class Platform:
    """What to write."""

    tables: int = 30
    functions: int = 76
    seed_rows: int = 20
    release: int = 1


@dataclass(slots=True, kw_only=True)
class Function:
    """One function on its way through the releases."""

    name: str
    parameters: str
    returns: str
    body: str


def write_platform(out: Path, tables: int = 30, functions: int = 76, seed_rows: int = 20, release: int = 1) -> Path:
    """Write `out/postgresql` and return that path.

    Args:
        out: made if need be; files of an earlier release that this one lacks are left alone.
        tables, functions: how many; release 2 adds a table, release 4 removes a function.
        seed_rows: rows of the one seeder.
        release: 1 to 5.
    """
    if release not in RELEASES:
        raise ValueError(f"release is one of {RELEASES}, not {release}")
    root = out / "postgresql"
    platform = Platform(tables=tables, functions=functions, seed_rows=seed_rows, release=release)
    for name, text in render_platform(platform):
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return root


def render_platform(platform: Platform) -> Iterator[tuple[str, str]]:
    """The files of a platform: path below `postgresql/`, and text."""
    first = noun(0)
    yield "extensions/pg_trgm.sql", "-- Trigram text search\n"
    yield "types/record_status.pssql", "CREATE TYPE record_status AS ENUM ('draft', 'active', 'archived');\n"
    yield "types/email.pssql", "CREATE DOMAIN email AS TEXT CHECK (VALUE ~ '^[^@]+@[^@]+$');\n"
    for index in range(platform.tables + (platform.release >= 2)):
        yield f"tables/{scramble(noun(index))}.pssql", render_table(index, platform.release)
    for index in range(platform.functions):
        function = build_function(index, platform)
        if function is not None:
            yield f"functions/{function.name}.pssql", render_function(function, platform.release)
    rows = ",\n".join(f"({row}, 'C{row:04}', 'Seeded {row}''s, (row)')" for row in range(1, platform.seed_rows + 1))
    yield f"seeders/{first}.pssql", f"INSERT INTO {first} (id, code, title) VALUES\n{rows};\n"
    if platform.release >= 2:
        backfill = f"UPDATE {first} SET details = '{{\"v\": 2}}' WHERE details = '{{}}';\n"
        yield "migrations/002_backfill.pssql", backfill


def noun(index: int) -> str:
    """The name of the table of that number."""
    turn, place = divmod(index, len(NOUNS))
    return f"{NOUNS[place]}_{turn}" if turn else NOUNS[place]


def scramble(name: str) -> str:
    """A stable prefix that destroys the alphabetical order."""
    return f"{sha256(name.encode()).hexdigest()[:3]}_{name}"


def render_table(index: int, release: int) -> str:
    """CREATE TABLE with its index; every table but the first references one before it."""
    name, parent = noun(index), noun((index - 1) // 3)
    amount = "BIGINT" if release >= 2 and index == 2 else "INT"
    lines = ["    id SERIAL PRIMARY KEY"]
    if index:
        lines += [f"    {parent}_id INT NOT NULL REFERENCES {parent}(id) ON DELETE CASCADE"]
    lines += [
        "    code VARCHAR(40) NOT NULL UNIQUE",
        "    title TEXT NOT NULL DEFAULT 'untitled'",
        "    status record_status NOT NULL DEFAULT 'draft'",
        f"    amount {amount} NOT NULL DEFAULT 0 CHECK (amount >= 0)",
        "    price NUMERIC(12,2)",
    ]
    if index == 1 and release >= 2:
        lines += ["    remarks TEXT"]
    if index == 3 and release < 5:
        lines += ["    legacy_code VARCHAR(20)"]
    lines += ["    details JSONB NOT NULL DEFAULT '{}'", "    created_at TIMESTAMPTZ NOT NULL DEFAULT NOW()"]
    columns = ",\n".join(lines)
    return f"CREATE TABLE {name} (\n{columns}\n);\nCREATE INDEX {name}_created_idx ON {name} (created_at DESC);\n"


def build_function(index: int, platform: Platform) -> Function | None:
    """The function of that number in that release; None once it was removed."""
    table = noun(index % platform.tables)
    kind = KINDS[index // platform.tables % len(KINDS)]
    turn = f"_{index}" if index >= platform.tables * len(KINDS) else ""
    function = _first_form(f"{kind}_{table}{turn}", kind, table, platform.release)
    if platform.release >= 2 and index % 15 == 0:
        function.body = f"-- reworked\n    PERFORM 1;\n    {function.body}"
    if platform.release < 4:
        return function
    match index:
        case 1:
            function.parameters += ", p_with_details BOOLEAN DEFAULT FALSE"
        case 2:
            function.parameters = function.parameters.replace("p_id", "p_key")
            function.body = function.body.replace("p_id", "p_key")
        case 3:
            function.returns = function.returns.replace("title TEXT", "title VARCHAR(200)")
            function.body = function.body.replace("t.title,", "t.title::VARCHAR(200),")
        case 4:
            function.name = function.name.replace("get_", "fetch_")
        case 5:
            return None
    return function


def _first_form(name: str, kind: str, table: str, release: int) -> Function:
    amount = "BIGINT" if release >= 2 and table == noun(2) else "INT"
    row = f"TABLE (id INT, title TEXT, amount {amount}, price NUMERIC, created_at TIMESTAMPTZ)"
    select = f"RETURN QUERY SELECT t.id, t.title, t.amount, t.price, t.created_at FROM {table} t"
    match kind:
        case "get":
            return Function(name=name, parameters="p_id INT", returns=row, body=f"{select} WHERE t.id = p_id;")
        case "list":
            page = "p_limit INT DEFAULT 50, p_offset INT DEFAULT 0"
            body = f"{select} ORDER BY t.id LIMIT p_limit OFFSET p_offset;"
            return Function(name=name, parameters=page, returns=row, body=body)
        case "count":
            body = f"RETURN (SELECT count(*) FROM {table} t WHERE t.status = p_status);"
            return Function(name=name, parameters="p_status record_status", returns="BIGINT", body=body)
        case _:
            body = f"UPDATE {table} SET title = p_title WHERE id = p_id; RETURN p_id;"
            return Function(name=name, parameters="p_id INT, p_title TEXT", returns="INT", body=body)


def render_function(function: Function, release: int) -> str:
    """CREATE FUNCTION; from release 3 on the same tokens in another case and layout, below a comment."""
    create, begin, end, gap, note = "CREATE OR REPLACE FUNCTION", "BEGIN", "END", "    ", ""
    if release >= 3:
        create, begin, end, gap = create.lower(), begin.lower(), end.lower(), "        "
        note = f"/* release {release}: layout only */\n"
    return (
        f"{note}{create} {function.name}({function.parameters})\nRETURNS {function.returns} AS $$\n"
        f"{begin}\n{gap}{function.body}\n{end};\n$$ LANGUAGE plpgsql;\n"
    )


def main() -> None:
    """Write a platform from the command line."""
    parser = argparse.ArgumentParser(description="Write a realistic postgresql/ folder of any size.")
    parser.add_argument("out", type=Path)
    parser.add_argument("--tables", type=int, default=30)
    parser.add_argument("--functions", type=int, default=76)
    parser.add_argument("--seed-rows", type=int, default=20)
    parser.add_argument("--release", type=int, default=1, choices=RELEASES)
    asked = parser.parse_args()
    root = write_platform(asked.out, asked.tables, asked.functions, asked.seed_rows, asked.release)
    files = sum(path.is_file() for path in root.rglob("*"))
    print(f"{root}: {files} files, release {asked.release}")


if __name__ == "__main__":
    main()
