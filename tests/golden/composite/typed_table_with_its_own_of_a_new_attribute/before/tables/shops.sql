CREATE TABLE shops OF point_of_sale;
