"""What a page says: its visible texts, and what it says to those who cannot see it."""

from html.parser import HTMLParser

SPOKEN = ("aria-label", "aria-valuetext", "placeholder", "title", "alt", "content")
SILENT = {"script", "style", "code", "kbd", "pre"}
VOID = {"area", "br", "col", "hr", "img", "input", "link", "meta", "source", "track", "wbr"}


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.texts: list[str] = []
        self.open: list[tuple[str, bool]] = []
        self.language = ""

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        told = dict(attributes)
        if tag == "html":
            self.language = told.get("lang") or ""
        # What is marked as being in another language is nobody's to translate.
        foreign = bool(told.get("lang")) and told["lang"] != self.language
        own = bool(told.get("lang")) and not foreign
        quiet = (self.quiet and not own) or foreign or tag in SILENT
        if not quiet and (tag != "meta" or told.get("name") == "description"):
            self.texts += [value for name in SPOKEN if (value := told.get(name))]
            self.texts += [value for name, value in attributes if name.startswith("data-") and value and " " in value]
        if tag not in VOID and tag not in ("path", "use", "rect"):
            self.open.append((tag, quiet))

    def handle_endtag(self, tag: str) -> None:
        while self.open and any(tag == each for each, _ in self.open):
            if self.open.pop()[0] == tag:
                break

    @property
    def quiet(self) -> bool:
        return bool(self.open) and self.open[-1][1]

    def handle_data(self, data: str) -> None:
        if not self.quiet and data.strip():
            self.texts.append(" ".join(data.split()))


def said_by(page: str) -> list[str]:
    """Return every text of a page in its order, attributes that are read out included."""
    reader = _Reader()
    reader.feed(page)
    return reader.texts
