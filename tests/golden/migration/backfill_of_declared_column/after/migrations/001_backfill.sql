UPDATE t SET label = upper(name);
