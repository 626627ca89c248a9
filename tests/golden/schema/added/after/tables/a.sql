CREATE SCHEMA app;
CREATE TABLE app.t (id int PRIMARY KEY, t_id int REFERENCES public.t(id));
