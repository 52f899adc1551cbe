"""The manual as HTML: a page for each header, with an entry for everything that it declares.

A page is what goes between the head and the foot of the site. Its classes are lead, contents, entry,
prototype, formula, lines, note, members, table, nested and related."""
import dataclasses
import re
from html import escape

import comments
import listing
from headers import NAME

# in a comment: code in backquotes, a public name, a header of this library, a file of docs/
WORD = re.compile(rf"`(?P<code>[^`]+)`|(?P<name>\b{NAME})|(?P<header>\b[a-z_]+(?:/[a-z_]+)?\.h\b)"
                  r"|(?P<file>\bdocs/[\w/]+\.md\b)")
KINDS = {"function": "Functions", "type": "Types", "enum": "Enumerations", "macro": "Macros",
         "object": "Objects"}


@dataclasses.dataclass
class Page:
    name: str                       # the file's: "ops_shapes.html"
    title: str                      # "ops/shapes.h"
    html: str
    headings: list                  # (level, anchor, HTML)
    search: list                    # of Found


@dataclasses.dataclass
class Found:
    """something that a search finds"""
    title: str                      # "ct_exp"
    kind: str                       # function, type, enum, macro, object, constant, header
    url: str                        # "ops_elementwise.html#ct_exp"
    text: str                       # what it is, in a line
    also: list = dataclasses.field(default_factory=list)    # other names: "torch.exp"


def page_name(header):
    return header.name.removesuffix(".h").replace("/", "_") + ".html"


def section_anchor(title):
    return re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-")


class Index:
    """where every name is, and what mentions it"""

    def __init__(self, headers, file_link):
        self.headers = {h.name: h for h in headers}
        self.file_link = file_link
        self.where, self.items, self.mentions, self.takers = {}, {}, {}, {}
        for header in headers:
            for name in header.settings:
                self.where[name] = page_name(header)
        for header in headers:
            for item in header.items:
                for name in item.anchors:
                    self.where[name] = f"{page_name(header)}#{name}"
                    self.items[name] = item
        for header in headers:
            for item in header.items:
                self.count(item)

    def count(self, item):
        text = " ".join([item.comment, *(m.comment for m in item.members)])
        for name in set(re.findall(rf"\b{NAME}", text)) & self.items.keys():
            if self.items[name] is not item:
                self.mentions.setdefault(self.items[name].anchor, []).append(item)
        if item.kind == "function":
            for name in set(re.findall(rf"\b{NAME}", item.prototype)) & self.items.keys():
                if self.items[name] is not item:
                    self.takers.setdefault(self.items[name].anchor, []).append(item)

    def link(self, name, text=None):
        target = self.where.get(name)
        text = escape(text or name, False)
        return f'<a href="{target}"><code>{text}</code></a>' if target else f"<code>{text}</code>"

    def header_link(self, name):
        """a header is named as it is included, or without its folder"""
        name = name.removeprefix("cotangent/")
        for header in self.headers.values():
            if name in (header.name, header.name.split("/")[-1]):
                return f'<a href="{page_name(header)}"><code>{name}</code></a>'
        return f"<code>{escape(name, False)}</code>"

    def sentence(self, text):
        """a paragraph's text as HTML"""
        out, at = [], 0
        for found in WORD.finditer(text):
            out.append(escape(text[at:found.start()], False))
            if found["code"]:
                out.append(f"<code>{listing.c(found['code'], self.where.get)}</code>")
            elif found["name"]:
                out.append(self.link(found["name"]))
            elif found["header"]:
                out.append(self.header_link(found["header"]))
            else:
                target, shown = self.file_link(found["file"]), escape(found["file"])
                out.append(f'<a href="{target}">{shown}</a>' if target else f"<code>{shown}</code>")
            at = found.end()
        return "".join(out) + escape(text[at:], False)

    def block(self, block):
        if block.kind == "text":
            return f"<p>{self.sentence(comments.whole(block.data[0]))}</p>"
        if block.kind == "list":
            return "<ul>" + "".join(f"<li>{self.sentence(i)}</li>" for i in block.data) + "</ul>"
        if block.kind == "table":
            return self.table(block)
        lines = "\n".join(block.data)
        if block.kind == "code":
            return f'<pre tabindex="0"><code>{listing.c(lines, self.where.get)}</code></pre>'
        return f'<pre class="lines" tabindex="0">{escape(lines, False)}</pre>'

    def table(self, block):
        rows, head = block.data, ""
        if block.head:
            cells = "".join(f'<th scope="col">{self.sentence(c)}</th>' if c else "<td></td>"
                            for c in rows[0])
            head, rows = f"<thead><tr>{cells}</tr></thead>", rows[1:]
        body = "".join(
            f'<tr><th scope="row"{nested(row[0])}>{self.sentence(row[0].strip(comments.NESTED))}'
            "</th>" + "".join(f"<td>{self.sentence(c)}</td>" for c in row[1:]) + "</tr>\n"
            for row in rows)
        return f'<div class="table" tabindex="0"><table>{head}<tbody>{body}</tbody></table></div>'

    def set_text(self, text):
        return "\n".join(map(self.block, comments.blocks(text)))


def nested(cell):
    return ' class="nested"' if cell.startswith(comments.NESTED) else ""


# -- Entries
def prototype(item, index):
    own = set(item.names)

    def link(name):
        return None if name in own else index.where.get(name)

    lines = []
    for name, text in zip(item.names, item.prototypes):
        code = listing.c(text, link)
        if item.members:
            code = listing.c(re.sub(r"\{.*\}", "{ ... }", text, flags=re.DOTALL), link)
        lines.append(re.sub(rf"(?<![\w#]){name}\b", f"<b>{name}</b>", code, count=1))
    return '<pre class="prototype" tabindex="0"><code>' + "\n".join(lines) + "</code></pre>"


def members(item, index):
    """fields and constants, each with its comment"""
    out = []
    for member in item.members:
        marks = "".join(f'<span id="{n}"></span>' for n in member.names
                        if item.kind == "enum" and n not in item.names)
        code = listing.c(member.text, lambda n: index.where.get(n) if n not in member.names else None)
        text = index.set_text(member.comment) if member.comment else ""
        out.append(f"<dt>{marks}<code>{code}</code></dt><dd>{text}</dd>")
    return '<dl class="members">' + "\n".join(out) + "</dl>" if out else ""


def comment_html(item, index):
    formula = comments.formula_of(item.comment)
    if not formula:
        return index.set_text(item.comment)
    value, derivative, rest = formula
    derivative = derivative.removeprefix("derivative: ")
    return (f'<dl class="formula"><dt>Value</dt><dd>{index.sentence(value)}</dd>'
            f"<dt>Derivative</dt><dd>{index.sentence(derivative)}</dd></dl>"
            + (index.set_text(rest) if rest else ""))


def related(item, index, limit=10):
    """who mentions this item, and which functions take it"""
    out = []
    for words, found in (("Used by", index.takers), ("Mentioned at", index.mentions)):
        others = [o for o in found.get(item.anchor, [])]
        if words == "Used by" and item.kind == "function" or not others:
            continue
        if len(others) <= limit:
            links = ", ".join(index.link(o.anchor) for o in others)
            out.append(f'<p class="related">{words} {links}</p>')
    return "".join(out)


def entry(item, index):
    first, *more = item.names
    marks = "".join(f'<span id="{name}"></span>' for name in more)
    title = ", ".join(f"<code>{escape(n)}</code>" for n in (item.names if len(item.names) < 5 else
                                                              [first, "..."]))
    return (f'<section class="entry" id="{first}">{marks}<h3><a href="#{first}">{title}</a></h3>\n'
            f"{prototype(item, index)}\n{comment_html(item, index)}\n{members(item, index)}"
            f"{related(item, index)}</section>")


# -- Pages
def contents(header, index):
    """for each section the names in it"""
    out = []
    for section in header.sections:
        names = [index.link(n).replace(page_name(header), "") for i in section.items
                 for n in i.names]
        if section.title:
            out.append(f'<li><a href="#{section_anchor(section.title)}">'
                       f"{escape(section.title)}</a>")
        else:
            out.append("<li>")
        out.append(f"<p>{', '.join(names)}</p></li>" if names else "</li>")
    return f'<nav class="contents" aria-label="On this page"><ul>{"".join(out)}</ul></nav>'


def section_html(section, index):
    head = ""
    if section.title:
        head = f'<h2 id="{section_anchor(section.title)}">{index.sentence(section.title)}</h2>'
    parts = [head, index.set_text(section.text) if section.text else ""]
    for item in section.items:
        parts.append(entry(item, index) if item.names else
                     f'<div class="note">{index.set_text(item.comment)}</div>')
    return "\n".join(parts)


def page_of(header, index):
    title = header.name
    included = f"cotangent/{title}" if title != "cotangent.h" else title
    lead, rest = comments.lead_of(header.intro)
    parents = [h for h in index.headers.values() if title in h.includes and h.name != "cotangent.h"]
    also = "".join(f"<p>Included by {index.header_link(p.name)}.</p>" for p in parents[:1]
                   if p.name in ("ops.h", "nn.h"))
    parts = [f"<h1><code>{title}</code></h1>",
             f'<p class="lead">{index.sentence(comments.whole(lead))}</p>' if lead else "",
             f"<pre><code>{listing.c(f'#include <{included}>', index.where.get)}</code></pre>{also}",
             index.set_text(rest) if rest else "",
             contents(header, index) if header.items else ""]
    if title in ("ops.h", "nn.h", "cotangent.h"):
        names = "".join(f"<li>{index.header_link(n)} {escape(index.headers[n].title)}</li>"
                        for n in header.includes)
        parts.append(f"<h2>Headers</h2><ul>{names}</ul>")
    parts += [section_html(section, index) for section in header.sections]
    headings = [(2, section_anchor(s.title), index.sentence(s.title)) for s in header.sections
                if s.title]
    return Page(page_name(header), title, "\n".join(parts), headings, found_in(header))


def found_in(header):
    name = page_name(header)
    found = [Found(header.name, "header", name, header.title)]
    for item in header.items:
        line = comments.summary(item)
        found += [Found(n, item.kind, f"{name}#{n}", line) for n in item.names]
        told = {n: m.comment for m in item.members for n in m.names}
        found += [Found(n, "constant", f"{name}#{n}", told[n]) for n in item.constants
                  if n not in item.names]
    return found


def addresses(headers):
    """where each public name is: "ops_shapes.html#ct_flip" """
    return Index(headers, None).where


def pages(headers, file_link=lambda file: None):
    """the pages; file_link says where a file of docs/ is on the site, seen from these pages"""
    index = Index(headers, file_link)
    return [page_of(header, index) for header in headers]
