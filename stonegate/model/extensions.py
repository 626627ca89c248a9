"""Which extensions need which: a folder says nothing about it, and its order of files must not matter."""

from __future__ import annotations

#: The `requires` of the control files of widespread extensions (manual 36.17.1) that other files may stand before.
REQUIRES: dict[str, tuple[str, ...]] = {
    "ai": ("vector", "plpython3u"),
    "bool_plperl": ("plperl",),
    "bool_plperlu": ("plperlu",),
    "earthdistance": ("cube",),
    "h3_postgis": ("h3", "postgis", "postgis_raster"),
    "hstore_plperl": ("hstore", "plperl"),
    "hstore_plperlu": ("hstore", "plperlu"),
    "hstore_plpython3u": ("hstore", "plpython3u"),
    "jsonb_plperl": ("plperl",),
    "jsonb_plperlu": ("plperlu",),
    "jsonb_plpython3u": ("plpython3u",),
    "ltree_plpython3u": ("ltree", "plpython3u"),
    "mobilitydb": ("postgis",),
    "pg_stat_kcache": ("pg_stat_statements",),
    "pgrouting": ("postgis",),
    "pointcloud_postgis": ("pointcloud", "postgis"),
    "postgis_raster": ("postgis",),
    "postgis_sfcgal": ("postgis",),
    "postgis_tiger_geocoder": ("postgis", "fuzzystrmatch"),
    "postgis_topology": ("postgis",),
    "powa": ("pg_stat_statements", "btree_gist"),
    "vectorscale": ("vector",),
}
