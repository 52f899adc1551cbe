#!/usr/bin/env python3
"""cut.py FOLDER NAME.c OUT.c [CC [OPTION ...]]: makes one file of a program that ct_program_emit
wrote and of what it uses of the library, which onefile.py has written into FOLDER.

The text is that which the compiler sees behind the preprocessor, `cc -O2 -std=c11` if no other is
named; OUT.c is to be compiled with the same options. System headers stay to be included. What is
kept is found by names: a declaration is kept if something that is kept names it, the program first
of all. Of operators, `forward`, `backward` and the kernels count, and what differentiates does not.
All names that other files could see get the program's name in front, so that several such files,
and the library, may be in one program."""
import pathlib
import re
import subprocess
import sys

from names import KEYWORDS, TOKEN, enumerators, without_attributes

WORDS = KEYWORDS | {"_Alignas", "__attribute__", "_Static_assert"}
# Members of operators that nobody reads in a run
UNUSED = re.compile(r'\.(?:vjp|jvp|sample|formula|derivative)\s*=\s*'
                    r'(?:"(?:\\.|[^"\\])*"|\w+|\s)+(?:,|(?=\}))')
# Options for code of which nothing was kept
EMPTY = re.compile(r"#pragma (?:GCC push_options|clang attribute push.*)\n"
                   r"(?:\s|#pragma (?!.*(?:push|pop)).*\n)*"
                   r"#pragma (?:GCC pop_options|clang attribute pop)\n")
# The preprocessor leaves unknown pragmas alone
KEPT = "#pragma ct__keep "
# A function stays, too, if it has the name of a variable of another
QUIET = '#pragma GCC diagnostic ignored "-Wunused-function"\n'
COMPILER = (f"#if defined(__clang__)\n{KEPT}#if !defined(__clang__)\n#else\n"
            f"{KEPT}#if defined(__clang__)\n#endif\n"
            f'{KEPT}#error "cut for another compiler"\n{KEPT}#endif\n')


class Item:
    """A declaration, a definition or a pragma, with the comments before it."""

    def __init__(self, text, tokens, unit):
        self.unit = unit
        self.text = UNUSED.sub("", text) if "ct_op ct" in text or "_op = " in text else text
        self.pragma = tokens == []
        self.kept = self.pragma
        words = {token for _, token, depth in tokens if depth == 0}
        self.external = not words & {"static", "typedef", "struct", "union", "enum"} or (
            not words & {"static", "typedef"} and bool(words & {"(", "="}))
        self.own = "static" in words and not words & {"inline", "typedef"}
        self.names = set() if self.pragma else defined(tokens)
        all_tokens = ["", *(m[0] for m in TOKEN.finditer(self.text) if m.lastgroup != "space"), ""]
        of_type = not words & {"(", "="} and bool(words & {"struct", "union"})
        self.uses = {b for a, b, c in zip(all_tokens, all_tokens[1:], all_tokens[2:])
                     if re.match(r"[A-Za-z_]", b) and a not in (".", "->") and
                     not (of_type and c in (";", ",", "[", ":"))} - WORDS  # else a member's name


def defined(tokens):
    """The names that a declaration gives to something."""
    tokens = without_attributes(tokens)
    flat = [(kind, token) for kind, token, depth in tokens if depth == 0]
    whole = " ".join(token for _, token, _ in tokens)
    found = set()
    if flat[-1][1] == ";":  # no function
        found = {*enumerators(tokens), *re.findall(r"\b(?:struct|union|enum) (\w+) {", whole)}
    if "typedef" in [token for _, token in flat]:
        end = whole.split("}")[-1]
        return found | set((re.search(r"\( \* (\w+) \)", end) or
                            re.search(r"(\w+)(?: \[.*\])? ;$", end) or
                            re.search(r"(\w+) \(.*\) ;$", end)).groups())
    value = False
    for (kind, token), (_, behind) in zip(flat, flat[1:]):
        if kind == "name" and not value and token not in WORDS and behind in tuple("([=,;"):
            found.add(token)
            if behind == "(":
                break
        value = token == "=" or (value and token != ",")
    return found


def items(text):
    start, depth, body, unit, tokens = 0, 0, False, "", []
    for m in re.finditer(rf"(?P<pragma>\#[^\n]*\n)|{TOKEN.pattern}", text,
                         re.M | re.S | re.X):
        kind, token = m.lastgroup, m[0]
        if kind == "space":
            named = re.match(r"/\* == (\S+) \*/", token)
            unit = named[1] if named and depth == 0 else unit
            continue
        if kind != "pragma":
            if token in ")]}":
                depth -= 1
            if token == "{" and depth == 0:
                body = tokens[-1][1] == ")" and "=" not in [t for _, t, d in tokens if d == 0]
            tokens.append((kind, token, depth))
            depth += token in ("(", "[", "{")
        ends = token == ";" or (token == "}" and body) or (kind == "pragma" and not tokens)
        if depth == 0 and ends:
            yield Item(text[start:m.end()], tokens, unit)
            start, body, tokens = m.end(), False, []


def keep(all_items, names):
    """Keeps what defines these names, and what that uses, and so on."""
    by_name = {}
    for item in all_items:
        for name in item.names:
            by_name.setdefault(name, []).append(item)
    left = [(name, None) for name in names]
    while left:
        name, unit = left.pop()
        for item in by_name.get(name, ()):
            if not item.kept and not (item.own and unit != item.unit):
                item.kept = True
                left.extend((used, item.unit) for used in item.uses)


def preprocessed(text, compiler):
    text = re.sub(r"^[ \t]*(#[ \t]*include[ \t]*<[^\n]*)$", KEPT + r"\1", text, flags=re.M)
    return subprocess.run([*compiler, "-E", "-P", "-C", "-x", "c", "-nostdinc", "-"],
                          input=text.encode(), check=True, stdout=subprocess.PIPE).stdout.decode()


def main(folder, plan, out, *compiler):
    program = pathlib.Path(plan).read_text(encoding="ascii")
    name = pathlib.Path(plan).stem
    library = (pathlib.Path(folder) / "cotangent.c").read_text(encoding="utf-8")
    header = (pathlib.Path(folder) / "cotangent.h").read_text(encoding="utf-8")
    library = library.replace('#include "cotangent.h"\n', header)
    before, after = program.split('#include "cotangent.c"\n')
    text = preprocessed(library + COMPILER, compiler or ("cc", "-O2", "-std=c11"))
    all_items = list(items(text))
    keep(all_items, {m[0] for m in TOKEN.finditer(after) if m.lastgroup == "name"})
    cut = "".join(item.text for item in all_items if item.kept)
    while EMPTY.search(cut):
        cut = EMPTY.sub("", cut)
    seen = sorted({n for item in all_items if item.kept and item.external for n in item.names})
    top = "#define _POSIX_C_SOURCE 200809L\n" + QUIET + "".join(
        f"#define {n} {name}__{n}\n" for n in seen)
    pathlib.Path(out).write_text(before + top + cut.replace(KEPT, "") + after, encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
