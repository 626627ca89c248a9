UPDATE shops SET id = id + 10;
