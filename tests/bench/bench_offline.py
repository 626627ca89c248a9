"""A plan without a server: reading, parsing, checksums, order and rendering of a 2,404-file folder."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pglast

from stonegate.cli.render.plan_json import plan_document
from stonegate.model.json_form import to_json
from stonegate.planner.build import build_plan
from stonegate.planner.order.tree import order_tree
from stonegate.source.parse import load_source
from tests.bench.rows import Row, medians_ms
from tests.platforms import write_platform

_SQL = (".sql", ".pssql", ".pgsql")


def rows() -> Iterator[Row]:
    """The whole offline plan beside `pglast.parse_sql` over the same texts."""
    with tempfile.TemporaryDirectory() as directory:
        for tables, functions in ((30, 76), (400, 2000)):
            folder = write_platform(Path(directory) / str(tables), tables=tables, functions=functions)
            texts = [path.read_text() for path in sorted(folder.rglob("*")) if path.suffix in _SQL]
            bare, taken = medians_ms(
                lambda texts=texts: [pglast.parse_sql(text) for text in texts],
                lambda folder=folder: _plan(folder),
                times=5,
            )
            yield Row(
                subject=f"offline plan, {len(texts):,} files, rendered as JSON",
                value=taken,
                baseline="pglast.parse_sql over the same texts",
                baseline_value=bare,
                goal=2.5,
            )


def _plan(folder: Path) -> bytes:
    tree = load_source(folder)
    plan = build_plan(tree=tree, ordered=order_tree(tree))
    document = plan_document(plan)
    return to_json(document) if document else json.dumps({}).encode()
