"""C and commands as HTML: comments, strings and keywords are told apart, and names are links."""
import re
from html import escape

KEYWORDS = set("""auto break case const continue default do else enum extern for goto if inline
    return sizeof static struct switch typedef union volatile while _Static_assert""".split())
TYPES = set("""void char short int long float double signed unsigned bool size_t int8_t int32_t
    int64_t uint8_t uint32_t uint64_t FILE""".split())
C = re.compile(r"""
    (?P<comment>/\*.*?\*/|//[^\n]*)
  | (?P<string>"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'|(?<=include\ )<[^>\n]+>)
  | (?P<directive>^[ ]*\#[ ]*\w+)
  | (?P<number>\b\d[\w.]*(?:(?<=[eE])[-+]\d+)?)
  | (?P<name>[A-Za-z_]\w*)
""", re.VERBOSE | re.DOTALL | re.MULTILINE)
NAME = re.compile(r"\b(?:ct|CT)_\w+")


def names(text, link):
    """text to HTML, with link(name) for each name of the library, which is an address or None"""
    out, last = [], 0
    for found in NAME.finditer(text):
        out.append(escape(text[last:found.start()], False))
        out.append(name(found.group(), link))
        last = found.end()
    return "".join(out) + escape(text[last:], False)


def name(text, link):
    address = link(text) if NAME.fullmatch(text) else None
    return f'<a href="{address}">{text}</a>' if address else escape(text, False)


def c(text, link):
    """a program in C"""
    out, last = [], 0
    for found in C.finditer(text):
        out.append(escape(text[last:found.start()], False))
        last = found.end()
        kind, piece = found.lastgroup, found.group()
        if kind == "name":
            kind = "key" if piece in KEYWORDS else "type" if piece in TYPES else None
        if kind is None:
            out.append(name(piece, link))
        elif kind in ("comment", "string"):
            out.append(f'<span class="{kind}">{names(piece, link)}</span>')
        else:
            out.append(f'<span class="{kind}">{escape(piece, False)}</span>')
    return "".join(out) + escape(text[last:], False)


def block(text, language, link, label=""):
    """a block of code, which can be scrolled by the keyboard"""
    inside = c(text, link) if language in ("c", "h") else names(text, link)
    words = label or {"c": "program", "h": "header", "sh": "commands"}.get(language, "text")
    wide = " wide" if max(map(len, text.split("\n"))) > 102 else ""
    return (f'<pre class="{language or "text"}{wide}" tabindex="0" role="group" '
            f'aria-label="{escape(words)}"><code>{inside}</code></pre>')
