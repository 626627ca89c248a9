CREATE SCHEMA goodschema;
CREATE SCHEMA evenbetterschema;
CREATE TYPE shipping_status AS ENUM ('not shipped', 'shipped', 'delivered');
CREATE TYPE bug_status AS ENUM ('new', 'open', 'closed');
