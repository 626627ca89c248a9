UPDATE people SET initial = left(name, 1);
