ALTER TABLE diary RENAME COLUMN note TO remark;
