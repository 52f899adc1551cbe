"""The public headers, read as a manual: which declarations there are, and which comment each has.

A comment that stands alone above a declaration belongs to it. A comment behind a declaration, on
the same line, belongs to it too. Declarations that follow without a comment of their own, and
without an empty line between, share the one above: they must have the parameters of the first, or
be named in the comment. A comment that begins with "-- " opens a section: its first words, up to a
full stop or a colon, are the heading. Any other comment that has nothing directly below it is a
note in its section. The first comment of a header is its introduction.

Names that begin with ct__ or CT__ are not public. A macro that the header undefines is not either:
who includes the header sets it. Of several definitions (#if ... #else) the first one counts."""
import dataclasses
import pathlib
import re

SCAN = re.compile(r"(?P<comment>/\*.*?\*/)|(?P<directive>^[ \t]*#(?:\\\n|/(?!\*)|[^\n/])*)"
                  r"|(?P<blank>\n[ \t]*(?=\n))|(?P<space>\s+)|(?P<word>^CT_[A-Z0-9_]+$)",
                  re.DOTALL | re.MULTILINE)
NAME = r"(?:ct|CT)_(?!_)[A-Za-z0-9_]+"

# what a comment may mention: a name, also the beginning of several ("CT_OP_..."); a header; a page
MENTION = re.compile(rf"(?<![\w.])(?P<name>{NAME})(?P<more>\.\.\.)?"
                     r"|\b(?:[a-z_]+/)+[a-z_]+\.(?:h|md)\b")


@dataclasses.dataclass
class Member:
    """a field of a struct or a constant of an enum, or several that share a line"""
    names: list[str]
    text: str                       # as it is declared
    comment: str
    line: int


@dataclasses.dataclass
class Item:
    kind: str                       # function, type, enum, macro, object; or note: no names
    names: list[str]                # of an enum without a name: its constants
    prototypes: list[str]           # as they are declared, without comments
    comment: str                    # plain lines; see comments.py
    section: str
    line: int
    members: list[Member] = dataclasses.field(default_factory=list)

    @property
    def anchor(self):
        return self.names[0] if self.names else ""

    @property
    def prototype(self):
        return "\n".join(self.prototypes)

    @property
    def constants(self):
        """names of an enum's members"""
        return [name for m in self.members for name in m.names] if self.kind == "enum" else []

    @property
    def anchors(self):
        return list(dict.fromkeys(self.names + self.constants))


@dataclasses.dataclass
class Section:
    title: str                      # "" before the first heading
    text: str
    line: int
    items: list[Item] = dataclasses.field(default_factory=list)


@dataclasses.dataclass
class Header:
    name: str                       # as it is included, without cotangent/: "ops/shapes.h"
    path: pathlib.Path
    title: str                      # the first sentence of the introduction
    intro: str
    includes: list[str]             # of this library, names as above
    sections: list[Section]
    settings: set[str]              # macros that its user sets, or that it undefines
    faults: list[str]               # "FILE:LINE: what is wrong"

    @property
    def items(self):
        return [item for section in self.sections for item in section.items if item.names]


def plain(comment):
    """the lines of a comment without its delimiters, stars and indentation"""
    text = re.sub(r"^/\* ?|\s*\*/$", "", comment)
    first, *rest = text.split("\n")
    if rest and all(re.match(r"\s*\*( |$)", line) for line in rest):
        rest = [re.sub(r"^\s*\* ?", "", line) for line in rest]
    else:
        filled = [line for line in rest if line.strip()]
        margin = min((len(line) - len(line.lstrip()) for line in filled), default=0)
        rest = [line[margin:] for line in rest]
    return "\n".join(line.rstrip() for line in [first.strip(), *rest]).strip("\n")


def statement_end(text, at):
    """where the declaration that begins here ends, behind its semicolon"""
    depth = 0
    while at < len(text):
        if text.startswith("/*", at):
            at = text.index("*/", at) + 2
            continue
        depth += (text[at] in "({") - (text[at] in ")}")
        at += 1
        if text[at - 1] == ";" and depth == 0:
            return at
    raise ValueError("a declaration without a semicolon")


def scan(text):
    """yields (kind, text, line); kind: comment, directive, blank, or code, a whole declaration"""
    at = 0
    while at < len(text):
        line = text.count("\n", 0, at) + 1
        found = SCAN.match(text, at)
        if found:
            if found.lastgroup not in ("space", "word"):
                yield found.lastgroup, found[0], line
            at = found.end()
        else:
            end = statement_end(text, at)
            yield "code", text[at:end], line
            at = end


def without_comments(code):
    lines = re.sub(r"/\*.*?\*/", "", code, flags=re.DOTALL).split("\n")
    return "\n".join(line.rstrip() for line in lines if line.strip())


def member_names(text, enum):
    if enum:
        return re.findall(rf"(?:^|,)\s*({NAME})", text)
    call = re.findall(r"\(\*(\w+)\)", text)
    return call or re.findall(r"(\w+)(?:\[[^\]]*\])?\s*(?=[,;])", text)


def members_of(code, line, enum):
    """the members between the braces of a declaration, with the comments above or behind them"""
    begin, end = code.index("{") + 1, code.rindex("}")
    line += code.count("\n", 0, begin)
    result, above, on_line = [], "", []
    piece = r"/\*.*?\*/|\n|[^,\n/]+(?:,|(?=\n|/\*|$))" if enum else r"/\*.*?\*/|\n|[^;/]+;"
    for found in re.finditer(piece, code[begin:end], re.DOTALL):
        text = found[0]
        if text == "\n" or not text.strip():
            on_line = [] if text == "\n" else on_line
        elif text.startswith("/*"):
            if on_line:
                last = on_line[-1]
                last.comment = " ".join(filter(None, [last.comment, plain(text)]))
            else:
                above = plain(text)
        else:
            where = line + text[:len(text) - len(text.lstrip())].count("\n")
            if "\n" in text[:len(text) - len(text.lstrip())]:
                on_line = []
            text = " ".join(text.split()).rstrip(",")
            member = Member(member_names(text, enum), text, above, where)
            result.append(member)
            on_line.append(member)
            above = ""
        line += found[0].count("\n")
    return result


def read_macro(text):
    """(kind, name, what is shown of it, parameters) of a #define; None: not a public one"""
    found = re.match(rf"\s*#\s*define\s+({NAME})(\([^)]*\))?\s*(.*)", text, re.DOTALL)
    if not found:
        return None
    name, parameters, value = found[1], found[2] or "", found[3].strip()
    shown = " " + value if not parameters and re.fullmatch(r"\w+", value) else ""
    return "macro", name, f"#define {name}{parameters}{shown}", parameters


def read_declaration(code):
    """(kind, name, text, parameters) of a declaration; None: it only announces a type"""
    text = without_comments(code)
    flat = " ".join(text.split())
    if re.fullmatch(r"struct \w+;", flat):
        return None
    if flat.startswith("extern"):
        return "object", ", ".join(re.findall(rf"({NAME})\s*(?=[,;])", flat)), text, flat
    if flat.startswith(("enum", "typedef enum")):
        found = re.search(rf"({NAME});$", flat)
        return "enum", found[1] if found else "", text, flat
    if flat.startswith("typedef"):
        found = re.search(rf"\(\*({NAME})\)|({NAME});$", flat)
        return "type", found[1] or found[2], text, flat
    found = re.search(rf"({NAME})\((.*)\)[^()]*(?:\([^()]*\))?;$", flat)
    if not found:
        raise ValueError(f"what is this? {flat}")
    return "function", found[1], text, found[2].replace(found[1], "")


class Reader:
    """reads one header, token by token"""

    def __init__(self, path, name):
        self.header = Header(name, path, "", "", [], [], set(), [])
        self.section = Section("", "", 1)
        self.header.sections.append(self.section)
        self.pending, self.pending_line = None, 0    # a comment that waits for its declaration
        self.group = None                            # what a declaration without comment may join
        self.last = None                             # the item that ended on this line
        self.seen = set()

    def fault(self, line, what):
        self.header.faults.append(f"{self.header.path}:{line}: {what}")

    def drop_pending(self):
        """a comment with nothing below it is a note"""
        if self.pending:
            self.section.items.append(
                Item("note", [], [], self.pending, self.section.title, self.pending_line))
        self.pending = None

    def comment(self, text, line, beside):
        text = plain(text)
        if beside:
            self.beside(text)
            return
        self.drop_pending()
        self.group = None
        if not self.header.intro and line == 1:
            self.header.intro = text
            title = re.match(r"(?:Cotangent: )?(.+?)(?:[.:](?=\s|$)|$)", text, re.DOTALL)[1]
            self.header.title = " ".join(title.split())
        elif text.startswith("-- "):
            title, rest = re.fullmatch(r"-- (.+?)(?:[.:](?:\s+(.*))?)?", text, re.DOTALL).groups()
            self.section = Section(" ".join(title.split()), rest or "", line)
            self.header.sections.append(self.section)
        else:
            self.pending, self.pending_line = text, line

    def beside(self, text):
        """a comment on the line of a declaration: it has an item of its own then"""
        item = self.last
        if self.group is item and len(item.names) > 1 and item.kind != "object":
            name, prototype = item.names.pop(), item.prototypes.pop()
            item = Item(item.kind, [name], [prototype], "", item.section, item.line)
            self.section.items.append(item)
        item.comment = " ".join(filter(None, [item.comment, text]))
        self.group = None

    def declared(self, kind, name, text, parameters, code, line):
        names = name.split(", ") if name else []
        if any(n in self.seen for n in names):
            return
        self.seen.update(names)
        if self.pending is None and self.group and self.joins(name, parameters):
            item = self.group
            item.names += names
            item.prototypes.append(text)
        else:
            comment, self.pending = self.pending, None
            item = Item(kind, names, [text], comment or "", self.section.title, line)
            self.group = item if comment else None
            self.parameters = parameters
            self.section.items.append(item)
        if "{" in code:
            item.members = members_of(code, line, kind == "enum")
            item.names = item.names or item.constants
        self.last = item

    def joins(self, name, parameters):
        mentioned = name and re.search(rf"\b{name}\b", self.group.comment)
        return mentioned or parameters == self.parameters

    def directive(self, text, line):
        words = re.match(r"\s*#\s*(\w+)\s*(.*)", text, re.DOTALL)
        include = re.match(r"<cotangent/(.*)>", words[2])
        if include:
            self.header.includes.append(include[1])
        if words[1] == "undef":
            self.header.settings.add(words[2].strip())
        macro = read_macro(text) if words[1] == "define" else None
        if macro:
            self.declared(*macro, "", line)
        elif words[1] in ("define", "undef"):
            self.pending = self.group = None         # a comment for those who read the source

    def read(self):
        text = self.header.path.read_text(encoding="utf-8")
        end = 0                                      # the line on which the last declaration ended
        for kind, piece, line in scan(text):
            if kind == "comment":
                if line != end or self.last:
                    self.comment(piece, line, beside=line == end)
            elif kind == "blank":
                self.drop_pending()
                self.group = None
            elif kind == "directive":
                self.last = None
                if piece.strip() != "#":
                    self.directive(piece, line)
            else:
                found = read_declaration(piece)
                self.last = None
                if found:
                    self.declared(*found, piece, line)
            if kind in ("code", "directive"):
                end = line + piece.count("\n")
        self.drop_pending()
        self.finish()
        return self.header

    def finish(self):
        """takes out what is not public, and names what has no comment"""
        header = self.header
        for section in header.sections:
            section.items = [i for i in section.items if i.kind == "note" or
                             not set(i.names) <= header.settings]
        for item in header.items:
            told = item.comment or (item.members and any(m.comment for m in item.members))
            if not told:
                self.fault(item.line, f"{item.names[0]} has no comment")
        header.sections = [s for s in header.sections if s.title or s.items]


def check_names(headers, root):
    """the public names, headers and pages that comments mention and that are not there"""
    known = {name for h in headers for item in h.items for name in item.anchors}
    known |= {name for h in headers for name in h.settings}
    ours = {h.name for h in headers} | {h.name.split("/")[-1] for h in headers}
    faults = []
    for header in headers:
        text = header.path.read_text(encoding="utf-8")
        for comment in re.finditer(r"/\*.*?\*/", text, re.DOTALL):
            for found in MENTION.finditer(comment[0]):
                name, beginning = found["name"] or found[0], found["more"]
                there = (name in known or (root / name).exists() or name in ours or
                         name.removeprefix("cotangent/") in ours or
                         beginning and any(k.startswith(name) for k in known))
                if not there:
                    line = text.count("\n", 0, comment.start() + found.start()) + 1
                    faults.append(f"{header.path}:{line}: {name} does not exist")
    return faults


def faults_of(headers, root):
    """all that is wrong with the manual, as FILE:LINE: WHAT"""
    return [fault for h in headers for fault in h.faults] + check_names(headers, root)


def read_headers(folder):
    """the headers below a folder that holds cotangent.h: that one, then those that it includes,
    each followed by those that it includes itself, and then the others"""
    folder = pathlib.Path(folder)
    paths = [folder / "cotangent.h", *sorted((folder / "cotangent").rglob("*.h"))]
    headers = {}
    for path in paths:
        name = str(path.relative_to(folder)).removeprefix("cotangent/")
        headers[name] = Reader(path, name).read()
    order = {"cotangent.h": None}
    for name in headers["cotangent.h"].includes:
        parts = headers[name].includes if name in ("ops.h", "nn.h") else []
        order.update(dict.fromkeys([name, *parts]))
    return [headers[name] for name in [*order, *sorted(headers.keys() - order.keys())]]
