CREATE TABLE columnless_table2 ();
CREATE UNLOGGED TABLE change_to_logged ();
CREATE TABLE products (
    product_no serial PRIMARY KEY,
    name text NOT NULL,
    price numeric not null default 100,
    x integer CHECK (x > 1),
    newcolumn text default 'x',
    newcolumn2 interval,
    constraint x check (price > 10),
    y integer NOT NULL REFERENCES orders ON DELETE CASCADE DEFAULT 1
);
CREATE INDEX ON products(name);
CREATE TABLE orders (
    order_id integer PRIMARY KEY,
    shipping_address text,
    status shipping_status
);
CREATE TABLE order_items (
    product_no integer REFERENCES products ON DELETE RESTRICT,
    order_id integer REFERENCES orders ON DELETE CASCADE,
    quantity integer,
    primary key (product_no, order_id)
);
CREATE TABLE unlogged1 (id integer);
CREATE TABLE goodschema.t (id uuid DEFAULT gen_random_uuid(), 
   value text);
CREATE TABLE "select" ("from" text, "order" "bug_status" DEFAULT 'new');
