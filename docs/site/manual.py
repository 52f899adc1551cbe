"""The manual as HTML: a page for each header, with an entry for everything that it declares.

A page is what goes between the head and the foot of the site. Its classes are lead, contents,
entry, prototype, rule, note, members, table, nested and related."""
import dataclasses
import re
from html import escape

import comments
import formulas
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
    text: str                       # what is said about it
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
        for name in self.others_in(text, item):
            self.mentions.setdefault(name, []).append(item)
        if item.kind == "function":
            for name in self.others_in(item.prototype, item):
                self.takers.setdefault(name, []).append(item)

    def others_in(self, text, item):
        """the anchors of other items that the text names"""
        return {self.items[name].anchor for name in re.findall(rf"\b{NAME}", text)
                if name in self.items} - {item.anchor}

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
            return f"<p>{self.sentence(comments.capital(block.data[0]))}</p>"
        if block.kind == "list":
            return "<ul>" + "".join(f"<li>{self.sentence(i)}</li>" for i in block.data) + "</ul>"
        if block.kind == "table":
            return self.table(block)
        lines = "\n".join(block.data)
        if block.kind == "code":
            return f'<pre tabindex="0"><code>{listing.c(lines, self.where.get)}</code></pre>'
        return f'<pre tabindex="0"><code>{escape(lines, False)}</code></pre>'

    def table(self, block):
        """on a narrow page its cells stand below each other, each with the name of its column"""
        rows, head, named = block.data, "", [""] * len(block.data[0])
        if block.head:
            cells = "".join(f'<th scope="col">{self.sentence(c)}</th>' if c else "<td></td>"
                            for c in rows[0])
            named = [f' data-head="{escape(c)}"' for c in rows[0]]
            head, rows = f"<thead><tr>{cells}</tr></thead>", rows[1:]
        body = "".join(
            f'<tr><th scope="row"{nested(row[0])}>{self.sentence(row[0].strip(comments.NESTED))}'
            "</th>" + "".join(f"<td{name if c else ''}>{self.sentence(c)}</td>"
                              for name, c in zip(named[1:], row[1:])) + "</tr>\n"
            for row in rows)
        return ('<div class="table"><table class="stack">'
                f"{head}<tbody>{body}</tbody></table></div>")

    def set_text(self, text):
        return "\n".join(map(self.block, comments.whole_blocks(text)))


def nested(cell):
    return ' class="nested"' if cell.startswith(comments.NESTED) else ""


# -- Entries
def prototype(item, index):
    own = set(item.anchors)

    def link(name):
        return None if name in own else index.where.get(name)

    lines = []
    for name, text in zip(item.names, item.prototypes):
        if told(item):
            text = re.sub(r"\{.*\}", "{ ... }", text, flags=re.DOTALL)
        if "{" not in text or told(item):           # a line, which a browser may break
            text = " ".join(text.split())
        code = re.sub(rf"(?<![\w#]){name}\b", f"<b>{name}</b>", listing.c(text, link), count=1)
        lines.append(f"<code>{code}</code>")
    return f'<pre class="prototype" tabindex="0">{"".join(lines)}</pre>'


def told(item):
    """some members have comments, so they are listed"""
    return any(member.comment for member in item.members)


def members(item, index):
    """fields and constants, each with its comment"""
    out = []
    for member in item.members if told(item) else []:
        marks = "".join(mark(n) for n in member.names if n in item.constants and n != item.anchor)
        code = listing.c(member.text, lambda n, own=member.names: index.where.get(n)
                         if n not in own else None)
        text = index.set_text(member.comment) if member.comment else ""
        out.append(f"<dt>{marks}<code>{code}</code></dt><dd>{text}</dd>")
    return '<dl class="members">' + "\n".join(out) + "</dl>" if out else ""


def mark(name):
    return f'<span id="{name}"></span>'


def comment_html(item, index):
    formula = comments.formula_of(item.comment)
    if not formula:
        return index.set_text(item.comment)
    value, derivative, rest = formula
    derivative = formulas.set_formula(derivative.removeprefix("derivative: "))
    return (f'<dl class="rule"><dt>Value</dt><dd>{formulas.set_formula(value)}</dd>'
            f"<dt>Derivative</dt><dd>{derivative}</dd></dl>"
            + (index.set_text(rest) if rest else ""))


def related(item, index, limit=10):
    """who mentions this item, and which functions take it"""
    out = []
    others = [name for n in item.names for name in index.others.get(n, [])]
    if others:
        names = ", ".join(f"<code>{name}</code>" for name in dict.fromkeys(others))
        out.append(f'<p class="related">Like {names}</p>')
    for words, found in (("Used by", index.takers), ("Mentioned at", index.mentions)):
        others = [o for o in found.get(item.anchor, [])]
        if not others or words == "Used by" and item.kind == "function":
            continue
        if len(others) <= limit:
            links = ", ".join(index.link(o.anchor) for o in others)
            out.append(f'<p class="related">{words} {links}</p>')
    return "".join(out)


def entry(item, index):
    first, *more = item.names if told(item) else item.anchors
    marks = "".join(mark(name) for name in more if not told(item) or name not in item.constants)
    title = ", ".join(f"<code>{escape(n)}</code>" for n in (item.names if len(item.names) < 5 else
                                                              [first, "..."]))
    level = "h3" if item.section else "h2"          # below the heading of the section, if it has one
    return (f'<section class="entry" id="{first}">{marks}'
            f'<{level}><a href="#{first}">{title}</a></{level}>\n'
            f"{prototype(item, index)}\n{comment_html(item, index)}\n{members(item, index)}"
            f"{related(item, index)}</section>")


# -- Pages
def contents(header, index):
    """for each section the names in it"""
    out = []
    for section in header.sections:
        names = [index.link(n).replace(page_name(header), "") for i in section.items
                 for n in i.names]
        title = section.title and f'<a href="#{section_anchor(section.title)}">' \
            f"{plain(section.title)}</a>{': ' if names else ''}"
        out.append(f"<li>{title}{', '.join(names)}</li>")
    return f'<nav class="contents" aria-label="Names"><ul>{"".join(out)}</ul></nav>'


def plain(title):
    return escape(title.replace("`", ""))


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
             f'<pre><code>{listing.c(f"#include <{included}>", lambda name: None)}</code></pre>',
             also,
             index.set_text(rest) if rest else "",
             contents(header, index) if header.items else ""]
    if title in ("ops.h", "nn.h", "cotangent.h"):
        names = "".join(f"<li>{index.header_link(n)} {escape(index.headers[n].title)}</li>"
                        for n in header.includes)
        parts.append(f"<h2>Headers</h2><ul>{names}</ul>")
    parts += [section_html(section, index) for section in header.sections]
    headings = [(2, section_anchor(s.title), plain(s.title)) for s in header.sections
                if s.title]
    return Page(page_name(header), title, "\n".join(parts), headings, found_in(header, index))


def found_in(header, index):
    name = page_name(header)
    found = [Found(header.name, "header", name, header.title)]
    for item in header.items:
        text = " ".join([item.comment, *(m.comment for m in item.members)])
        found += [Found(n, item.kind, f"{name}#{n}", text, index.others.get(n, []))
                  for n in item.names]
        told = {n: m.comment for m in item.members for n in m.names}
        found += [Found(n, "constant", f"{name}#{n}", told[n]) for n in item.constants
                  if n not in item.names]
    return found


def addresses(headers):
    """where each public name is: "ops_shapes.html#ct_flip" """
    return Index(headers, None).where


def other_names(text):
    """{"ct_exp": ["torch.exp", "numpy.exp"]} from the tables of docs/names.md"""
    found = {}
    for row in re.findall(r"^\| (`.*) \|$", text, re.M):
        ours, *others = row.split(" | ")
        for name in re.findall(r"`(\w+)`", ours):
            found.setdefault(name, []).extend(re.findall(r"`([\w.]+)`", " ".join(others)))
    return found


def pages(headers, file_link=lambda file: None, others=None):
    """the pages; file_link says where a file of docs/ is on the site, seen from these pages; others
    are other_names"""
    index = Index(headers, file_link)
    index.others = others or {}
    return [page_of(header, index) for header in headers]
