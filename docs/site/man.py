"""The manual as man pages, section 3, in mdoc: one for each declaration or group of them, with
links for the further names of a group, and one for each header. cotangent.3 comes first."""
import datetime
import os
import pathlib
import re
import subprocess
import sys
import textwrap

import comments
from headers import NAME, read_headers


# -- Text
def escaped(text):
    """text for mdoc: no backslash, quote or accent of it means something"""
    return re.sub(r"[\\\"'`^~]", lambda c: {"\\": r"\e", '"': r"\(dq", "'": r"\(aq", "`": r"\(ga",
                                            "^": r"\(ha", "~": r"\(ti"}[c[0]], text)


def protected(line):
    """a line of text, which is no request"""
    return r"\&" + line if line.startswith((".", "'")) else line


def sentences(text):
    """each begins on a line of its own"""
    return re.split(r"(?<=[.:;!?])\s+(?=\S)", text)


def filled(text, index):
    """a paragraph's lines; public names and code in backquotes are bold"""
    lines = []
    for sentence in sentences(" ".join(text.split())):
        for line in textwrap.wrap(sentence, 56, break_long_words=False, break_on_hyphens=False):
            line = re.sub(r"`([^`]+)`", "\x01\\1\x02", line)
            line = re.sub(rf"\b{NAME}",
                          lambda m: f"\x01{m[0]}\x02" if m[0] in index else m[0], line)
            line = escaped(line).replace("\x01", r"\fB").replace("\x02", r"\fR")
            lines.append(protected(line.replace("()", r"(\&)")))
    return lines


def block(b, index):
    if b.kind == "text":
        return filled(comments.capital(b.data[0]), index)
    if b.kind == "list":
        items = [[".It", *filled(item, index)] for item in b.data]
        return [".Bl -bullet", *sum(items, []), ".El"]
    if b.kind == "table":
        return [".Bl -tag -width Ds", *sum((row_of(row, b, index) for row in b.data[b.head:]), []),
                ".El"]
    return [".Bd -literal -offset indent", *(protected(escaped(line)) for line in b.data), ".Ed"]


def row_of(row, table, index):
    """a row of a table as an item of a list; with a head, each cell says what it is"""
    heads = [f"{h}: " for h in table.data[0]] if table.head else [""] * len(row)
    cells = [head + cell for head, cell in zip(heads[1:], row[1:]) if cell]
    return [f".It {quoted(row[0].replace(comments.NESTED, '  '))}",
            *filled("; ".join(cells) or "-", index)]


def set_text(text, index):
    """paragraphs; a display or a list begins one of its own"""
    lines = []
    for b in comments.whole_blocks(text):
        if lines and b.kind == "text":
            lines.append(".Pp")
        lines += block(b, index)
    return lines


def quoted(text):
    """one argument of a macro"""
    return f'"{escaped(text)}"'


# -- Declarations
def split_arguments(text):
    """the parameters between the brackets of a prototype"""
    depth, parts = 0, [""]
    for c in text:
        depth += (c in "([") - (c in ")]")
        if c == "," and depth == 0:
            parts.append("")
        else:
            parts[-1] += c
    return [" ".join(part.split()) for part in parts if part.strip()]


def synopsis(item, name, prototype):
    flat = " ".join(prototype.split())
    if item.kind == "macro":
        found = re.match(rf"#define {name}(\((.*)\))?(.*)", flat)
        return [f".Fd #define {name}{escaped((found[1] or '') + found[3])}"]
    if item.kind != "function":
        return [".Vt " + quoted(re.sub(r"\{.*\}", "{ ... }", flat))]
    kind, rest = flat.split(name + "(", 1)
    arguments = split_arguments(re.sub(r"\)( CT_PRINTF\(.*\))?;$", "", rest))
    return [f".Ft {quoted(kind.strip())}", f".Fo {name}",
            *(f".Fa {quoted(a)}" for a in arguments), ".Fc"]


def members(item, index):
    lines = [".Bl -tag -width Ds"]
    for member in item.members:
        macro = "Dv" if item.kind == "enum" else "Va"
        lines += [f".It {macro} {quoted(member.text.rstrip(';'))}",
                  *set_text(member.comment, index)]
    return [*lines, ".El"] if item.members else []


def description(item, index):
    formula = comments.formula_of(item.comment)
    if not formula:
        return set_text(item.comment, index) if item.comment else []
    value, derivative, rest = formula
    lines = [".Bl -tag -width Derivative -compact", ".It Value", *filled(value, index),
             ".It Derivative", *filled(derivative.removeprefix("derivative: "), index), ".El"]
    return lines + ([".Pp", *set_text(rest, index)] if rest else [])


# -- Pages
def header_page(header):
    """the name of its page"""
    path = header.name.removesuffix(".h").replace("/", "_")
    return path if path == "cotangent" else "cotangent_" + path


def head(names, line, date):
    """line is what stands behind the names"""
    lines = [f".Dd {date:%B} {date.day}, {date.year}", f".Dt {names[0].upper()} 3",
             ".Os", ".Sh NAME"]
    lines += [f".Nm {n} ," for n in names[:-1]] + [f".Nm {names[-1]}"]
    end = r"\&" if line[-1] in ".,:;()[]?!|" else ""
    return lines + [f".Nd {protected(escaped(line))}{end}"]


def see_also(names, page):
    names = sorted(set(names) - {page}, key=lambda n: (n.lower(), n))
    return [".Sh SEE ALSO", *(f".Xr {n} 3 ," for n in names[:-1]), f".Xr {names[-1]} 3"]


def mentioned(text, index):
    return {index[name] for name in re.findall(rf"\b{NAME}", text) if name in index}


def what(item, index):
    """the line behind the names"""
    line, users = comments.summary(item), ", ".join(sorted(index.users(item))[:3])
    if users and (not line or item.anchor.endswith("_options")):
        line = f"options of {users}" if item.anchor.endswith("_options") else f"used by {users}"
    line = re.sub(r"^(an? |the )", "", " ".join((line or item.kind).split()).replace("`", ""))
    if len(line) <= 90:
        return line
    return line[:line.rindex(" ", 0, 87)].rstrip(" ,;:(") + " ..."


class Names(dict):
    """the page that each public name is on"""

    def __init__(self, headers):
        super().__init__()
        self.items = [item for header in headers for item in header.items]
        for item in self.items:
            self.update((name, item.anchor) for name in item.anchors)

    def users(self, item):
        return [i.anchor for i in self.items if i is not item and i.kind == "function" and
                re.search(rf"\b{item.anchor}\b", i.prototype)]


def item_page(header, section, item, index, date):
    include = "cotangent.h" if header.name != "mpi.h" else "cotangent/mpi.h"
    include = f"cotangent/{header.name}" if header.name == "kernels.h" else include
    lines = head(item.names, what(item, index), date)
    lines += [".Sh SYNOPSIS", f".In {include}"]
    for name, prototype in zip(item.names, item.prototypes or [item.prototype]):
        lines += synopsis(item, name, prototype)
    body = description(item, index) + members(item, index)
    lines += [".Sh DESCRIPTION", *(body or ["There is no more to say about it."])]
    if section.text:
        lines += [f".Ss {escaped(section.title)}", *set_text(section.text, index)]
    text = " ".join([item.comment, section.text, *(m.comment for m in item.members)])
    related = mentioned(text, index) | {header_page(header)}
    return lines + see_also(related, item.anchor)


def page_of_header(header, headers, index, date):
    """its introduction, and what it declares"""
    name = header_page(header)
    included = "cotangent.h" if name == "cotangent" else f"cotangent/{header.name}"
    lines = head([name], header.title[0].lower() + header.title[1:], date)
    lines += [".Sh SYNOPSIS", f".In {included}", ".Sh DESCRIPTION", *set_text(header.intro, index)]
    for section in header.sections:
        names = [n for item in section.items for n in item.names]
        if names:
            lines += [f".Ss {escaped(section.title)}"] if section.title else [".Pp"]
            lines += set_text(section.text, index) + [".Pp"] if section.text else []
            lines += [f".Xr {index[n]} 3" + (" ," if n != names[-1] else "")
                      for n in names]
    others = {header_page(h) for h in headers if h.name in header.includes}
    if name == "cotangent":
        others = {header_page(h) for h in headers}
    return lines + see_also(others | {"cotangent"} | mentioned(header.intro, index), name)


def write_man(headers, folder, date=None):
    """writes folder/man3, and returns it. The date is that of SOURCE_DATE_EPOCH, or else today"""
    stamp = os.environ.get("SOURCE_DATE_EPOCH")
    now = datetime.datetime.fromtimestamp(int(stamp), datetime.timezone.utc) if stamp else \
        datetime.datetime.now()
    date = date or now.date()
    folder = pathlib.Path(folder) / "man3"
    folder.mkdir(parents=True, exist_ok=True)
    index = Names(headers)

    def write(name, lines):
        (folder / f"{name}.3").write_text("\n".join(lines) + "\n", encoding="utf-8")

    for header in headers:
        write(header_page(header), page_of_header(header, headers, index, date))
        for section in header.sections:
            for item in (i for i in section.items if i.names):
                write(item.anchor, item_page(header, section, item, index, date))
                for name in item.names[1:]:
                    write(name, [f".so man3/{item.anchor}.3"])
    return folder


def lint(folder):
    """what mandoc finds wrong with the pages in the folder. It looks for other pages in the system
    only: so those that are in the folder are not missing"""
    pages = sorted(p for p in folder.iterdir() if not p.read_text("utf-8").startswith(".so "))
    done = subprocess.run(["mandoc", "-T", "lint", *pages], capture_output=True, text=True)
    faults = []
    for line in (done.stdout + done.stderr).splitlines():
        missing = re.search(r"referenced manual not found: Xr (\w+) 3", line)
        if not (missing and (folder / f"{missing[1]}.3").exists()):
            faults.append(line)
    return faults


if __name__ == "__main__":
    write_man(read_headers(sys.argv[1]), sys.argv[2])
