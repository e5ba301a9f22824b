import json
import re

from web.assets import DIST, PREFIX, asset_url, manifest
from web.bundle import MODULES, ROOT, TEMPLATES, compressed, quoted_names

PAGES = sorted(TEMPLATES.rglob("*.html"))
CALLED = re.compile(r"\bicon\(\"([a-z0-9-]+)\"")


def test_every_part_is_built_and_named_after_its_content() -> None:
    assert set(manifest()) >= {"app.css", "app.js", "htmx.js", "icons.svg", "icon.svg", "sans.woff2", "licences.txt"}
    for name, built in manifest().items():
        assert (DIST / built).stat().st_size > 0
        assert asset_url(name) == f"{PREFIX}{built}"
        assert re.fullmatch(r"[a-z-]+-[0-9a-f]{10}\.[a-z0-9]+", built)


def test_everything_that_pages_ask_for_is_built() -> None:
    asked = {name for page in PAGES for name in re.findall(r"asset_url\(\"([^\"]+)\"\)", page.read_text())}
    assert asked <= set(manifest())


def test_the_sprite_has_every_icon_that_a_template_names_and_no_icon_font_comes_along() -> None:
    named = {name for page in PAGES for name in CALLED.findall(page.read_text())}
    drawn = set(re.findall(r'<symbol id="([^"]+)"', (DIST / manifest()["icons.svg"]).read_text()))
    assert named <= drawn
    assert drawn <= quoted_names()
    assert {name for name in drawn if not (MODULES / "lucide-static" / "icons" / f"{name}.svg").is_file()} == set()


def test_templates_hold_nothing_that_the_content_policy_forbids() -> None:
    for page in PAGES:
        text = page.read_text()
        assert not re.search(r"\sstyle\s*=", text), page
        assert not re.search(r"\son[a-z]+\s*=", text), page
        assert not re.search(r"<script(?![^>]*\ssrc=)", text), page
        assert "<style" not in text, page


def test_templates_trust_nothing_and_lead_nowhere_that_people_typed() -> None:
    """Escaping does not stop `javascript:` in an address: where it does not begin with a path of ours, the server made it."""
    ours = r"(asset_url\(|shelf_address\(|\"/|(more|to|action|address|href|at|desk\.older) \}\})"
    for page in PAGES:
        text = page.read_text()
        # Drawings of ours, and what stands in the template itself, are markup; nothing else is.
        plain = re.sub(r"\{\{ (sleeve_svg|qr_svg)\([^{}]*\)\|safe \}\}|\"<code>[a-z -]+</code>\"\|safe", "", text)
        plain = re.sub(r'\("<a href=\\"/[a-z/]+\\">" ~ _\("[\w ]+"\) ~ "</a>"\)\|safe', "", plain)
        assert not re.search(r"\|\s*safe\b|Markup|autoescape", plain), page
        names = "href|src|action|formaction|poster|hx-get|hx-post|data-src"
        for address in re.findall(rf"\b(?:{names})=\"((?:{{{{.*?}}}}|{{%.*?%}}|[^\"])*)\"", text):
            assert re.match(r"(/|#|\?|\{%|$)", address) or re.match(r"\{\{ " + ours, address), (page, address)
    for script in sorted((ROOT / "web" / "static").glob("*.js")):
        assert not re.search(
            r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function", script.read_text()
        ), script


def test_nothing_that_browsers_load_comes_from_another_machine() -> None:
    for built in manifest().values():
        if built.endswith((".css", ".js")):
            text = (DIST / built).read_text()
            assert not re.search(r"(url\(|import\(?|fetch\()\s*[\"']?https?://", text), built
    for page in PAGES:
        assert not re.search(r"(src|href|action)=\"https?://", page.read_text()), page


def test_the_lock_file_says_what_and_not_from_where() -> None:
    packages = json.loads((ROOT / "package-lock.json").read_text())["packages"]
    assert not any("resolved" in package for package in packages.values())
    assert all("integrity" in package for path, package in packages.items() if path)


def test_the_first_load_stays_small() -> None:
    names = ("app.css", "app.js", "htmx.js", "icons.svg", "sans.woff2")
    assert sum(compressed(DIST / manifest()[name]) for name in names) < 120_000
