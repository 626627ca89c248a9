"""The platform generator: the same arguments always give the same bytes, and the releases differ as they say."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path

import pytest

from tests.platforms import Platform, render_platform, write_platform

DIGESTS = {
    1: "36dbb346a39e29d4",
    2: "e9752c3d3c3e6aee",
    3: "d1136fbd0e245fa3",
    4: "189469b2666cac3e",
    5: "c0afa918c7febc16",
}


def digest(platform: Platform) -> str:
    files = sorted(render_platform(platform))
    return sha256("\0".join(f"{path}\0{text}" for path, text in files).encode()).hexdigest()[:16]


@pytest.mark.parametrize("release", DIGESTS)
def test_the_bytes_of_a_release_never_change(release: int) -> None:
    assert digest(Platform(release=release)) == DIGESTS[release]


def test_what_is_written_is_what_is_rendered(tmp_path: Path) -> None:
    root = write_platform(tmp_path, tables=7, functions=60, seed_rows=3, release=4)
    written = {str(path.relative_to(root)): path.read_text() for path in root.rglob("*") if path.is_file()}
    assert written == dict(render_platform(Platform(tables=7, functions=60, seed_rows=3, release=4)))


def test_releases_differ_as_described() -> None:
    files = {release: dict(render_platform(Platform(release=release))) for release in DIGESTS}
    changed = {path for path in files[1] if files[1][path] != files[2].get(path)}
    assert len([path for path in changed if path.startswith("functions/")]) >= 5
    assert "legacy_code" in "".join(files[4].values())
    assert "legacy_code" not in "".join(files[5].values())
    assert len(files[1]) == 110


def test_an_unknown_release_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="release is one of"):
        write_platform(tmp_path, release=6)
