CREATE TABLE kiosks OF point_of_sale;
