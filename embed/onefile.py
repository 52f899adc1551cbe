#!/usr/bin/env python3
"""onefile.py [OUT [UTHASH_H]]: writes the library as two files, OUT/cotangent.c and
OUT/cotangent.h, and OUT/cotangent_kernels.h for those who write kernels. The same sources, with the
same uthash, make the same bytes.

cotangent.c is every source file of autograd/, ops/ and nn/, one after the other, as their
meson.build list them. What each file has for itself must stay its own:

- Names. A static function, type or enumerator that two files define gets the name of its file in
  front, in both: names.py.
- Macros. Behind each file what it defined is undefined. A private header is written once, where the
  first file includes it; of later inclusions only the macros are repeated.
- Kernels. Their file is repeated for each dtype and processor, as cotangent/kernels.h would include
  it.
- Options. The compiler's options of a layer become pragmas, so that no flags are needed.

System headers are included at the top, where nothing is hidden yet."""
import functools
import pathlib
import re
import subprocess
import sys

from names import Names

ROOT = pathlib.Path(__file__).resolve().parent.parent
LAYERS = ("autograd", "ops", "nn")
# What a macro leaves out: folders of sources, and public headers
PARTS = {
    "CT_NO_GRADCHECK": (["autograd/slopes", "autograd/gradcheck", "autograd/opcheck"],
                        ["cotangent/gradcheck.h"]),
    "CT_NO_GRAPH": (["autograd/pictures"], ["cotangent/graph.h"]),
    "CT_NO_NN": (["nn"], ["cotangent/nn.h", "cotangent/nn/", "cotangent/io.h"]),
}
# A declaration of what other libraries define, as LAPACK does
FOREIGN = re.compile(r"^(?!static|typedef|return)[a-z][\w ]*[ *](?!ct_)[a-z]\w*\([^;{]*\);$", re.M)
DIRECTIVE = re.compile(r"[ \t]*#[ \t]*(\w+)(.*)", re.S)


@functools.cache
def part_of(path):
    """The macro that leaves this file out, or None."""
    for macro, (folders, headers) in PARTS.items():
        if any(path.startswith(f) for f in [f + "/" for f in folders] + headers):
            return macro
    return None


def without_comments(text):
    """The same code, without comments and empty lines."""
    parts = re.split(r'("(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'|/\*.*?\*/|//[^\n]*)', text,
                     flags=re.S)
    text = "".join(" " if p.startswith(("/*", "//")) else p for p in parts)
    return "".join(line.rstrip() + "\n" for line in text.split("\n") if line.strip())


def logical_lines(text):
    """Lines, each with those that a backslash or an open comment joins to it."""
    line, comment = "", False
    for physical in text.splitlines(keepends=True):
        line += physical
        for mark in re.findall(r'/\*|\*/|"(?:\\.|[^"\\\n])*"', physical):
            comment = mark == "/*" or (comment and mark != "*/")
        if comment or physical.endswith("\\\n"):
            continue
        yield line
        line = ""


class Conditions:
    """The conditions round a line, as preprocessor lines that a copy of it can stand in."""

    def __init__(self):
        self.open = []

    def line(self, word, rest):
        rest = re.sub(r"/\*.*?\*/|//.*", "", rest, flags=re.S).strip()
        if word in ("if", "ifdef", "ifndef"):
            self.open.append({"if": f"({rest})", "ifdef": f"defined({rest})",
                              "ifndef": f"!defined({rest})"}[word])
        elif word in ("else", "elif"):
            self.open[-1] = f"!({self.open[-1]})" + (f" && ({rest})" if word == "elif" else "")
        elif word == "endif":
            self.open.pop()

    def text(self):
        return " && ".join(self.open)


class Source:
    """A file: its text without what guards it, and whether it is included once."""

    def __init__(self, path):
        self.path = path
        self.text = (ROOT / path).read_text(encoding="utf-8")
        guard = re.search(r"^#ifndef (\w+)\n#define \1\n", self.text, re.M)
        self.guarded = bool(guard) and path.endswith(".h")
        if self.guarded:
            body = self.text[guard.end():]
            self.text = self.text[:guard.start()] + body[:body.rindex("#endif")]


class Again(str):
    """Text of a kernel that was there before, for another dtype or processor."""


class OneFile:
    def __init__(self, uthash):
        self.sources = {}
        self.written = {}      # headers, and the part in which they were written
        self.system = {}       # system headers, and the conditions they are included under
        self.names = Names()
        self.uthash = uthash

    def source(self, path):
        if path not in self.sources:
            self.sources[path] = Source(path)
        return self.sources[path]

    def resolve(self, name, beside):
        """The path of "name": in the including file's folder, else in its layer, else below it."""
        near = f"{beside.rsplit('/', 1)[0]}/{name}"
        if (ROOT / near).exists():
            return near
        layer = beside.split("/")[0]
        for folder in LAYERS[LAYERS.index(layer)::-1]:
            found = [str(p.relative_to(ROOT)) for p in (ROOT / folder).rglob(name)]
            if len(found) == 1:
                return found[0]
        sys.exit(f"{beside}: {name} is in no folder, or in several")

    # -- One file with all that it includes: a list of (text, path of a guarded header or None)
    def expand(self, path, seen, conditions=None):
        pieces = []
        conditions = conditions or Conditions()
        settings = {}
        for line in logical_lines(self.source(path).text):
            match = DIRECTIVE.fullmatch(line)
            word, rest = (match[1], match[2].strip()) if match else ("", "")
            if word == "include":
                pieces += self.include(rest, path, seen, conditions, settings)
                continue
            conditions.line(word, rest)
            if word == "define" and rest.startswith("CT_KERNELS"):
                name, *value = rest.split(None, 1)
                settings[name] = re.sub(r"/\*.*", "", value[0], flags=re.S).strip()
                continue
            pieces.append((line, None))
        return pieces

    def include(self, what, path, seen, conditions, settings):
        name = re.match(r'[<"]([^>"]+)', what)[1]
        if name == "cotangent/kernels.h":
            return self.stamp(path, seen, conditions, settings) if settings else []
        if name.startswith("cotangent"):
            return []
        if what.startswith("<"):
            if name == "uthash.h":
                return self.header("uthash.h", seen, conditions)
            self.system.setdefault((name, conditions.text()))
            return []
        found = self.resolve(name, path)
        if not self.source(found).guarded:
            return self.expand(found, seen, conditions)
        return self.header(found, seen, conditions)

    def header(self, path, seen, conditions):
        """A guarded header, once for each file."""
        if path in seen:
            return []
        seen.append(path)
        if path == "uthash.h":
            self.sources.setdefault(path, self.uthash)
        if conditions.open:
            sys.exit(f"{path}: first included under {conditions.text()}")
        inner = self.expand(path, seen)
        return [(text, owner or path) for text, owner in inner]

    def stamp(self, path, seen, conditions, settings):
        """What cotangent/kernels.h makes of the file that CT_KERNELS names."""
        kernels = self.resolve(settings.pop("CT_KERNELS").strip('"'), path)
        widest = {"f32": settings.pop("CT_KERNELS_F32", "32"),
                  "f64": settings.pop("CT_KERNELS_F64", "32")}
        other = {"i64": settings.pop("CT_KERNELS_I64", None),
                 "bool": settings.pop("CT_KERNELS_BOOL", None)}
        tag = settings.pop("CT_KERNELS_TAG", "")
        if settings:
            sys.exit(f"{path}: unknown settings of kernels: {settings}")
        pieces = []

        def put(text):
            pieces.append((text, None))

        def one(dtype, real):
            put(f"#define CT__DTYPE _{dtype}\n#define REAL {real}\n"
                f"#define IS_F32 {int(dtype == 'f32')}\n#define IS_FLOAT {int(dtype[0] == 'f')}\n")
            first = not any(kernels in p[0] for p in pieces)
            if first:
                put(f"/* -- {kernels} */\n")
            for text, owner in self.expand(kernels, seen, conditions):
                pieces.append((text if first or owner else Again(without_comments(text)), owner))
            put("#undef CT__DTYPE\n#undef REAL\n#undef IS_F32\n#undef IS_FLOAT\n")

        put(f"#define K(name) CT__KERNEL(name, {tag}, CT__DTYPE, CT__SIMD)\n"
            "#define F(name) CT__MATH(name, IS_F32)\n")
        for size, simd in (16, ""), (32, "_avx2"), (64, "_avx512"):
            if all(int(w) < size for w in widest.values()) and size > 16:
                continue
            begin = f"CT_SIMD_BEGIN{simd.upper()}\n"
            put(("#ifdef CT_SIMD_X86\n" + begin if simd else "") +
                f"#define VECTOR_BYTES {size}\n#define CT__SIMD {simd}\n")
            for dtype, real in ("f32", "float"), ("f64", "double"):
                if int(widest[dtype]) >= size:
                    one(dtype, real)
            for dtype, real in other.items():
                if real and size == 16:
                    one(dtype, real)
            put("#undef VECTOR_BYTES\n#undef CT__SIMD\n" +
                ("CT_SIMD_END\n#endif\n" if simd else ""))
        put("#undef K\n#undef F\n")
        for dtype, value in (*widest.items(), *((d, "16" if r else "0") for d, r in other.items())):
            put(f"#undef CT__WIDEST_{dtype.upper()}\n#define CT__WIDEST_{dtype.upper()} {value}\n")
        self.names.tag(tag)
        return pieces

    # -- All of them
    def files(self):
        """Each layer's C files in the order of its meson.build."""
        for layer in LAYERS:
            build = (ROOT / layer / "meson.build").read_text(encoding="utf-8")
            for folder, files in re.findall(r"\['([\w.]+)', \[([^\]]*)\]\]", build):
                for name in re.findall(r"'(\w+\.c)'", files):
                    yield layer, f"{layer}/{name}" if folder == "." else f"{layer}/{folder}/{name}"
                if folder == "pictures":
                    yield layer, "autograd/pictures/page_text.c"

    def collect(self):
        self.sources["autograd/pictures/page_text.c"] = page_text()
        self.units = []
        for layer, path in self.files():
            seen = []
            pieces = self.expand(path, seen)
            self.units.append((layer, path, pieces, seen))
            own = "".join(text for text, owner in pieces
                          if owner is None and not isinstance(text, Again))
            macros = "".join(text for text, owner in pieces if owner and text.startswith("#define"))
            self.names.unit(path, own, seen, macros)
            for header in (h for h in seen if h not in self.names.defined):
                text = "".join(text for text, owner in pieces if owner == header)
                self.names.unit(header, text, [h for h in seen if h != header])

    def unit_text(self, path, pieces):
        out, defined = [], []
        for text, owner in pieces:
            match = DIRECTIVE.fullmatch(text)
            if match and match[1] == "define" and owner != "uthash.h":
                defined.append(re.match(r"\s*(\w+)", match[2])[1])
            if owner and owner in self.written:
                if part_of(owner) not in (None, part_of(path)) or self.written[owner] not in (
                        None, part_of(path)):
                    sys.exit(f"{path}: {owner} is left out with {self.written[owner]}")
                if not match or owner == "uthash.h":
                    continue
                text = without_comments(text)
            out.append((text, owner if owner and not match else path))
        for owner in {owner for _, owner in pieces if owner}:
            self.written.setdefault(owner, part_of(path))
        text = "".join(self.names.renamed(part, owner) for part, owner in joined(out))
        text = FOREIGN.sub(r"#if defined(__GNUC__)\n#pragma GCC visibility push(default)\n#endif\n\g<0>"
                           r"\n#if defined(__GNUC__)\n#pragma GCC visibility pop\n#endif", text)
        return text + "".join(f"#undef {name}\n" for name in dict.fromkeys(defined))


def joined(pieces):
    """Neighbors with the same owner as one text: a renaming sees whole declarations."""
    group, last = "", None
    for text, owner in pieces:
        if owner != last and group:
            yield group, last
            group = ""
        group, last = group + text, owner
    yield group, last


def page_text():
    """autograd/pictures/page_text.c, as the build makes it."""
    source = Source.__new__(Source)
    source.path, source.guarded = "autograd/pictures/page_text.c", False
    source.text = subprocess.run(
        [sys.executable, ROOT / "autograd/pictures/embed.py", "/dev/stdout"],
        check=True, stdout=subprocess.PIPE).stdout.decode("ascii")
    return source


def uthash_source(path):
    source = Source.__new__(Source)
    text = pathlib.Path(path).read_text(encoding="utf-8")
    source.path, source.guarded, source.text = "uthash.h", True, text
    return source


# -- The public header
NEEDS = '''#if defined(CT_NO_GRADCHECK) && !defined(CT_NO_GRAPH)
#define CT_NO_GRAPH 1 /* pages of graphs show the checkers' verdicts */
#endif
'''


def public_part(name):
    """The macro that leaves this header out: its own, or that of a header which it includes."""
    if part_of(name) or name == "cotangent.h":
        return part_of(name)
    text = (ROOT / "include" / name).read_text(encoding="utf-8")
    parts = [public_part(inner) for inner in re.findall(r"#include <(cotangent/[\w/]+\.h)>", text)]
    return next((part for part in parts if part), None)


def public_text():
    done, text = set(), []

    def take(name):
        if name in done:
            return
        done.add(name)
        macro = public_part(name)
        if macro:
            text.append(f"#ifndef {macro}\n")
        for line in (ROOT / "include" / name).read_text(encoding="utf-8").splitlines(keepends=True):
            include = re.match(r"#include <(cotangent/[\w/]+\.h)>", line)
            if include:
                take(include[1])
            else:
                text.append(line)
        if macro:
            text.append(f"#endif /* {macro} */\n")

    take("cotangent.h")
    return NEEDS + "".join(text)


def version():
    return re.search(r"version: '([\d.]+)'", (ROOT / "meson.build").read_text())[1]


TOP = '''/* Cotangent %(version)s in one file. It is made by embed/onefile.py: change the sources, not this.
 *
 *   cc -O2 -std=c11 program.c cotangent.c -lm -lpthread
 *
 * The license is that of the project (MIT), and that of uthash, whose text is included below with
 * its notice. Define these for the compiler, here and where cotangent.h is included:
 *
 *   CT_NO_NN           leaves out networks, losses, optimizers, data and files
 *   CT_NO_GRADCHECK    leaves out the gradient checkers, and CT_NO_GRAPH's part
 *   CT_NO_GRAPH        leaves out the pages and listings of graphs
 *   CT_NO_SIMD         leaves out what is compiled for AVX2 and AVX-512
 *   CT_EXPORT          a shared library that this is a part of exports the functions
 *   CT_HAVE_ZLIB, CT_HAVE_ZIP, CT_HAVE_PNG, CT_HAVE_JANSSON
 *                      1: files are read with zlib, libzip, libpng or jansson, which you link */
#if !defined(_POSIX_C_SOURCE) && !defined(_WIN32)
#define _POSIX_C_SOURCE 200809L
#endif
#ifndef _FILE_OFFSET_BITS
#define _FILE_OFFSET_BITS 64
#endif
#ifndef CT_EXPORT
#define CT_HIDDEN 1
#endif
#include "cotangent.h"
'''
HIDE = '''
#if defined(__GNUC__)
#pragma GCC visibility push(hidden)
#endif
#if defined(__clang__)
#pragma clang diagnostic ignored "-Wpass-failed"
#elif defined(__GNUC__)
#pragma GCC push_options
#endif
'''
# The options that the layer's meson.build gives each file of a layer, or of one of its rooms
OPTIONS = {
    "autograd": ("off", "no-tree-slp-vectorize,no-tree-loop-distribute-patterns,no-math-errno"),
    "ops": ("fast", "no-math-errno,no-trapping-math,no-thread-jumps"),
    "ops/updates": ("off", "no-math-errno,no-trapping-math,no-thread-jumps"),
    "nn": ("off", ""),
}


def options(of):
    contract, rest = OPTIONS[of]
    by_clang = "on" if contract == "fast" else contract
    return (f"\n/* == {of}/ == */\n#if defined(__clang__)\n#pragma clang fp contract({by_clang})\n"
            "#elif defined(__GNUC__) && defined(__OPTIMIZE__)\n"
            "#pragma GCC pop_options\n#pragma GCC push_options\n"
            f'#pragma GCC optimize("O3,fp-contract={contract}{"," if rest else ""}{rest}")\n#endif\n')


def within(macro, text):
    return f"#ifndef {macro}\n{text}#endif /* {macro} */\n" if macro else text


def main(out, uthash):
    one = OneFile(uthash_source(uthash))
    one.collect()
    kernels = (ROOT / "include/cotangent/kernels.h").read_text(encoding="utf-8")
    words = kernels[kernels.index("#define CT_KERNEL_TABLE"):kernels.index("#endif\n\n#if defined(CT_K")]
    system = "".join(f"#if {when}\n#include <{name}>\n#endif\n" if when else f"#include <{name}>\n"
                     for name, when in sorted(one.system, key=lambda s: (s[1], s[0])))
    parts, before = [], None
    for layer, path, pieces, _ in one.units:
        room = path.rpartition("/")[0]
        of = room if room in OPTIONS else layer
        if of != before:
            parts.append(options(of))
            before = of
        text = f"\n/* == {path} */\n" + one.unit_text(path, pieces)
        parts.append(within(part_of(path), text))
    end = "#if defined(__clang__)\n#elif defined(__GNUC__)\n#pragma GCC pop_options\n#endif\n"
    out.mkdir(parents=True, exist_ok=True)
    text = TOP % {"version": version()} + system + HIDE + words + "".join(parts) + end
    (out / "cotangent.c").write_text(text, encoding="utf-8")
    (out / "cotangent.h").write_text(public_text(), encoding="utf-8")
    kernels = kernels.replace("<cotangent/op.h>", '"cotangent.h"')
    kernels = kernels.replace("#include <cotangent/kernels.h>", '#include "cotangent_kernels.h"')
    (out / "cotangent_kernels.h").write_text(kernels, encoding="utf-8")


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else "."),
         sys.argv[2] if len(sys.argv) > 2 else "/usr/include/uthash.h")
