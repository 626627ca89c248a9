"""Make a virtual environment with pip in it, on a machine that has python3 and nothing else.

    python3 tools/make_venv.py .venv

Debian's python3 comes without ensurepip (it is in python3-venv). Then pip is fetched from the package index, whose
address PIP_INDEX_URL may change, and its sha256 is compared with the one that the index gives.
"""

import hashlib
import importlib.util
import json
import os
import re
import subprocess
import sys
import tempfile
import urllib.parse
import urllib.request
import venv
from pathlib import Path

OLDEST = (3, 11)
WITH_GROUPS = "pip>=25.1"  # the first that installs dependency groups
SIMPLE_API = "application/vnd.pypi.simple.v1+json"  # https://peps.python.org/pep-0691/


def main() -> None:
    if sys.version_info < OLDEST:
        needed, found = ".".join(map(str, OLDEST)), sys.version.split()[0]
        sys.exit(
            f"stonegate needs Python {needed} or newer, and {sys.executable} is {found}.\nhint: make PYTHON=python3.x"
        )
    directory = Path(sys.argv[1])
    python = directory / "bin" / "python"
    has_ensurepip = importlib.util.find_spec("ensurepip") is not None
    venv.create(directory, with_pip=has_ensurepip, symlinks=True)
    if not has_ensurepip:
        with tempfile.TemporaryDirectory() as place:
            wheel = fetch_pip(Path(place))
            subprocess.run([python, wheel / "pip", "install", "--quiet", "--no-deps", wheel], check=True)
    subprocess.run([python, "-m", "pip", "install", "--quiet", "--upgrade", WITH_GROUPS], check=True)


def fetch_pip(place: Path) -> Path:
    """Download the newest released pip into a directory; the path of its wheel, which Python can run as it is."""
    index = os.environ.get("PIP_INDEX_URL", "https://pypi.org/simple").rstrip("/") + "/pip/"
    request = urllib.request.Request(index, headers={"Accept": SIMPLE_API})
    with urllib.request.urlopen(request, timeout=60) as answer:
        files = json.load(answer)["files"]
    wheels = {version: file for file in files if (version := released(file))}
    newest = wheels[max(wheels)]
    with urllib.request.urlopen(urllib.parse.urljoin(index, newest["url"]), timeout=60) as answer:
        content = answer.read()
    if hashlib.sha256(content).hexdigest() != newest["hashes"]["sha256"]:
        sys.exit(f"{newest['url']} is not the file that {index} lists")
    wheel = place / newest["filename"]
    wheel.write_bytes(content)
    return wheel


def released(file: dict[str, object]) -> tuple[int, ...]:
    """The version of a wheel of a final release that was not withdrawn, or ()."""
    name = re.fullmatch(r"pip-(\d+(?:\.\d+)*)-py3-none-any\.whl", str(file["filename"]))
    return () if name is None or file.get("yanked") else tuple(int(part) for part in name[1].split("."))


if __name__ == "__main__":
    try:
        main()
    except (OSError, subprocess.CalledProcessError) as error:  # urllib's errors are OSErrors
        sys.exit(f"cannot make the virtual environment: {error}")
