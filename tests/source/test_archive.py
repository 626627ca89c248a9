"""Archives: what is read of them, and what is refused before it can do harm (behaviour, §1)."""

from __future__ import annotations

import gzip
import io
import random
import tarfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from stonegate.errors import SourceError
from stonegate.source.files.archive import Caps, pack
from stonegate.source.files.tree import pack_tree, read_archive, read_tree
from tests.source.folders import write_folder

USERS = {"tables/users.pssql": "CREATE TABLE users (id int);\n"}


def targz(*members: tarfile.TarInfo | tuple[str, bytes]) -> bytes:
    """An archive of plain files and hand-made members."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        for member in members:
            if isinstance(member, tarfile.TarInfo):
                tar.addfile(member)
            else:
                entry = tarfile.TarInfo(member[0])
                entry.size = len(member[1])
                tar.addfile(entry, io.BytesIO(member[1]))
    return buffer.getvalue()


def special(name: str, kind: bytes, target: str = "") -> tarfile.TarInfo:
    entry = tarfile.TarInfo(name)
    entry.type, entry.linkname = kind, target
    return entry


PATHS = st.lists(
    st.sampled_from(["tables/a.sql", "tables/b/c.pssql", "functions/f.pgsql", "extensions/vector.txt", "views/é.sql"]),
    min_size=1,
    unique=True,
)


class TestArchive:
    @settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
    @given(paths=PATHS, text=st.text(st.characters(codec="utf-8", exclude_characters="\0")))
    def test_packing_changes_nothing(
        self, tmp_path_factory: pytest.TempPathFactory, paths: list[str], text: str
    ) -> None:
        folder = write_folder(tmp_path_factory.mktemp("folder"), dict.fromkeys(paths, text))
        (folder / "seeders").mkdir()
        packed = pack_tree(folder)
        assert read_archive(packed, "x.tar.gz") == read_tree(folder)
        assert pack_tree(folder) == packed

    def test_a_file_may_be_named_instead_of_a_folder(self, tmp_path: Path) -> None:
        folder = write_folder(tmp_path / "f", dict(USERS))
        archive = tmp_path / "schema.tar.gz"
        archive.write_bytes(pack_tree(folder))
        assert read_tree(archive).digest == read_tree(folder).digest

    def test_the_digest_sees_bytes_paths_and_directories(self, tmp_path: Path) -> None:
        digests = {
            read_tree(write_folder(tmp_path / name, files)).digest
            for name, files in {
                "a": {"tables/a.sql": "select 1"},
                "b": {"tables/a.sql": "select  1"},
                "c": {"tables/b.sql": "select 1"},
                "d": {"tables/a.sql": "select 1", "views/.gitkeep": ""},
            }.items()
        }
        assert len(digests) == 4

    @pytest.mark.parametrize(
        ("member", "message"),
        [
            (("../x.sql", b""), r"'\.\./x\.sql' leads outside"),
            (("tables/../../x.sql", b""), "leads outside"),
            (("/etc/x.sql", b""), "'/etc/x.sql' has an absolute path"),
            (("C:/x.sql", b""), "'C:/x.sql' has an absolute path"),
            (
                special("tables/l.sql", tarfile.SYMTYPE, "/etc/passwd"),
                "'tables/l.sql' is a symbolic link to '/etc/passwd'",
            ),
            (special("tables/h.sql", tarfile.LNKTYPE, "x"), "is a hard link"),
            (special("tables/dev.sql", tarfile.CHRTYPE), "is a device"),
            (special("tables/fifo.sql", tarfile.FIFOTYPE), "is a device or another special file"),
            (special("tables/sparse.sql", tarfile.GNUTYPE_SPARSE), "sparse|not a complete"),
        ],
    )
    def test_members_that_are_refused(self, member: tarfile.TarInfo | tuple[str, bytes], message: str) -> None:
        with pytest.raises(SourceError, match=message) as caught:
            read_archive(targz(("tables/a.sql", b"select 1"), member), "up.tar.gz")
        assert caught.value.exit_code == 3
        assert caught.value.code == "schema_extraction_failed"

    @pytest.mark.parametrize("other", ["tables/a.sql", "./tables/a.sql", "tables//a.sql"])
    def test_a_member_that_occurs_twice(self, other: str) -> None:
        with pytest.raises(SourceError, match="occurs twice"):
            read_archive(targz(("tables/a.sql", b"1"), (other, b"2")), "x")

    def test_a_file_that_is_a_folder(self) -> None:
        with pytest.raises(SourceError, match=r"'tables/a\.sql' is a file and a folder"):
            read_archive(targz(("tables/a.sql/b.sql", b"1"), ("tables/a.sql", b"2")), "x")

    @pytest.mark.parametrize("data", [b"", b"PK\x03\x04", b"hello", b"\x1f"])
    def test_not_a_gzip(self, data: bytes) -> None:
        with pytest.raises(SourceError, match="not a gzip file"):
            read_archive(data, "x")

    def test_a_gzip_of_something_else(self) -> None:
        with pytest.raises(SourceError, match="tar archive"):
            read_archive(gzip.compress(b"hello" * 400), "x")

    def test_damage_anywhere_is_noticed(self) -> None:
        whole = targz(*((f"tables/t{number}.sql", b"select %d" % number) for number in range(50)))
        for length in range(2, len(whole)):
            with pytest.raises(SourceError):
                read_archive(whole[:length], "x")

    def test_a_stream_that_was_tampered_with_is_damaged(self) -> None:
        data = bytearray(targz(("tables/a.sql", b"select 1")))
        data[-8] ^= 1  # of the checksum
        with pytest.raises(SourceError, match="the archive is damaged"):
            read_archive(bytes(data), "x")

    def test_zeros_behind_the_end_are_padding(self) -> None:
        data = targz(("tables/a.sql", b"select 1"))
        assert read_archive(data + b"\0" * 100, "x") == read_archive(data, "x")
        with pytest.raises(SourceError):
            read_archive(data + b"\0" * 100 + b"x", "x")

    def test_a_tar_that_ends_early_is_noticed(self) -> None:
        tar = gzip.decompress(targz(("tables/a.sql", b"x" * 600), ("tables/b.sql", b"y")))
        end = tar.index(b"y" + b"\0" * 511) + 512
        for length in (*range(1, end, 100), end):
            with pytest.raises(SourceError):
                read_archive(gzip.compress(tar[:length]), "x")

    def test_what_follows_a_damaged_head_is_not_left_out(self) -> None:
        tar = gzip.decompress(targz(("tables/a.sql", b""), ("tables/b.sql", b"")))
        with pytest.raises(SourceError, match="damaged after its last member"):
            read_archive(gzip.compress(tar.replace(b"tables/b.sql", b"tables/c.sql")), "x")

    @pytest.mark.parametrize(
        ("records", "message"),
        [
            ({"GNU.sparse.size": "many"}, "not a complete tar archive"),
            ({"path": "tables/a\0.sql"}, "zero byte in its name"),
            ({"path": "../a.sql"}, "leads outside"),
        ],
    )
    def test_extended_heads(self, records: dict[str, str], message: str) -> None:
        entry = tarfile.TarInfo("tables/a.sql")
        entry.pax_headers = records
        with pytest.raises(SourceError, match=message):
            read_archive(gzip.compress(entry.tobuf(tarfile.PAX_FORMAT) + bytes(1024)), "x")

    def test_a_size_that_no_file_has(self) -> None:
        head = bytearray(tarfile.TarInfo("tables/a.sql").tobuf(tarfile.GNU_FORMAT))
        head[124:136] = b"\xff\xff\xfe" + bytes(9)  # below zero, and more than a computer can address
        head[148:156] = b"%06o\0 " % (sum(head) - sum(head[148:156]) + 8 * 32)
        with pytest.raises(SourceError, match="not a complete tar archive"):
            read_archive(gzip.compress(head + bytes(1024)), "x")

    def test_concatenated_gzip_members_are_one_stream(self) -> None:
        tar = gzip.decompress(targz(("tables/a.sql", b"select 1")))
        data = gzip.compress(tar[:700]) + gzip.compress(tar[700:])
        assert read_archive(data, "x").files[0].text == "select 1"

    @pytest.mark.parametrize(
        ("caps", "message"),
        [
            (Caps(compressed=100), "more than the 100 allowed"),
            (Caps(inflated=10_000), "inflates to more than the 10,000 bytes"),
            (Caps(members=3), "more than the 3 members"),
        ],
    )
    def test_caps(self, caps: Caps, message: str) -> None:
        data = targz(*((f"tables/t{number}.sql", bytes(range(256)) * 4) for number in range(9)))
        with pytest.raises(SourceError, match=message):
            read_archive(data, "x", caps=caps)

    def test_a_bomb_is_named(self) -> None:
        data = targz(("tables/a.sql", b"select 1"), ("tables/bomb.sql", b" " * 8_000_000))
        with pytest.raises(SourceError, match=r"'tables/bomb\.sql' inflates more than 500:1"):
            read_archive(data, "x", caps=Caps(ratio=500))
        with pytest.raises(SourceError, match=r"inflates to more than .* at 'tables/a\.sql'"):
            read_archive(pack([("tables/a.sql", b" " * 8_000_000)], []), "x", caps=Caps(inflated=7_000_000))

    def test_a_bomb_hides_behind_nothing_that_cannot_be_compressed(self) -> None:
        noise = random.Random(0).randbytes(1_000_000)
        bomb = targz(("tables/a.sql", noise), ("tables/bomb.sql", b" " * 2_000_000), ("tables/z.sql", noise))
        with pytest.raises(SourceError, match=r"'tables/bomb\.sql' inflates more than 5:1"):
            read_archive(bomb, "x", caps=Caps(ratio=5))
        dense = targz(
            ("tables/a.sql", b" " * 1_000_000), ("tables/b.sql", noise * 2), ("tables/z.sql", b" " * 1_000_000)
        )
        assert len(read_archive(dense, "x", caps=Caps(ratio=2)).errors) == 1  # read: it is no text

    def test_a_small_member_is_no_bomb(self) -> None:
        data = targz(("tables/a.sql", b" " * 1_000_000))
        assert len(read_archive(data, "x", caps=Caps(ratio=5)).files) == 1

    def test_a_member_that_says_to_be_larger_than_the_archive(self) -> None:
        entry = tarfile.TarInfo("tables/a.sql")
        entry.size = 2_000_000
        with pytest.raises(SourceError, match="not a complete tar archive"):
            read_archive(gzip.compress(entry.tobuf() + b" " * 2048), "x", caps=Caps(ratio=100_000))

    def test_caps_are_what_is_allowed(self) -> None:
        data = targz(("tables/a.sql", b"1"), ("tables/b.sql", b"2"))
        exact = Caps(compressed=len(data), inflated=len(gzip.decompress(data)), members=2)
        assert len(read_archive(data, "x", caps=exact).files) == 2
