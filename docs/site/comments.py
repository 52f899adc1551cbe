"""The text of a comment, in blocks: paragraphs, lists, tables, code, and lines that stay.

Lines at the margin are paragraphs, and empty lines are between them. Lines that begin with "- " and
a capital are a list. What is indented is code if it looks like C, a table if it has columns (two spaces between),
and else lines that stay as they are: equations."""
import re
import typing


NESTED = "\u2003"                  # begins the first cell of a row that belongs to the one above


class Block(typing.NamedTuple):
    kind: str                       # text, list, table, code, lines
    data: list                      # paragraphs: [text]; list: texts; table: rows of cells; lines
    head: bool = False              # of a table: its first row names the columns


def indent(line):
    return len(line) - len(line.lstrip())


def cells_of(line):
    """(position, text) of what two spaces or more separate"""
    return [(m.start(), m[0]) for m in re.finditer(r"\S+(?: \S+)*", line)]


def list_of(lines):
    items = []
    margin = indent(lines[0])
    for line in lines:
        if line[margin:].startswith("- "):
            items.append(line.strip()[2:])
        elif line.strip():
            items[-1] += " " + line.strip()
    return Block("list", items)


def is_code(lines):
    """C begins with a statement, a directive, or a type"""
    return re.search(r"[;{]$|;\s{2,}\S|^\s*(#\w|static\b|struct\b|const\b)", lines[0])


def columns_of(rows):
    """where columns begin: the first one, and others in which a quarter of the rows have a cell"""
    starts = [position for row in rows for position, _ in cells_of(row)[1:]]
    often = sorted(p for p in set(starts) if starts.count(p) >= max(2, len(rows) / 4))
    return [indent(rows[0]), *(often or starts[:1])]


def split_at(line, columns):
    """the cells of a line under a head, whose columns are known: one space may separate them"""
    ends = [*columns[1:], len(line)]
    return [line[a:b].strip() for a, b in zip(columns, ends)]


def table_with_head(lines):
    """its first line names the columns, and so says where they are"""
    columns = [min(indent(line) for line in lines)] + [p for p, _ in cells_of(lines[0])]
    table = [["", *(text for _, text in cells_of(lines[0]))]]
    for line in lines[1:]:
        cells = [text for _, text in cells_of(line)]
        cells = cells if len(cells) == len(columns) else split_at(line, columns)
        if cells[0]:
            table.append(cells)
        else:
            table[-1] = [f"{a} {b}".strip() for a, b in zip(table[-1], cells)]
    return Block("table", table, True)


def table_of(lines):
    """a table, or None: these lines have no columns"""
    margin = min(indent(line) for line in lines)
    if indent(lines[0]) > margin and len(cells_of(lines[0])) > 1:
        return table_with_head(lines)
    rows = [line for line in lines if indent(line) == margin]
    if sum(len(cells_of(row)) > 1 for row in rows) * 2 < len(rows) + 1:
        return None
    columns, table = columns_of(rows), []
    for line in lines:
        nested = indent(line) > margin
        if not nested or indent(line) < columns[1]:
            table.append([NESTED if nested else ""] + [""] * (len(columns) - 1))
        least = 0
        for position, text in cells_of(line):
            under = max([0, *(c for c, p in enumerate(columns) if p <= position + 1)])
            at = min(max(under, least), len(columns) - 1)
            table[-1][at] = (table[-1][at] + " " + text).replace(NESTED + " ", NESTED).strip(" ")
            least = at + 1
    return Block("table", table)


def indented(lines):
    margin = min(indent(line) for line in lines if line.strip())
    if lines[0].strip().startswith("- "):
        return list_of(lines)
    if is_code(lines):
        return Block("code", [line[margin:] for line in lines])
    filled = [line for line in lines if line.strip()]
    return table_of(filled) or Block("lines", [line[margin:] for line in lines])


def kind_of(line, before):
    """paragraph, list or indented; what follows a list and is indented belongs to it"""
    if re.match(r"- [A-Z`]", line):                 # and no minus sign
        return "list"
    if not line.startswith(" "):
        return "text"
    return "list" if before == "list" and indent(line) == 2 else "indented"


def blocks(text):
    """the blocks of a comment's plain lines"""
    result, gathered, kind = [], [], None

    def end():
        while gathered and not gathered[-1].strip():
            gathered.pop()
        if gathered and kind == "text":
            result.append(Block("text", [" ".join(line.strip() for line in gathered)]))
        elif gathered:
            result.append(list_of(gathered) if kind == "list" else indented(gathered))
        gathered.clear()

    for line in text.split("\n"):
        if not line.strip():
            if kind == "text":
                end()
                kind = None
            elif gathered:
                gathered.append("")
            continue
        new = kind_of(line, kind)
        if new != kind:
            end()
            kind = new
        gathered.append(line)
    end()
    return result


FORMULA = re.compile(r"(?P<formula>(?:[^;.]|\.(?=\S))+?\s=\s(?:[^;]|;(?!\s(?:g|derivative:)))+?);\s"
                     r"(?P<derivative>g\w*(?:\[[^]]*\])*\s=\s.+?|derivative: none)"
                     r"(?:(?:(?<=[^.])|(?<=\.\.\.))\.(?=\s)|$)", re.DOTALL)


def formula_of(text):
    """(formula, derivative, the rest) if the comment of an operator begins here; else None"""
    found = FORMULA.match(text)
    if not found:
        return None
    formula, derivative = (" ".join(found[part].split()) for part in ("formula", "derivative"))
    return formula, derivative, text[found.end():].strip()


def lead_of(intro):
    """the first sentence of a header's introduction, and what comes behind it"""
    paragraph, *rest = intro.split("\n\n", 1)
    found = re.match(r"(.+?[^.]\.)(?:\s+(.*))?$", paragraph, re.DOTALL)
    if not found:
        return "", intro
    return " ".join(found[1].split()), "\n\n".join(filter(None, [found[2], *rest]))


def summary(item):
    """what an item is, in a line; "" if it has no comment of its own"""
    formula = formula_of(item.comment)
    if formula:
        return formula[0]
    first = blocks(item.comment)[0].data[0] if item.comment else ""
    first = first.removeprefix("All ranks. ")      # of mpi.h: who calls it
    return re.match(r"(?:.*?[^.\s](?=\.(?:\s|$))(?!\.\.))|.*", first)[0]


# a first word that is no letter of a formula and no name, or an article
WORD = re.compile(r"[a-z]{2,}\b(?![._(\[]| =)"
                  r"|a (?!(?:is|and|or|has|may|must|log)\b)(?=[A-Za-z]{2})")


def capital(text):
    """a sentence begins with a capital, unless its first word is a name or a letter of a formula"""
    return text[0].upper() + text[1:] if WORD.match(text) else text


def whole(text):
    """a paragraph, whose last full stop may be left out in a comment"""
    return capital(text) + ("" if text[-1] in ".:;!?" else ".")


def whole_blocks(text):
    """the blocks; a paragraph ends with a full stop, unless a list or a formula belongs to it"""
    found = blocks(text)
    for at, block in enumerate(found):
        if block.kind == "text" and (at + 1 == len(found) or found[at + 1].kind == "text"):
            block.data[0] = whole(block.data[0])
    return found
