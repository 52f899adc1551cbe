"""C as HTML: comments, texts, numbers, words and types get classes, and names become links.

    comment    string (a text in quotes)    number    directive (#include)    key    type
"""
import re
from html import escape

WORDS = set("""auto break case const continue default do else enum extern for goto if inline return
    sizeof static struct switch typedef union volatile while""".split())
TYPES = set("""bool char double float int long short signed unsigned void size_t int8_t int16_t int32_t
    int64_t uint8_t uint16_t uint32_t uint64_t FILE sig_atomic_t MPI_Comm REAL""".split())
TOKEN = re.compile(r"""
    (?P<comment>/\*.*?\*/|//[^\n]*)
  | (?P<string>"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'|(?<=include[ ])<[^>\n]+>)
  | (?P<directive>(?m:^)[ \t]*\#[ ]*\w+)
  | (?P<number>\b0x[0-9a-fA-F]+\w*\b|(?<!\w)\d[\d.]*(?:[eE][-+]?\d+)?\w*)
  | (?P<name>[A-Za-z_]\w*)
""", re.VERBOSE | re.DOTALL)


def highlight(code, link=lambda name: None):
    """the HTML; link(name) is where a name leads to, or None"""
    out, at = [], 0
    for found in TOKEN.finditer(code):
        out.append(escape(code[at:found.start()], False))
        text, kind = escape(found[0], False), found.lastgroup
        if kind == "name":
            target = link(found[0])
            kind = "key" if found[0] in WORDS else "type" if found[0] in TYPES else None
            if target:
                text = f'<a href="{escape(target)}">{text}</a>'
        out.append(f'<span class="{kind}">{text}</span>' if kind else text)
        at = found.end()
    return "".join(out) + escape(code[at:], False)
