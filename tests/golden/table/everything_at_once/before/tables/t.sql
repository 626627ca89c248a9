CREATE TABLE columnless_table ();
CREATE TABLE change_to_logged (); 
CREATE TABLE products (
    product_no integer,
    name varchar(10) NOT NULL UNIQUE,
    price numeric,
    x integer NOT NULL DEFAULT 7 CHECK (x > 0),
    oldcolumn text,
    constraint x check (price > 0),
    z integer REFERENCES orders ON DELETE CASCADE,
    zz integer REFERENCES aunwanted ON DELETE CASCADE
);
CREATE INDEX ON products(price);
CREATE TABLE orders (
    order_id integer PRIMARY KEY,
    shipping_address text,
    status text
);
CREATE TABLE aunwanted (order_id integer PRIMARY KEY, shipping_address text);
CREATE TABLE order_items (
    product_no integer,
    order_id integer REFERENCES orders ON DELETE CASCADE,
    quantity integer
);
CREATE UNLOGGED TABLE unlogged1 (id integer);
