ALTER TABLE visits RENAME TO appointments; ALTER TABLE appointments RENAME CONSTRAINT visits_pkey TO appointments_pkey;
