-- a comment
create   table T (
  ID int primary key, /* x */ name TEXT not null,
 amount int4 default 0
);
