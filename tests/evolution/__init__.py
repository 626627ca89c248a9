"""Schema evolution from the outside: releases, adoption, drift, stale plans, migrations, stale bodies, preflight."""
