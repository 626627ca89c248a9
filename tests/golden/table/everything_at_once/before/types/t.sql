CREATE SCHEMA goodschema;
CREATE TYPE shipping_status AS ENUM ('not shipped', 'shipped');
CREATE TYPE unwanted_enum AS ENUM ('unwanted', 'not wanted');
