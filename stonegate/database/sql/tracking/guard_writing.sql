[[guard writes=true; mode=ROW EXCLUSIVE; right=INSERT]]
