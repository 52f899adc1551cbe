"""The frame of all pages: where one is, what else there is, and the search."""
import posixpath
from html import escape

PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<meta name="description" content="{description}">
<link rel="icon" href="{root}icon.svg">
<link rel="stylesheet" href="{root}site.css">
<script src="{root}site.js" data-root="{root}" defer></script>
</head>
<body class="{kind}">
<a class="skip" href="#site-text">Skip to the text</a>
<header id="site-top">
<a class="brand" href="{root}index.html">Cotangent</a>
<form id="site-search" role="search" hidden>
<label for="site-query" class="unseen">Search the manual and the texts</label>
<input id="site-query" type="search" placeholder="Search, or press /" autocomplete="off" spellcheck="false"
role="combobox" aria-expanded="false" aria-controls="site-found" aria-autocomplete="list">
<ul id="site-found" role="listbox" aria-label="What was found" hidden></ul>
</form>
<a class="menu" href="#site-pages">Menu</a>
</header>
<div id="site-columns">
<main id="site-text" tabindex="-1">
{body}
{next}
</main>
<nav id="site-pages" aria-label="All pages">
<a class="close" href="#site-top">Close the menu</a>
{pages}
</nav>
{here}
</div>
</body>
</html>
"""


def navigation(sections, address, to):
    """the pages of each section; that of this page is open"""
    out = []
    for title, pages in sections:
        inside = "".join(
            f'<li><a href="{to(page)}"'
            f'{" aria-current=page" if page == address else ""}>{escape(name)}</a></li>'
            for page, name in pages)
        is_open = any(page == address for page, _ in pages)
        out.append(f'<details{" open" if is_open else ""}><summary>{escape(title)}</summary>'
                   f"<ul>{inside}</ul></details>")
    return "\n".join(out)


def contents(headings):
    """the headings of this page"""
    items = [f'<li><a href="#{name}">{html}</a></li>'
             for level, name, html in headings if level == 2]
    if len(items) < 2:
        return ""
    return ('<nav id="site-here" aria-label="On this page"><p>On this page</p><ul>'
            + "".join(items) + "</ul></nav>")


def neighbors(sections, address, to):
    """the pages before and after this one in its section"""
    for _, pages in sections:
        places = [i for i, (page, _) in enumerate(pages) if page == address]
        if not places:
            continue
        at, out = places[0], []
        if at > 0:
            out.append(f'<a rel="prev" href="{to(pages[at - 1][0])}">'
                       f"<span>Before</span> {escape(pages[at - 1][1])}</a>")
        if at + 1 < len(pages):
            out.append(f'<a rel="next" href="{to(pages[at + 1][0])}">'
                       f"<span>Next</span> {escape(pages[at + 1][1])}</a>")
        return f'<footer class="neighbors">{"".join(out)}</footer>' if out else ""
    return ""


def page(address, title, body, headings, sections, kind="page", description=""):
    root = "../" * address.count("/")

    def to(other):
        return posixpath.relpath(other, posixpath.dirname(address) or ".")

    return PAGE.format(
        title="Cotangent" if address == "index.html" else f"{escape(title)} · Cotangent",
        description=escape(description or title), root=root, kind=kind, body=body,
        pages=navigation(sections, address, to), next=neighbors(sections, address, to),
        here=contents(headings) if kind == "page" else "")
