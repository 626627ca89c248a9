ALTER TABLE notes RENAME TO remarks;
ALTER TABLE remarks RENAME author TO writer;
