#!/usr/bin/env python3
"""generate.py OUT: writes OUT/cotangent.py, the module cotangent.py of this folder with the
prototypes of all public functions, which are read from the headers."""
import pathlib
import pprint
import re
import sys

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
sys.path.insert(0, str(ROOT / "docs/site"))
sys.dont_write_bytecode = True
from headers import read_headers  # noqa: E402 (what reads them for the manual)

PLAIN = {"void": "void", "bool": "bool", "int": "int", "unsigned": "unsigned", "int64_t": "int64",
         "uint64_t": "uint64", "uint32_t": "uint32", "size_t": "size", "double": "double",
         "float": "float", "ct_status": "status", "ct_scope": "uint64"}
POINTERS = {"ct_tensor *": "tensor", "ct_context *": "context", "char *": "text",
            "int64_t *": "ints", "double *": "doubles", "ct_tensor *const *": "tensors"}


class Library:
    def __init__(self):
        self.constants, self.structs, self.functions, self.callbacks = {}, {}, {}, set()
        items = [i for h in read_headers(ROOT / "include") if h.name != "mpi.h"
                 for s in h.sections for i in s.items]
        self.enums = {n for i in items if i.kind == "enum" for n in i.names}
        for item in items:
            text = " ".join(item.prototype.split())
            for name, value in re.findall(r"^#define (\w+) (.+)", text):
                self.constant(name, value)
            if item.kind == "enum":
                self.enum(item.members)
            elif item.kind == "type" and item.members:
                self.structs[item.names[0]] = [m.text for m in item.members]
            elif item.kind == "type" and "(*" in text:
                self.callbacks.add(item.names[0])
        self.structs = {name: self.fields(texts) for name, texts in self.structs.items()}
        for item in items:
            for text in item.prototypes if item.kind == "function" else []:
                self.function(" ".join(text.split()))

    def constant(self, name, value):
        try:
            value = re.sub(r"(\d)[uUL]+\b", r"\1", value)
            self.constants[name] = int(eval(value, {}, self.constants))
        except (NameError, SyntaxError, TypeError, ValueError):
            pass  # what is no number is not for Python

    def enum(self, members):
        following, text = 0, ",".join(m.text for m in members)
        for name, value in re.findall(r"(\w+)(?:\s*=\s*([^,]+))?", text):
            self.constant(name, value or str(following))
            following = self.constants.get(name, following) + 1

    def type_of(self, text):
        """The word for a type of C, or None if Python does not know it."""
        text = re.sub(r"\bconst (?!\*)", "", text.strip()).replace("char const", "char").strip()
        if text in PLAIN:
            return PLAIN[text]
        if text in POINTERS:
            return POINTERS[text]
        if text in self.enums:
            return "int"
        name = text[:-2]
        if text.endswith(" *") and name in self.structs:
            return f"options {name}"
        if text.endswith(" *") and re.fullmatch(r"ct_\w+", name):
            return f"object {name}"
        if "*" in text or text in self.callbacks:
            return "pointer"
        return "struct " + text if text in self.structs else None

    def fields(self, texts):
        found = []
        for text in texts:
            text = text.rstrip("; ")
            pointer = re.search(r"\(\*(\w+)\)", text)
            if pointer:
                found.append((pointer[1], "pointer", 0))
                continue
            kind, names = re.match(r"((?:const )?\w+ )(.*)", text).groups()
            for name in names.split(", "):
                stars, word, size = re.match(r"((?:\*|const )*)(\w+)(?:\[(\w+)\])?", name).groups()
                count = self.constants.get(size) or int(size or 0)
                found.append((word, self.type_of(kind + stars) or "pointer", count))
        return found

    def function(self, text):
        result, name, parameters = re.match(r"(.*?)(ct_\w+)\((.*)\);?", text).groups()
        found = []
        for parameter in re.split(r", (?![^(]*\))", parameters):
            if parameter == "...":
                return
            match = (re.match(r".*\(\*(\w+)\)\(.*", parameter) or
                     re.fullmatch(r"(?P<type>.*?)(\w+)(?P<array>\[.*\])?", parameter))
            groups = match.groupdict()
            kind = self.type_of(groups["type"] + (" *" if groups["array"] else "")) if groups else (
                "pointer")
            if parameter != "void":
                found.append((match.groups()[-2] if groups else match[1], kind))
        result = self.type_of(result.strip())
        if result and all(kind for _, kind in found):
            self.functions[name] = (result, found)


def main(out):
    library = Library()
    generated = "\n# -- Made by embed/python/generate.py from the headers\n"
    for name in ("constants", "structs", "functions"):
        value = pprint.pformat(getattr(library, name), width=100, sort_dicts=False)
        generated += f"{name.upper()} = {value}\n"
    text = (HERE / "cotangent.py").read_text(encoding="utf-8")
    out.mkdir(parents=True, exist_ok=True)
    text = text.replace("from prototypes import CONSTANTS, FUNCTIONS, STRUCTS\n", generated)
    (out / "cotangent.py").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]))
