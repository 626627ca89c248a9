"""Folders, and archives of them: what is read, what is named in a warning, what is refused (behaviour, §1)."""

from __future__ import annotations

import socket
import time
from pathlib import Path

import pytest

from stonegate.errors import DuplicateObject, SourceError, SourceErrors, SyntaxFailure
from stonegate.model.source import Folder
from stonegate.source.files.archive import pack
from stonegate.source.files.tree import pack_tree, read_archive, read_tree
from stonegate.source.parse import load_source
from tests.source.folders import write_folder
from tests.source.test_archive import targz

USERS = {"tables/users.pssql": "CREATE TABLE users (id int);\n"}


class TestFolder:
    def test_files_of_all_endings_in_path_order(self, tmp_path: Path) -> None:
        write_folder(
            tmp_path,
            {
                "functions/b/deep/z.pgsql": "select 1",
                "functions/a.SQL": "select 1",
                "tables/users.pssql": "select 1",
                "extensions/pg_trgm.txt": "",
            },
        )
        read = read_tree(tmp_path)
        assert [file.path for file in read.files] == [
            "extensions/pg_trgm.txt",
            "functions/a.SQL",
            "functions/b/deep/z.pgsql",
            "tables/users.pssql",
        ]
        assert read.folders == {Folder.EXTENSIONS, Folder.FUNCTIONS, Folder.TABLES}
        assert read.warnings == ()

    def test_a_wrapper_is_found_and_does_not_change_anything(self, tmp_path: Path) -> None:
        plain = read_tree(write_folder(tmp_path / "plain", dict(USERS)))
        wrapped = write_folder(tmp_path / "project", {f"postgresql/{path}": text for path, text in USERS.items()})
        write_folder(wrapped, {"node_modules/x.sql": "not read"})
        assert read_tree(wrapped) == plain

    def test_a_byte_order_mark_is_no_text(self, tmp_path: Path) -> None:
        read = read_tree(write_folder(tmp_path, {"tables/a.sql": b"\xef\xbb\xbfselect 1"}))
        assert read.files[0].text == "select 1"

    def test_what_is_skipped_is_named(self, tmp_path: Path) -> None:
        write_folder(
            tmp_path,
            {
                **USERS,
                "tables/notes.md": "x",
                "tables/.hidden.sql": "x",
                "migrations/001.txt": "x",
                "procedures/a.sql": "x",
                "notes.txt": "x",
                "README.md": "what `stonegate init` writes needs no warning",
            },
        )
        read = read_tree(tmp_path)
        assert [file.path for file in read.files] == ["tables/users.pssql"]
        skipped = {warning.partition(":")[0] for warning in read.warnings}
        assert skipped == {"tables/notes.md", "tables/.hidden.sql", "migrations/001.txt", "procedures/", "notes.txt"}

    def test_mistyped_and_deeper_folders_are_pointed_out(self, tmp_path: Path) -> None:
        write_folder(tmp_path, {"db/postgresql/tables/a.sql": "", "db/postgresql/function/f.sql": ""})
        assert "did you mean functions?" in read_tree(tmp_path / "db").warnings[0]
        with pytest.raises(SourceError) as caught:
            read_tree(tmp_path)
        assert caught.value.hint == "the folder in it that has them is db/postgresql"
        write_folder(tmp_path, {"shop/tables/a.sql": ""})
        with pytest.raises(SourceError) as caught:
            read_tree(tmp_path)
        assert caught.value.hint == "name one of the folders in it: db/postgresql, shop"

    def test_an_archive_of_nothing_but_directories_is_refused_at_once(self) -> None:
        data = pack([], {f"d{number}/tables" for number in range(9_000)} | {f"d{number}" for number in range(9_000)})
        started = time.process_time()
        with pytest.raises(SourceError) as caught:
            read_archive(data, "upload")
        assert time.process_time() - started < 5  # half a minute where each of them is looked for among all others
        assert len(caught.value.hint or "") < 1_000

    def test_an_empty_directory_declares_none_and_needs_no_warning(self, tmp_path: Path) -> None:
        write_folder(tmp_path, {**USERS, "functions/.gitkeep": ""})
        (tmp_path / "views").mkdir()
        read = read_tree(tmp_path)
        assert read.folders == {Folder.TABLES, Folder.FUNCTIONS, Folder.VIEWS}
        assert read.warnings == ()

    def test_files_that_are_no_text_are_refused_with_their_line_together_with_all_other_mistakes(
        self, tmp_path: Path
    ) -> None:
        files = {
            "migrations/a.sql": b"select 1;\n\0",
            "tables/a.sql": b"select 1;\n-- caf\xe9\n",
            "tables/b.sql": b"CREATE TABEL b (id int);",
            "tables/c.sql": b"\xff\xfes\0",
        }
        with pytest.raises(SourceErrors) as caught:
            load_source(write_folder(tmp_path, files))
        zero, latin, syntax, wide = caught.value.errors
        assert (zero.place, latin.place, wide.file) == ("migrations/a.sql:2", "tables/a.sql:2", "tables/c.sql")
        assert "zero byte" in zero.message
        assert "0xe9" in latin.message and "iconv -f latin1" in (latin.hint or "")
        assert isinstance(syntax, SyntaxFailure)
        assert "iconv -f utf-16" in (wide.hint or "")
        assert caught.value.exit_code == 3

    def test_a_file_that_is_no_text_counts_in_the_digest_and_is_packed(self, tmp_path: Path) -> None:
        read = read_tree(write_folder(tmp_path, dict(USERS)))
        broken = read_tree(write_folder(tmp_path, {"tables/a.sql": b"-- caf\xe9\n"}))
        assert broken.files == read.files and broken.digest != read.digest
        assert read_archive(pack_tree(tmp_path), "x").digest == broken.digest

    def test_a_missing_folder(self, tmp_path: Path) -> None:
        with pytest.raises(SourceError, match="no such folder") as caught:
            read_tree(tmp_path / "nowhere")
        assert caught.value.exit_code == 3

    def test_a_folder_of_something_else(self, tmp_path: Path) -> None:
        with pytest.raises(SourceError, match="no postgresql/ folder"):
            read_tree(write_folder(tmp_path, {"src/main.py": ""}))

    def test_links_inside_are_read_and_links_outside_refused(self, tmp_path: Path) -> None:
        folder = write_folder(tmp_path / "in", dict(USERS))
        (folder / "tables/twin.sql").symlink_to("users.pssql")
        assert len(read_tree(folder).files) == 2
        secret = tmp_path / "secret.sql"
        secret.write_text("select 1")
        (folder / "tables/out.sql").symlink_to(secret)
        with pytest.raises(SourceError, match=r"tables/out\.sql is a symbolic link that leaves the folder"):
            read_tree(folder)

    @pytest.mark.parametrize("target", ["..", ".", "nowhere"])
    def test_links_to_directories_and_to_nothing_are_refused(self, tmp_path: Path, target: str) -> None:
        write_folder(tmp_path, dict(USERS))
        (tmp_path / "tables/more").symlink_to(target)
        with pytest.raises(SourceError, match=r"tables/more is a symbolic link"):
            read_tree(tmp_path)

    def test_a_kind_that_is_a_link_is_refused_and_what_is_no_kind_is_not_looked_into(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        outside = write_folder(tmp_path / "outside", {"f.sql": "select 1"})
        folder = write_folder(tmp_path / "in", {**USERS, "other/a.sql": "x", "functions": "a file"})
        (folder / "other/out.sql").symlink_to(outside / "f.sql")
        read = read_tree(folder)
        assert [file.path for file in read.files] == ["tables/users.pssql"] and read.folders == {Folder.TABLES}
        assert {warning.partition(":")[0] for warning in read.warnings} == {"functions", "other/"}
        for target in (outside, folder / "tables"):
            (folder / "views").symlink_to(target)
            with pytest.raises(SourceError, match="views is a symbolic link"):
                read_tree(folder)
            (folder / "views").unlink()
        with monkeypatch.context() as patched, socket.socket(socket.AF_UNIX) as listener:
            patched.chdir(folder / "tables")
            listener.bind("pipe.sql")
            with pytest.raises(SourceError, match=r"tables/pipe\.sql is neither a file nor a folder"):
                read_tree(folder)
        with pytest.raises(SourceError, match="no postgresql/ folder"):
            read_tree(write_folder(tmp_path / "files", {"tables": "a file"}))


class TestScopes:
    FILES = (
        "main/postgresql/tables/m.sql",
        "tenant/postgresql/tables/t.sql",
        "functions/shared.sql",
    )

    def folder(self, root: Path) -> Path:
        return write_folder(root, dict.fromkeys(self.FILES, "select 1"))

    def test_a_scope_is_read_with_what_is_shared(self, tmp_path: Path) -> None:
        read = read_tree(self.folder(tmp_path), scope="tenant")
        assert [file.path for file in read.files] == ["functions/shared.sql", "tenant/tables/t.sql"]
        assert read.warnings == ()

    def test_a_shared_folder_of_its_own(self, tmp_path: Path) -> None:
        write_folder(tmp_path, {"main/postgresql/tables/m.sql": "x", "shared/types/s.sql": "x"})
        assert [file.path for file in read_tree(tmp_path, scope="main").files] == [
            "main/tables/m.sql",
            "shared/types/s.sql",
        ]

    def test_an_archive_means_the_same(self, tmp_path: Path) -> None:
        members = [(path, b"select 1") for path in self.FILES]
        assert read_archive(targz(*members), "x", scope="main") == read_tree(self.folder(tmp_path), scope="main")

    def test_what_was_packed_of_one_scope_needs_no_choice(self, tmp_path: Path) -> None:
        packed = pack_tree(self.folder(tmp_path), scope="tenant")
        assert read_archive(packed, "x") == read_archive(packed, "x", scope="tenant")
        assert read_archive(packed, "x").digest == read_tree(tmp_path, scope="tenant").digest

    @pytest.mark.parametrize(("scope", "message"), [(None, "holds several scopes"), ("other", "no such scope")])
    def test_the_choice_must_be_made(self, tmp_path: Path, scope: str | None, message: str) -> None:
        with pytest.raises(SourceError, match=message):
            read_tree(self.folder(tmp_path), scope=scope)

    def test_a_plain_folder_has_no_scope(self, tmp_path: Path) -> None:
        with pytest.raises(SourceError, match="has no main/ folder"):
            read_tree(write_folder(tmp_path, dict(USERS)), scope="main")

    def test_migrations_of_one_name_are_refused(self, tmp_path: Path) -> None:
        write_folder(tmp_path, {"main/migrations/001.sql": "select 1", "migrations/001.sql": "select 1"})
        with pytest.raises(DuplicateObject, match=r"migration 001\.sql"):
            load_source(tmp_path, scope="main")
