"""Where the peers' modules are: in virtual environments of our own, and in the interpreter that runs this."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

from peers import PEERS

# vaex-core wants an older dask.
ENVIRONMENTS = {
    "main": [
        "numpy",
        "h5py",
        "numexpr",
        "boost-histogram",
        "fast-histogram",
        "dask[array]",
        "blosc2",
        "yt",
        "pandas",
        "polars",
        "flox",
        "numbagg",
    ],
    "vaex": ["vaex-core", "h5py"],
}

PROBE = """
import importlib.util, json, sys
print(json.dumps([m for m in sys.argv[1:] if importlib.util.find_spec(m)]))
"""


def cache() -> Path:
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "chunkwise" / "peers"


def interpreter(folder: Path) -> Path:
    return folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def called(command: list) -> bool:
    print("+", *command, file=sys.stderr)
    return subprocess.run(command, stdout=sys.stderr).returncode == 0


def create(folder: Path):
    """A virtual environment, and the command that installs into it; none if that can't be done here."""
    python = interpreter(folder)
    inside = [python, "-m", "pip", "install", "--quiet"]
    has_pip = [python, "-m", "pip", "--version"]
    if python.exists() and called(has_pip):
        return inside
    if not python.exists() and called([sys.executable, "-m", "venv", folder]):
        return inside
    # Without ensurepip there can still be a pip outside.
    if python.exists() or called([sys.executable, "-m", "venv", "--without-pip", folder]):
        outside = [sys.executable, "-m", "pip", "--python", python, "install", "--quiet"]
        if called([*outside[:-2], "--version"]):
            return outside
        if shutil.which("uv"):
            return ["uv", "pip", "install", "--quiet", "--python", python]
    print(
        "no virtual environment can be made here: on Debian and Ubuntu, `apt install python3-venv`",
        file=sys.stderr,
    )
    return None


def install():
    """Makes the environments; a package that does not install is said and left out."""
    for name, packages in ENVIRONMENTS.items():
        command = create(cache() / name)
        if command is None:
            return
        if called([*command, *packages]):
            continue
        for package in packages:
            if not called([*command, package]):
                print(f"{package} does not install", file=sys.stderr)


def modules_of(python: str, wanted: list[str]) -> set[str]:
    done = subprocess.run([python, "-c", PROBE, *wanted], capture_output=True, text=True)
    return set(json.loads(done.stdout)) if done.returncode == 0 else set()


def find() -> tuple[dict[str, str], dict[str, str]]:
    """For each peer that is here its interpreter; for each other one what is missing."""
    wanted = sorted({module for peer in PEERS.values() for module in peer.modules})
    main, vaex = (interpreter(cache() / name) for name in ENVIRONMENTS)
    candidates = [str(p) for p in (main, Path(sys.executable), vaex) if p.exists()]
    has = {python: modules_of(python, wanted) for python in candidates}
    found, missing = {}, {}
    for name, peer in PEERS.items():
        lacking = [p for p in peer.programs if shutil.which(p) is None]
        able = [python for python in candidates if has[python] >= set(peer.modules)]
        if lacking:
            missing[name] = f"no program {', '.join(lacking)}"
        elif able:
            found[name] = able[0]
        else:
            everywhere = set().union(*has.values())
            absent = [m for m in peer.modules if m not in everywhere] or peer.modules
            missing[name] = f"no module {', '.join(absent)}"
    return found, missing
