CREATE TABLE parent (
    note text
);

CREATE TABLE other_parent (
    id bigserial NOT NULL
);

CREATE TABLE child (
    area polygon
)
INHERITS (other_parent);
