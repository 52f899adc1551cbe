"""Looks at the finished pages: every link between them leads to a page and a place that are there."""
import posixpath
import re

HIDDEN = re.compile(r"<script\b.*?</script>|<style\b.*?</style>|<!--.*?-->", re.DOTALL)
TARGET = re.compile(r'<[a-z][^>]*?\s(?:href|src)="([^"]*)"')
PLACE = re.compile(r'<[a-z][^>]*?\sid="([^"]*)"')


def links(folder):
    """what is wrong in the pages below this folder, as sentences"""
    pages = {path.relative_to(folder).as_posix(): HIDDEN.sub("", path.read_text(encoding="utf-8"))
             for path in sorted(folder.rglob("*.html"))}
    places = {name: set(PLACE.findall(text)) for name, text in pages.items()}
    wrong = []
    for name, text in pages.items():
        doubled = PLACE.findall(text)
        for place in sorted({p for p in doubled if doubled.count(p) > 1}):
            wrong.append(f"{name}: two elements have the id {place}")
        for target in TARGET.findall(text):
            if re.match(r"[a-z]+:", target):
                continue
            path, _, part = target.replace("&amp;", "&").partition("#")
            other = posixpath.normpath(posixpath.join(posixpath.dirname(name), path)) \
                if path else name
            if not (folder / other).is_file():
                wrong.append(f"{name}: {target} is not there")
            elif part and other in places and part not in places[other]:
                wrong.append(f"{name}: {target}: the page has no such place")
    return wrong
