-- As an earlier migration that renamed the column left it.
ALTER TABLE k RENAME CONSTRAINT k_b_id_fkey TO k_a_id_fkey;
INSERT INTO a VALUES (1);
INSERT INTO k VALUES (1);
