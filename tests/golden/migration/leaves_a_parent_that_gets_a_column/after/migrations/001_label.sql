ALTER TABLE base RENAME n TO label;
