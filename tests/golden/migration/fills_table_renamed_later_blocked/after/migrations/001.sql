UPDATE visits SET doctor_id = 1;
