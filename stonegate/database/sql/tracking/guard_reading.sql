[[guard writes=false; mode=ACCESS SHARE; right=SELECT]]
