SELECT json_build_object(
    'server', current_setting('server_version_num')::int,
    'schemas', (SELECT items FROM schema_list),
    'extensions', (SELECT items FROM extension_list),
    'enums', (SELECT items FROM enum_list),
    'composites', (SELECT items FROM composite_list),
    'domains', (SELECT items FROM domain_list),
    'ranges', (SELECT items FROM range_list),
    'sequences', (SELECT items FROM sequence_list),
    'tables', (SELECT items FROM table_list),
    'views', (SELECT items FROM view_list),
    'routines', (SELECT items FROM routine_list),
    'default_privileges', (SELECT items FROM default_privilege_list),
    'others', (SELECT items FROM other_list),
    'dependencies', (SELECT items FROM dependency_list),
    'search_path', (SELECT items FROM search_path_list)
)
