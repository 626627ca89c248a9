"""Types that other databases have, and what PostgreSQL has for them: for hints, never for a decision."""

from __future__ import annotations

FOREIGN_TYPES = {
    "datetime": "timestamp",
    "datetime2": "timestamp",
    "smalldatetime": "timestamp",
    "tinyint": "smallint",
    "mediumint": "integer",
    "number": "numeric",
    "double": "double precision",
    "varchar2": "varchar",
    "nvarchar": "varchar",
    "nvarchar2": "varchar",
    "string": "text",
    "tinytext": "text",
    "mediumtext": "text",
    "longtext": "text",
    "clob": "text",
    "blob": "bytea",
    "longblob": "bytea",
    "varbinary": "bytea",
    "uniqueidentifier": "uuid",
}
