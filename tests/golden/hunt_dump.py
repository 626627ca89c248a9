import sys; sys.path.insert(0,'/work/brief')
import psycopg, pytest
from dump import statements
from tests.golden.test_golden import *
import os
MAJOR=int(os.environ.get('MAJOR','18'))
@pytest.mark.parametrize("folder", CASES, ids=pytest_ids)
def test_dump(folder, any_server, make_database):
    if any_server.major != MAJOR: pytest.skip()
    case = read_case(folder)
    if any_server.major not in case.versions or case.expect!='applied' or case.unmanaged: pytest.skip()
    database = make_database(any_server)
    deploy(database.url, folder/'before')
    rows = folder/'rows.sql'
    if rows.exists():
        with psycopg.connect(database.url) as conn: conn.execute(rows.read_bytes())
    r=deploy(database.url, folder/'after', options(case.allow, force=case.force))
    assert r.status in (Status.APPLIED, Status.UNCHANGED)
    fresh=make_database(any_server)
    assert deploy(fresh.url, folder/'after').status is Status.APPLIED
    a,b=statements(any_server,database.name),statements(any_server,fresh.name)
    a=[s.replace(database.name,'DB') for s in a]; b=[s.replace(fresh.name,'DB') for s in b]
    x=[s for s in a if s not in b]; y=[s for s in b if s not in a]
    assert not x and not y, '\n'.join(['LIVE  '+s for s in x]+['FRESH '+s for s in y])
