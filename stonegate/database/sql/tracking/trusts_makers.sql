-- Of the database `d`, whose owner may rename its schemas and drop what is in them, and of the tracking tables.
[[trusts role=d.datdba]] AND [[trusts_tables]]
