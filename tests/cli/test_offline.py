"""Commands that need no server: plan of an empty database, check, graph, types, explain, pack, init."""

from __future__ import annotations

import io
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from msgspec.structs import replace

import stonegate
from stonegate.cli.output import make_console
from stonegate.cli.render.plan_text import render_plan
from stonegate.model.names import ObjectKey, ObjectKind
from stonegate.model.plan import Action, Hazard, Mode, Phase, Plan, PlanSource, Statement, Step
from tests.cli.conftest import EXAMPLES, NOTES, Run, WriteFolder

KEYS = {"version", "source", "target", "checksum", "summary", "steps", "blocked", "warnings", "plan"}
STEP_KEYS = {
    *("id", "action", "kind", "object", "file", "line", "sql"),
    *("class", "hazards", "consent", "transactional", "reason"),
}


def test_the_version(run: Run) -> None:
    assert run("--version").out == run("-V").out == f"stonegate {stonegate.__version__}\n"


def test_help_of_every_command_fits_and_names_its_options(run: Run) -> None:
    everything = run("--help")
    assert everything.code == 0
    for command in ("plan", "apply", "check", "diff", "status", "history", "graph", "types", "explain", "pack", "call"):
        assert command in everything.out
        assert run(command, "--help").code == 0
    for group in ("reference", "embedded"):
        assert run(group, "--help").code == 0


@pytest.mark.parametrize("columns", [60, 71, 72, 80, 140])
def test_help_names_its_options_in_full_on_any_screen(run: Run, columns: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    text = run("apply", "--help").out
    assert max(map(len, text.splitlines())) <= columns
    options = (
        "--plan",
        "--dry-run",
        "--allow",
        "--allow-drift",
        "--force",
        "--yes",
        "--baseline",
        "--statement-timeout",
    )
    more = ("--skip-verification", "--seed-missing", "--concurrency", "--canary", "--on-error", "--strict-contract")
    assert all(f"{option} " in text for option in (*options, *more))
    assert "drop_column:users.legacy" in text


def test_plan_text_lists_steps_in_order_with_places(run: Run, notes: Path) -> None:
    result = run("plan")
    assert (result.code, result.err) == (0, "")
    assert "Plan for an empty database" in result.out
    assert re.search(r"\+ table notes +tables/notes\.pssql:1", result.out)
    assert (
        result.out.index("table notes") < result.out.index("add_note(text, text)") < result.out.index("rows of notes")
    )
    assert "1 table, 1 routine to create; 1 table to fill" in result.out
    assert "\x1b" not in result.out and all(line == line.rstrip() for line in result.out.splitlines())


def test_what_is_said_about_a_new_object_is_shown_as_it_stands_and_not_counted(run: Run, notes: Path) -> None:
    said = (
        "COMMENT ON TABLE notes IS 'all of them';\nCOMMENT ON COLUMN notes.title IS 'its name';\n"
        "GRANT SELECT ON notes TO PUBLIC;\nALTER TABLE notes\n    ADD CHECK (title <> '');\n"
        "COMMENT ON SCHEMA public IS 'where all is';\n"
    )
    (notes / "tables/said.sql").write_text(said)
    result = run("plan")
    assert (
        "  ~ column notes.title  tables/said.sql:2\n      COMMENT ON COLUMN notes.title IS 'its name'\n" in result.out
    )
    assert "      ALTER TABLE notes ADD CHECK (title <> '')\n" in result.out
    assert "1 table, 1 routine to create; 1 schema to alter; 1 table to fill" in result.out
    assert run("plan", "-v").out.count("IS 'its name'") == 1
    (notes / "tables/said.sql").write_text(f"COMMENT ON TABLE notes IS '{'x' * 200}';")
    assert "x…\n" in run("plan").out


def test_the_tutorial_shows_what_is_printed(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.chdir(EXAMPLES.parent)
    printed = run("plan", "examples/todos/postgresql").out
    assert f"```\n{printed}```\n" in (EXAMPLES / "todos" / "README.md").read_text(encoding="utf-8")


def test_plan_text_fits_a_narrow_screen(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    for example in ("todos", "clinic"):
        result = run("plan", EXAMPLES / example / "postgresql", "--verbose")
        assert max(map(len, result.out.splitlines())) <= 60


def test_a_script_names_no_variable_of_psql(run: Run, notes: Path) -> None:
    (notes / "functions/part.sql").write_text(
        'CREATE FUNCTION part(a int[], "HOST" int, lo int) RETURNS int[] LANGUAGE sql\n'
        """RETURN CASE WHEN ':x' = 'a'::text THEN a[lo:"HOST"] ELSE a[:lo] END;"""
    )
    assert """WHEN ':x' = 'a'::text THEN a[lo: "HOST"] ELSE a[: lo] END;""" in run("plan", "--format", "sql").out


def test_plan_json_has_the_documented_form_and_loads_again(run: Run, notes: Path) -> None:
    result = run("plan", "--format", "json")
    document = result.json
    assert set(document) == KEYS and result.err == ""
    assert document["target"] is None and document["blocked"] == []
    assert {"fingerprint", "path"} == set(document["source"])
    assert all(set(step) == STEP_KEYS for step in document["steps"])
    objects = [(step["action"], step["kind"], step["object"]) for step in document["steps"]]
    assert objects == [
        ("create", "table", "public.notes"),
        ("create", "routine", "public.add_note(text, text)"),
        ("seed", "seed", "public.notes"),
    ]
    assert document["steps"][0]["file"] == "tables/notes.pssql" and document["steps"][0]["line"] == 1
    assert document["summary"]["create"] == 2 and document["summary"]["skip"] == 0
    assert Plan.load(result.out.encode()).checksum == document["checksum"]


PLANS = """
import sys
from stonegate.cli.app import main
print([main(["plan", sys.argv[1], "--format", format]) for format in ("text", "json", "sql", "markdown")])
"""


def test_plans_are_the_same_byte_for_byte() -> None:
    """Whatever order Python keeps its sets in, and wherever it runs."""
    command = [sys.executable, "-c", PLANS, str(EXAMPLES / "clinic" / "postgresql")]
    places = [("1", "C", "Asia/Tokyo"), ("2", "C.UTF-8", "UTC"), ("3", "C", "UTC"), ("4", "C", "UTC")]
    found = set()
    for seed, locale, zone in places:
        environment = os.environ | {"PYTHONHASHSEED": seed, "LC_ALL": locale, "TZ": zone}
        found.add(subprocess.run(command, capture_output=True, env=environment, check=True).stdout)
    (plans,) = found
    assert len(plans) > 10_000 and plans.endswith(b"[0, 0, 0, 0]\n")


def test_copies_with_other_line_ends_files_in_another_order_and_an_archive_are_planned_alike(run: Run) -> None:
    """But for migrations, whose bytes count."""
    original = EXAMPLES / "todos" / "postgresql"
    for path in sorted(original.rglob("*.*"), reverse=True):
        if path.is_file():
            copy = Path("copy/postgresql") / path.relative_to(original)
            copy.parent.mkdir(parents=True, exist_ok=True)
            content = path.read_bytes()
            copy.write_bytes(content if "migrations" in copy.parts else content.replace(b"\n", b"\r\n"))
            copy.chmod(0o600)
    assert run("pack", "copy", "-o", "copy.tar.gz").code == 0
    prints = {
        run("plan", path, "--format", "json").json["source"]["fingerprint"]
        for path in (original, "copy", "copy.tar.gz")
    }
    assert len(prints) == 1


def test_plan_out_saves_the_json_form(run: Run, notes: Path) -> None:
    result = run("plan", "--out", "plan.json")
    assert result.code == 0 and "saved to plan.json" in result.err and "Plan for an empty" in result.out
    assert Path("plan.json").read_text() == run("plan", "--format", "json").out
    missing = run("plan", "--out", "nowhere/plan.json")
    assert missing.code == 2 and "cannot write nowhere/plan.json" in missing.err


def test_plan_exit_code_is_one_only_when_asked(run: Run, notes: Path) -> None:
    assert run("plan").code == 0
    assert run("plan", "--exit-code").code == 1


def test_plan_markdown_is_a_comment(run: Run) -> None:
    text = run("plan", EXAMPLES / "todos" / "postgresql", "--format", "markdown").out
    assert text.startswith("### stonegate: plan for an empty database")
    assert "| create | 2 types, 4 tables" in text
    assert text.count("<details") == text.count("</details>") == 2
    assert "```sql" in text


def test_an_offline_plan_imports_no_driver_and_no_server(notes: Path) -> None:
    code = """
import sys
from stonegate.cli import main
code = main(["plan"])
print(*sorted({name.partition(".")[0] for name in sys.modules} & {"psycopg", "starlette", "uvicorn"}), file=sys.stderr)
sys.exit(code)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr.strip() == ""


def test_a_closed_pipe_is_no_error(notes: Path) -> None:
    command = f"{sys.executable} -m stonegate plan {EXAMPLES}/clinic/postgresql --verbose | head -1"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("Plan for an empty database") and done.stderr == ""


# --- check ----------------------------------------------------------------------------------------------------------


def test_check_counts_and_warns(run: Run, write_folder: WriteFolder) -> None:
    write_folder(
        NOTES
        | {
            "migrations/001.pssql": "CREATE TABLE forgotten (id int);",
            "tables/notes.txt": "not read",
            "views/v.pssql": "CREATE VIEW v AS SELECT * FROM nobody;",
        }
    )
    result = run("check")
    assert result.code == 0
    for word in ("tables/notes.txt", "forgotten", "nobody", "ok 1 table, 1 view, 1 routine, 1 migration, 1 seeder"):
        assert word in result.out
    document = run("check", "--format", "json").json
    assert document["status"] == "ok" and len(document["warnings"]) == 3 and document["counts"]["table"] == 1


def test_check_lists_all_broken_places(run: Run, write_folder: WriteFolder) -> None:
    write_folder(
        {"tables/a.sql": "CREATE TABLE a (id int,,);", "tables/b.sql": "CREATE TABEL b ();", "functions/c.sql": "x"}
    )
    result = run("check")
    assert result.code == 3 and result.out == ""
    for place in ("tables/a.sql:1:24", "tables/b.sql:1:8", "functions/c.sql:1:1"):
        assert f"--> {place}" in result.err
    assert "CREATE TABEL b ();\n   |        ^" in result.err and "3 errors" in result.err
    document = run("check", "--format", "json").json
    assert document["error"] == "schema_invalid" and [error["line"] for error in document["errors"]] == [1, 1, 1]


# --- graph, types, explain ------------------------------------------------------------------------------------------


def test_graph_in_both_languages(run: Run, notes: Path) -> None:
    mermaid = run("graph").out
    assert mermaid.startswith("flowchart LR\n") and '["table notes"]:::tables' in mermaid and " --> " in mermaid
    dot = run("graph", "--format", "dot").out
    assert dot.startswith("digraph stonegate {") and '[label="table notes", tooltip="tables/notes.pssql:1"' in dot


def test_graph_quotes_whatever_is_in_a_name(run: Run, write_folder: WriteFolder) -> None:
    write_folder({"tables/a.sql": 'CREATE TABLE "a""] <b>" (id int);'})
    assert '["table #quot;a#quot;#quot;] #lt;b#gt;#quot;"]' in run("graph").out
    assert 'label="table \\"a\\"\\"] <b>\\""' in run("graph", "--format", "dot").out


def test_types_prints_the_matrix_one_cell_or_one_row(run: Run) -> None:
    assert "integer" in run("types").out
    cell = run("types", "int", "bigint")
    assert cell.code == 0 and "safe" in cell.out
    narrow = run("types", "varchar(40)", "VARCHAR(20)").out
    assert "dataloss" in narrow and "modify_column_type" in narrow
    assert "USING" in run("types", "text", "integer").out
    document = run("types", "integer", "text", "--format", "json").json
    assert document["class"] == "incompatible"
    assert all(row["from"].startswith("smallint") for row in run("types", "int2", "--format", "json").json)
    assert run("types", "nosuchtype").code == 2
    for wrong in ("", "numeric(8,2", "integer NOT NULL", "integer, d integer", "integer); SELECT (1"):
        refused = run("types", "text", wrong)
        assert refused.code == 2 and "is no name of a type" in refused.err
        assert run("types", wrong).code == 2


def test_types_refuses_a_mistyped_name(run: Run, write_folder: WriteFolder) -> None:
    for wrong, meant in (("tex", "text"), ("intger", "integer"), ("varchr(20)", "varchar"), ("uid[]", "uuid")):
        for refused in (run("types", "int", wrong), run("types", wrong, "text"), run("types", wrong)):
            assert refused.code == 2 and "there is no type" in refused.err and meant in refused.err
    assert "written with its schema: public.mood" in run("types", "mood", "text").err
    for known in ("public.mood", '"mood"', "citext", "oid", "pg_lsn", "int4range", "_int4", "serial"):
        assert run("types", known, "text").code == 0, known
    write_folder({"types/mood.sql": "CREATE TYPE mood AS ENUM ('a');"})
    assert run("types", "mood", "text").code == 0
    assert run("types", "mood").code == 2
    assert "did you mean mood?" in run("types", "moood", "text").err
    assert "PostgreSQL calls it text" in run("types", "integer", "string").err


def test_types_knows_what_the_types_of_the_folder_are_made_of(run: Run, write_folder: WriteFolder) -> None:
    """Its verdict was another one than that of the plan."""
    types = (
        "CREATE TYPE mood AS ENUM ('a');\nCREATE TYPE \"Mood\" AS ENUM ('a');\n"
        "CREATE DOMAIN code AS varchar(20) DEFAULT '';\nCREATE DOMAIN public.short varchar(5)[] NOT NULL;"
    )
    write_folder({"types/all.sql": types})
    for before, after, expected in (
        ("mood", "text", "safe"),
        ("mood", "integer", "incompatible"),
        ("public.mood", "varchar", "safe"),
        ('"Mood"[]', "text[]", "safe"),
        ("mood", "varchar(5)", "incompatible"),
        ("code", "text", "safe"),
        ("varchar(20)", "code", "safe"),
        ("varchar(30)", "code", "dataloss"),
        ("short", "text[]", "safe"),
        ("varchar(4)[]", "short", "dataloss"),
    ):
        verdict = run("types", before, after, "--format", "json").json
        assert verdict["class"] == expected, verdict


def test_explain_tells_hazards_consents_and_errors(run: Run) -> None:
    for code in ("rewrites-table", "drop_column", "drop_column:users.legacy", "stale_plan"):
        result = run("explain", code)
        assert result.code == 0 and len(result.out.splitlines()) > 2, code
    assert "deletes-data" in run("explain").out
    unknown = run("explain", "drop_colum")
    assert unknown.code == 2 and "did you mean drop_column?" in unknown.err
    assert "`stonegate explain` lists" in run("explain", "nonsense").err
    assert run("explain", "drop_column", "--format", "json").json["code"] == "drop_column"


def test_a_mistyped_consent_is_refused(run: Run, notes: Path) -> None:
    mistyped = run("plan", "--allow", "drop_colum:notes.legacy")
    assert mistyped.code == 2 and "did you mean drop_column?" in mistyped.err
    # What is left empty must not mean everything.
    nameless = run("plan", "--allow", "drop_column:")
    assert nameless.code == 2 and "names no object" in nameless.err
    unnamed = run("plan", "--allow", "drop_view")  # nobody declared it: its name alone is consent
    assert unnamed.code == 2 and "hint: drop_view:NAME" in unnamed.err


def test_help_shows_no_type_beside_a_flag_and_keeps_groups_together(run: Run) -> None:
    text = run("apply", "--help").out
    assert "--dry-run" in text and "<bool>" not in text and "<path>" not in text
    titles = [line.split()[1] for line in text.splitlines() if line.startswith("╭")]
    assert titles == ["Arguments", "Options", "Target", "Folder", "Consent", "Output", "Fleet"]


def test_an_encoding_without_our_signs_gets_plain_ones(notes: Path) -> None:
    environment = {**os.environ, "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    command = [sys.executable, "-m", "stonegate", "types", "int", "bigint"]
    done = subprocess.run(command, capture_output=True, env=environment, check=True)
    assert done.stdout.startswith(b"int -> bigint: safe")


# --- pack, init -----------------------------------------------------------------------------------------------------


def test_pack_is_reproducible_and_means_the_same(run: Run, notes: Path) -> None:
    first = run("pack", "-o", "a.tar.gz")
    assert first.code == 0 and "a.tar.gz: " in first.out
    (notes / "tables" / "notes.pssql").touch()
    assert run("pack", notes, "-o", "b.tar.gz", "--format", "json").json["files"] == 3
    assert Path("a.tar.gz").read_bytes() == Path("b.tar.gz").read_bytes()
    of_folder, of_archive = (run("plan", path, "--format", "json").json for path in (notes, "a.tar.gz"))
    assert of_archive["checksum"] == of_folder["checksum"]


@pytest.mark.parametrize("out", ["-", "/dev/stdout", "link"])
def test_pack_to_standard_output_is_the_archive(run: Run, notes: Path, out: str) -> None:
    """Also where the shell led it into a file: that, or the link to it, is not replaced."""
    Path("link").symlink_to("/proc/self/fd/1")
    assert run("pack", "-o", "a.tar.gz").code == 0
    with Path("b.tar.gz").open("wb") as stream:
        done = subprocess.run([sys.executable, "-m", "stonegate", "pack", "-o", out], stdout=stream, check=False)
    assert done.returncode == 0
    assert Path("b.tar.gz").read_bytes() == Path("a.tar.gz").read_bytes()
    assert Path("link").is_symlink() and Path("/dev/stdout").is_symlink()


def test_a_file_behind_a_link_is_written(run: Run, notes: Path) -> None:
    Path("link.tar.gz").symlink_to("real.tar.gz")
    assert run("pack", "-o", "link.tar.gz").code == 0
    assert Path("link.tar.gz").is_symlink() and Path("real.tar.gz").stat().st_size > 100


def test_what_pack_and_graph_leave_out_is_named(run: Run, notes: Path) -> None:
    (notes / "tables" / "notes.md").write_text("Notes")
    for done in (run("pack", "-o", "a.tar.gz"), run("pack", "-o", "a.tar.gz", "--format", "json"), run("graph")):
        assert done.code == 0 and "warning: tables/notes.md: not one of the endings" in done.err


def test_pack_refuses_a_broken_folder(run: Run, write_folder: WriteFolder) -> None:
    write_folder({"tables/a.sql": "CREATE"})
    assert run("pack", "-o", "a.tar.gz").code == 3
    assert not Path("a.tar.gz").exists()
    assert run("pack").code == 2


def test_init_writes_a_folder_that_plans_and_overwrites_nothing(run: Run) -> None:
    result = run("init")
    assert result.code == 0 and "+ stonegate.toml" in result.out
    assert sorted(path.name for path in Path("postgresql").iterdir() if path.is_dir()) == sorted(
        ("extensions", "types", "tables", "views", "functions", "triggers", "migrations", "seeders")
    )
    document = run("check", "--format", "json").json
    assert document["warnings"] == []
    Path("stonegate.toml").write_text('[source]\nfolder = "postgresql"\n')
    again = run("init")
    assert again.code == 0 and "nothing was written" in again.out
    assert Path("stonegate.toml").read_text() == '[source]\nfolder = "postgresql"\n'
    assert run("plan").code == 0


def test_init_says_what_comes_next_as_things_stand(run: Run) -> None:
    assert run("init").out.endswith("next: put a table into postgresql/tables/, then: stonegate plan\n")
    Path("postgresql/functions/nested").mkdir()
    Path("postgresql/functions/nested/f.sql").write_text("CREATE FUNCTION f() RETURNS int RETURN 1;")
    assert run("init").out.endswith("nothing was written\nnext: stonegate plan\n")
    assert run("init", "my db").out.endswith("put a table into my db/tables/, then: stonegate plan 'my db'\n")
    Path("stonegate.toml").write_text('[source]\nfolder = "my db"\n')
    assert run("init").out.endswith("next: put a table into my db/tables/, then: stonegate plan\n"), "the folder of all"


@pytest.mark.parametrize("folder", ["schema/postgresql", 'our "own"\\schema', "of\tthe\x7fshop"])
def test_the_configuration_that_init_writes_is_read(run: Run, folder: str) -> None:
    run("init", folder)
    assert json.loads(run("check", "--format", "json").out)["path"] == folder


def test_what_is_dropped_and_made_again_in_two_steps_is_explained_once() -> None:
    drop = Step(
        id="drop",
        action=Action.RECREATE,
        phase=Phase.ROUTINES,
        key=ObjectKey(ObjectKind.ROUTINE, "public", "f", "integer"),
        statements=(Statement(sql="DROP FUNCTION f(integer)"),),
        hazards=(Hazard(code="breaks-callers", message="callers\nnotice"),),
        reason="f is created again",
    )
    make = replace(drop, id="make", phase=Phase.TRIGGERS, statements=(Statement(sql="CREATE FUNCTION f(integer)"),))
    source = PlanSource(fingerprint="", digest="", path="")
    plan = Plan(mode=Mode.CHANGE, source=source, steps=(drop, make))
    text = "\n".join(line.plain for line in render_plan(make_console(io.StringIO()), plan))
    assert text.count("f is created again") == 1 and text.count("! breaks-callers: callers\n        notice") == 1
    assert "│ DROP FUNCTION" in text and "│ CREATE FUNCTION" in text
