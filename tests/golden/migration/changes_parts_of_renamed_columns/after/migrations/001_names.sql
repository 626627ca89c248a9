ALTER TABLE bookings RENAME day TO "Date";
ALTER TABLE bookings RENAME price TO amount;
ALTER TABLE bookings RENAME room TO chamber;
