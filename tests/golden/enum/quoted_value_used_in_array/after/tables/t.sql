CREATE TABLE t (v e, w e[] DEFAULT '{"b''c"}');
