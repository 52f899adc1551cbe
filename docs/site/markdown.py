"""The part of Markdown that the texts use, to HTML.

A block that is indented by four spaces holds formulas (prose.py). Code and drawings are fenced.
A page tells `Markdown` what a link leads to, and how code is set.
"""
import re
from html import escape

import prose

ITEM = re.compile(r"( {0,3})([-*+]|\d+[.)])( +)")
TABLE = re.compile(r"\|? *:?-+:? *(\|.*)?$")
INLINE = re.compile(r"""
    (?P<code>(?P<ticks>`+)(?P<inside>.+?)(?<!`)(?P=ticks)(?!`))
  | (?P<image>!\[(?P<alt>[^]]*)\]\((?P<source>[^)\s]+)\))
  | (?P<link>\[(?P<label>(?:[^][`]|`[^`]*`|\[[^]]*\])+)\]\((?P<target>[^)\s]+)\))
  | (?P<bold>\*\*(?P<strong>\S(?:.*?\S)?)\*\*)
  | (?P<italic>(?<![\w*])\*(?P<em>[^\s*](?:[^*]*?[^\s*])?)\*(?![\w*]))
  | (?P<auto><(?P<address>https?://[^>]+)>)
  | \\(?P<escaped>[\\`*_{}\[\]()#+.!|<>-])
""", re.VERBOSE | re.DOTALL)


def plain(text):
    """what is left of a line of Markdown without its marks"""
    text = re.sub(r"!?\[([^]]*)\]\([^)]*\)", r"\1", text)
    return re.sub(r"[`]|\*\*|(?<!\w)\*(?=\S)|(?<=\S)\*(?!\w)", "", text)


def anchor(text, taken):
    """the name of a heading, as GitHub makes it"""
    name = re.sub(r"[^\w\- ]", "", plain(text).lower()).strip().replace(" ", "-") or "section"
    number, unique = 0, name
    while unique in taken:
        number += 1
        unique = f"{name}-{number}"
    taken.add(unique)
    return unique


class Markdown:
    """One text. `links` has link(target), image(source), code(text), fence(language, text)."""

    def __init__(self, text, links):
        self.links, self.taken = links, set()
        self.title, self.headings = "", []  # headings: (level, anchor, HTML)
        self.sections = []                  # (title, anchor, plain text), for the search
        lines = text.expandtabs(4).split("\n")
        self.math = has_formulas(lines)
        self.html = "\n".join(self.blocks(lines))

    # -- Blocks
    def blocks(self, lines):
        at = 0
        while at < len(lines):
            line = lines[at]
            if not line.strip():
                at += 1
                continue
            for look in (self.fence, self.heading, self.markup, self.formulas, self.table,
                         self.items, self.quote):
                found = look(lines, at)
                if found:
                    at, html = found
                    yield html
                    break
            else:
                end = at + 1
                while end < len(lines) and not self.starts(lines, end):
                    end += 1
                text = "\n".join(line.strip() for line in lines[at:end])
                self.note(text)
                yield f"<p>{self.inline(text)}</p>"
                at = end

    def starts(self, lines, at):
        """a line that ends the paragraph before it"""
        line = lines[at]
        return (not line.strip() or re.match(r"#{1,6} |```|<(?:table|!--)|> ", line)
                or re.match(r" {0,3}(?:[-*+]|1[.)]) ", line)
                or "|" in line and at + 1 < len(lines) and TABLE.match(lines[at + 1].strip())
                and "|" in lines[at + 1])

    def note(self, text):
        if self.sections:
            title, name, words = self.sections[-1]
            self.sections[-1] = (title, name, words + " " + plain(text))

    def fence(self, lines, at):
        start = re.match(r"( *)```+(\w*) *$", lines[at])
        if not start:
            return None
        end = at + 1
        while end < len(lines) and not re.match(r" *```+ *$", lines[end]):
            end += 1
        text = "\n".join(line.removeprefix(start[1]) for line in lines[at + 1:end])
        return end + 1, self.links.fence(start[2], text)

    def heading(self, lines, at):
        found = re.match(r"(#{1,6}) +(.*?) *#*$", lines[at])
        if not found:
            return None
        level, name, html = len(found[1]), anchor(found[2], self.taken), self.inline(found[2])
        if level == 1 and not self.title:
            self.title = plain(found[2])
        self.headings.append((level, name, html))
        self.sections.append((plain(found[2]), name, ""))
        return at + 1, (f'<h{level} id="{name}">{html} <a class="here" href="#{name}" '
                        f'aria-label="link to this section">#</a></h{level}>'
                        if level > 1 else f'<h1 id="{name}">{html}</h1>')

    def markup(self, lines, at):
        """HTML, up to the next empty line"""
        if not re.match(r"<(?!https?:)[a-z!/]", lines[at]):
            return None
        end = at
        while end < len(lines) and lines[end].strip():
            end += 1
        text = "\n".join(lines[at:end])
        text = re.sub(r'href="([^"]+)"', lambda m: f'href="{self.links.link(m[1])}"', text)
        text = re.sub(r'(<iframe [^>]*)src="([^"]+)"',
                      lambda m: f'{m[1]}src="{self.links.link(m[2])}"', text)
        return end, re.sub(r'(<img [^>]*)src="([^"]+)"',
                           lambda m: f'{m[1]}src="{self.links.image(m[2])}"', text)

    def formulas(self, lines, at):
        if not lines[at].startswith("    "):
            return None
        end, groups = at, [[]]
        while end < len(lines) and (lines[end].startswith("    ") or not lines[end].strip()):
            if lines[end].strip():
                groups[-1].append(lines[end][4:])
            elif groups[-1]:
                groups.append([])
            end += 1
        return end, "\n".join(prose.block("\n".join(group), self.inline)
                              for group in groups if group)

    def table(self, lines, at):
        if "|" not in lines[at] or at + 1 == len(lines) or "|" not in lines[at + 1] or \
                not TABLE.match(lines[at + 1].strip()):
            return None
        end = at + 2
        while end < len(lines) and "|" in lines[end]:
            end += 1
        rows = [re.split(r"(?<!\\)\|", line.strip().strip("|"))
                for line in [lines[at]] + lines[at + 2:end]]
        self.note("\n".join(lines[at:end]).replace("|", " "))
        html = ['<div class="table" tabindex="0" role="group" aria-label="table"><table>']
        for number, cells in enumerate(rows):
            tag = "td" if number else "th"
            html.append("<tr>" + "".join(
                f"<{tag}{self.figures(cell)}>{self.inline(cell.strip())}</{tag}>"
                for cell in cells) + "</tr>")
        return end, "\n".join(html + ["</table></div>"])

    @staticmethod
    def figures(cell):
        return ' class="number"' if re.fullmatch(r"\s*[-−\d.,]+( %)?\s*", cell) else ""

    def items(self, lines, at):
        first = ITEM.match(lines[at])
        if not first:
            return None
        ordered = first[2][0].isdigit()
        items = []
        while at < len(lines):
            mark = ITEM.match(lines[at])
            if not mark or mark[2][0].isdigit() != ordered:
                break
            depth = mark.end()
            inside, at = [lines[at][depth:]], at + 1
            while at < len(lines):
                line = lines[at]
                deeper = line.startswith(" " * depth)
                goes_on = line.strip() and not ITEM.match(line) and lines[at - 1].strip() \
                    and not self.starts(lines, at)
                if not (deeper or goes_on or not line.strip() and self.deeper(lines, at, depth)):
                    break
                inside.append(line[depth:] if deeper else line.strip())
                at += 1
            items.append(inside)
            while at < len(lines) and not lines[at].strip():
                at += 1
        tag = "ol" if ordered else "ul"
        start = re.match(r"\d+", first[2])
        begin = f' start="{start[0]}"' if start and start[0] != "1" else ""
        return at, (f"<{tag}{begin}>\n"
                    + "\n".join(f"<li>{self.item(inside)}</li>" for inside in items) + f"</{tag}>")

    @staticmethod
    def deeper(lines, at, depth):
        """the next line that is not empty still belongs to the item"""
        while at < len(lines) and not lines[at].strip():
            at += 1
        return at < len(lines) and lines[at].startswith(" " * depth)

    def item(self, lines):
        html = list(self.blocks(lines))
        if html and html[0].startswith("<p>"):
            html[0] = html[0].removeprefix("<p>").removesuffix("</p>")
        return "\n".join(html)

    def quote(self, lines, at):
        end = at
        while end < len(lines) and lines[end].startswith(">"):
            end += 1
        if end == at:
            return None
        return end, ("<blockquote>" + "\n".join(self.blocks(
            [line.lstrip("> ") for line in lines[at:end]])) + "</blockquote>")

    # -- In a line
    def inline(self, text):
        out, last = [], 0
        for found in INLINE.finditer(text):
            out.append(self.words(text[last:found.start()]))
            last = found.end()
            out.append(self.mark(found))
        return "".join(out) + self.words(text[last:])

    def mark(self, found):
        if found["code"]:
            return self.links.code(found["inside"].strip().replace("\n", " "))
        if found["image"]:
            return (f'<img src="{self.links.image(found["source"])}" '
                    f'alt="{escape(found["alt"])}">')
        if found["link"]:
            label = re.sub(r"<a [^>]*>|</a>", "", self.inline(found["label"]))
            return f'<a href="{self.links.link(found["target"])}">{label}</a>'
        if found["bold"]:
            return f"<strong>{self.inline(found['strong'])}</strong>"
        if found["italic"]:
            return f"<em>{self.inline(found['em'])}</em>"
        if found["auto"]:
            return f'<a href="{found["address"]}">{escape(found["address"])}</a>'
        return escape(found["escaped"])

    def words(self, text):
        return prose.sentence(text) if self.math else escape(text, False)


def has_formulas(lines):
    """a text without a block of formulas has none in its sentences either"""
    fenced = False
    for before, line in zip([""] + lines, lines):
        fenced ^= line.startswith("```")
        if not fenced and not before.strip() and line.startswith("    ") and line.strip():
            return True
    return False
