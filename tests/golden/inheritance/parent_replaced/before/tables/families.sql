CREATE TABLE parent (
    id bigserial NOT NULL
);

CREATE TABLE child (
    area polygon
)
INHERITS (parent);
