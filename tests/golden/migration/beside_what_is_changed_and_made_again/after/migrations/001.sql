UPDATE o SET x = 2;
