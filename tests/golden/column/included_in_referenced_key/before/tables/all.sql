CREATE TABLE book (
    id int,
    title varchar(9),
    shelf int,
    CONSTRAINT book_pk PRIMARY KEY (id) INCLUDE (title)
);
CREATE UNIQUE INDEX book_shelf ON book (shelf) INCLUDE (title);
CREATE TABLE loan (
    book int CONSTRAINT loan_book REFERENCES book,
    shelf int CONSTRAINT loan_shelf REFERENCES book (shelf)
);
