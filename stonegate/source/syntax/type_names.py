"""Spells types as `format_type` does with an empty search_path, so that `INT`, `int4` and `integer` are one type."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from stonegate.model.names import quote_ident
from stonegate.source.syntax.grammar import Node

#: pg_type.typname of PostgreSQL's own types → how format_type prints it (manual 8, table 8.1; format_type.c).
_SPELLING = {
    "int2": "smallint",
    "int4": "integer",
    "int8": "bigint",
    "float4": "real",
    "float8": "double precision",
    "bool": "boolean",
    "bpchar": "character",
    "varchar": "character varying",
    "varbit": "bit varying",
    "timestamp": "timestamp without time zone",
    "timestamptz": "timestamp with time zone",
    "time": "time without time zone",
    "timetz": "time with time zone",
    "char": '"char"',
}
_SERIAL = {
    "serial": "int4",
    "serial2": "int2",
    "serial4": "int4",
    "serial8": "int8",
    "smallserial": "int2",
    "bigserial": "int8",
}
_BUILT_IN_WORDS = """
    aclitem any anyarray anycompatible anycompatiblearray anycompatiblemultirange anycompatiblenonarray
    anycompatiblerange anyelement anyenum anymultirange anynonarray anyrange bit bool box bpchar bytea char cid cidr
    circle cstring date datemultirange daterange event_trigger fdw_handler float4 float8 gtsvector index_am_handler
    inet int2 int2vector int4 int4multirange int4range int8 int8multirange int8range internal interval json jsonb
    jsonpath language_handler line lseg macaddr macaddr8 money name numeric nummultirange numrange oid oid8 oidvector
    path pg_brin_bloom_summary pg_brin_minmax_multi_summary pg_dependencies pg_lsn pg_mcv_list pg_ndistinct
    pg_node_tree pg_snapshot point polygon record refcursor regclass regcollation regconfig regdatabase regdictionary
    regnamespace regoper regoperator regproc regprocedure regrole regtype table_am_handler text tid time timestamp
    timestamptz timetz trigger tsm_handler tsmultirange tsquery tsrange tstzmultirange tstzrange tsvector
    txid_snapshot unknown uuid varbit varchar void xid xid8 xml
"""
_BUILT_IN = frozenset(_BUILT_IN_WORDS.split())
#: Types that well-known extensions bring, to find the schema that the extension was declared with.
_EXTENSION_OF = {
    "citext": "citext",
    "hstore": "hstore",
    "vector": "vector",
    "halfvec": "vector",
    "sparsevec": "vector",
    "ltree": "ltree",
    "lquery": "ltree",
    "ltxtquery": "ltree",
    "cube": "cube",
    "seg": "seg",
    "geometry": "postgis",
    "geography": "postgis",
    "box2d": "postgis",
    "box3d": "postgis",
    "raster": "postgis_raster",
    "query_int": "intarray",
    "ean13": "isn",
    "isbn": "isn",
    "isbn13": "isn",
    "ismn": "isn",
    "issn": "isn",
    "upc": "isn",
}
#: Bits of an interval's field mask (utils/datetime.h): year to month, day to second, …
_INTERVAL_FIELDS = {
    4: "year",
    2: "month",
    8: "day",
    1024: "hour",
    2048: "minute",
    4096: "second",
    6: "year to month",
    1032: "day to hour",
    3080: "day to minute",
    7176: "day to second",
    3072: "hour to minute",
    7168: "hour to second",
    6144: "minute to second",
}


def strings(nodes: Iterable[Node]) -> list[str]:
    """The values of a list of String nodes."""
    return [node["String"].get("sval", "") for node in nodes if "String" in node]


def qualified(nodes: Iterable[Node]) -> tuple[str | None, str]:
    """Schema (None if not written) and name from a list of String nodes; a database name before them is dropped."""
    parts = strings(nodes)
    return (parts[-2] if len(parts) > 1 else None, parts[-1])


def is_built_in(schema: str | None, name: str) -> bool:
    """Whether a type name means one of PostgreSQL's own types (pg_catalog precedes the search path)."""
    if schema is not None:
        return schema in ("pg_catalog", "information_schema")
    return name.removeprefix("_") in _BUILT_IN or name in _SERIAL or name.startswith("pg_")


def is_well_known(schema: str | None, name: str) -> bool:
    """Whether a type name is one of PostgreSQL's own, or one that a well-known extension brings."""
    return is_built_in(schema, name) or (schema is None and name in _EXTENSION_OF)


def well_known_names() -> tuple[str, ...]:
    """The names of these types, without a schema, as pg_type has them."""
    return tuple(sorted(_BUILT_IN | _SERIAL.keys() | _EXTENSION_OF.keys()))


def serial_base(type_name: Node) -> str | None:
    """For `serial` and its kin the type of the column that they stand for, else None."""
    names = strings(type_name["names"])
    return _SERIAL.get(names[0]) if len(names) == 1 else None


class TypeNames:
    """Knows which schema an unqualified type name means in one folder.

    Args:
        declared: name → schemas that declare such a type (or relation, which has a row type).
        extensions: name of a declared extension → its schema, where one was chosen.
        columns: (schema, table, column) → TypeName node, for `table.column%TYPE`.
    """

    def __init__(
        self,
        declared: Mapping[str, frozenset[str]],
        extensions: Mapping[str, str],
        columns: Mapping[tuple[str, str, str], Node] | None = None,
    ) -> None:
        self._declared = declared
        self._extensions = extensions
        self._columns = columns or {}

    def schema_of(self, name: str) -> str:
        """The schema of a type that was written without one: `public`, or that of an extension, which joins the
        search_path (behaviour, §4)."""
        declared = self._declared.get(name, frozenset())
        found = declared.intersection(("public", *self._extensions.values()))
        if found:
            return "public" if "public" in found else min(found)
        return self._extensions.get(_EXTENSION_OF.get(name, ""), "public")

    def identity(self, type_name: Node) -> str:
        """The type without modifiers, as in a routine's identity: `character varying`, `public.status[]`."""
        return self._spell(type_name, modifiers=False)

    def column(self, type_name: Node) -> str:
        """The type of a column with its modifiers: `numeric(10,2)`; `integer` for `serial`."""
        return self._spell(type_name, modifiers=True)

    def _spell(self, type_name: Node, *, modifiers: bool) -> str:
        if "pct_type" in type_name:
            return self._of_column(type_name)
        schema, name = qualified(type_name["names"])
        array = bool(type_name.get("arrayBounds"))
        if name.startswith("_") and name[1:] in _BUILT_IN:  # pg_type's own name for an array
            name, array = name[1:], True
        if is_built_in(schema, name):
            name = _SERIAL.get(name, name)
            text = _built_in(name, _modifiers(type_name) if modifiers else [], modifiers=modifiers)
        else:
            text = f"{quote_ident(schema or self.schema_of(name))}.{quote_ident(name)}"
            if modifiers and (values := _modifiers(type_name)):
                text += f"({','.join(values)})"
        return text + "[]" if array else text

    def _of_column(self, type_name: Node) -> str:
        parts = strings(type_name["names"])
        schema = parts[-3] if len(parts) > 2 else "public"
        found = self._columns.get((schema, parts[-2], parts[-1])) if len(parts) > 1 else None
        if found is None:
            return ".".join(quote_ident(part) for part in parts) + "%TYPE"
        return self._spell(found, modifiers=False)


def _modifiers(type_name: Node) -> list[str]:
    values = []
    for node in type_name.get("typmods", ()):
        constant = node.get("A_Const", {})
        if "ival" in constant:
            values.append(str(constant["ival"].get("ival", 0)))
        elif "sval" in constant:
            values.append(constant["sval"].get("sval", ""))
        elif "ColumnRef" in node:
            values.append(".".join(strings(node["ColumnRef"]["fields"])))
    return values


def _built_in(name: str, values: list[str], *, modifiers: bool) -> str:
    spelled = _SPELLING.get(name, quote_ident(name) if name == "any" else name)
    if not values:
        return "bpchar" if modifiers and name == "bpchar" else spelled
    match name:
        case "interval":
            fields = _INTERVAL_FIELDS.get(int(values[0]))
            precision = f"({values[1]})" if len(values) > 1 else ""
            return f"interval {fields}{precision}" if fields else f"interval{precision}"
        case "numeric":
            return f"numeric({values[0]},{values[1] if len(values) > 1 else 0})"
        case "timestamp" | "timestamptz" | "time" | "timetz":
            word, _, zone = spelled.partition(" ")
            return f"{word}({values[0]}) {zone}"
        case _:
            return f"{spelled}({','.join(values)})"
