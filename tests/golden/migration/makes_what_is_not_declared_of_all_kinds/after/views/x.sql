CREATE VIEW declared_view AS SELECT a FROM y;
