UPDATE t SET amount = amount;
