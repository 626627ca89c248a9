-- As earlier migrations that renamed both left it.
ALTER TABLE k RENAME CONSTRAINT k_b_id_fkey TO k_a_id_fkey;
INSERT INTO b VALUES (1);
INSERT INTO k VALUES (1);
