"""Names of C files that become one: what each defines for itself, and what it is called where two
files define the same."""
import re

TOKEN = re.compile(r'''(?P<space>\s+|/\*.*?\*/|//[^\n]*)
                     |(?P<text>"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*')
                     |(?P<number>\.?\d(?:[eEpP][+-]|[\w.])*)
                     |(?P<name>[A-Za-z_]\w*)
                     |(?P<mark>->|\.\.\.|\#\#|.)''', re.S | re.X)
KEYWORDS = set('''const volatile restrict inline void char short int long float double signed unsigned
    bool struct union enum static extern typedef return if for while switch sizeof'''.split())
STAMPED = re.compile("_(f32|f64|i64|bool)(_avx2|_avx512)?$")


def tokens(text):
    """(kind, token) of code without comments. Of preprocessor lines only #if, #else and #endif are
    left, as the kind "line"."""
    text = re.sub(r"^[ \t]*#[ \t]*(\w*)(?:[^\n\\]|\\.|\\\n)*", r"\n@\1 ", without_space(text),
                  flags=re.M)
    found = [(m.lastgroup, m[0]) for m in TOKEN.finditer(text) if m.lastgroup != "space"]
    for before, (kind, token) in zip([("", "")] + found, found):
        if before[1] == "@" and token[:2] in ("if", "el", "en"):
            yield "line", token[:2]
        elif before[1] != "@" and token != "@":
            yield kind, token


def without_space(text):
    return re.sub(r'("(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\')|/\*.*?\*/|//[^\n]*',
                  lambda m: m[1] or " ", text, flags=re.S)


def declarations(text):
    """The tokens of each declaration and definition of a file."""
    out, depth, body, outside = [], 0, False, []
    for kind, token in tokens(text):
        if kind == "line":  # the branches begin at the same depth
            if token == "if":
                outside.append(depth)
            depth = outside[-1] if token == "el" else depth
            if token == "en":
                outside.pop()
            continue
        out.append((kind, token, depth))
        if token in "([{":
            if token == "{" and depth == 0:
                words = [t for _, t, d in out if d == 0]
                kernel = words[-5:-3] == ["struct", "K"]  # struct K(name) {
                body = len(words) > 1 and words[-2] == ")" and "=" not in words and not kernel
            depth += 1
        elif token in ")]}":
            depth -= 1
            out[-1] = (kind, token, depth)
        if depth == 0 and (token == ";" or (token == "}" and body)):
            yield out
            out, body = [], False


def enumerators(declaration):
    found, stack = [], []
    for i, (kind, token, _) in enumerate(declaration):
        if token == "{":
            before = [t for _, t, _ in declaration[max(0, i - 2):i]]
            stack.append("enum" in before)
        elif token == "}" and stack:
            stack.pop()
        elif kind == "name" and stack and stack[-1] and declaration[i - 1][1] in "{,":
            found.append(declaration[i + 2][1] if token == "K" else token)
    return found


def without_attributes(declaration):
    out, until = [], None
    for item in declaration:
        if item[1] == "__attribute__":
            until = item[2]
        elif until is None:
            out.append(item)
        elif item[1] == ")" and item[2] == until:
            until = None
    return out


def declared(declaration, storage):
    """The names that a declaration gives to things of its file."""
    flat = [(kind, token) for kind, token, depth in declaration if depth == 0]
    words = [token for _, token in flat]
    found = enumerators(declaration)
    whole = " ".join(token for _, token, _ in without_attributes(declaration))
    found += re.findall(r"\b(?:struct|union|enum) (?:K \( )?(\w+)(?: \))? {", whole)
    if "typedef" in words:
        name = (re.search(r"\( \* (\w+) \)", whole.split("}")[-1]) or
                re.search(r"\bK \( (\w+) \)", whole.split("}")[-1]) or
                re.search(r"(?:K \( )?(\w+)(?: \))?(?: \[.*\])? ;$", whole) or
                re.search(r"(\w+) \(.*\) ;$", whole))[1]
        # of an opaque type another file says what is in it
        opaque = "{" not in words and {"struct", "union"} & set(words) and name.startswith("ct__")
        return found if opaque else found + [name]
    if not storage & set(words):
        return found
    # the last one: macros without a semicolon may stand before it
    start = max(i for i, (_, token, depth) in enumerate(declaration)
                if depth == 0 and token in storage)
    rest = declaration[start:]
    for i, (kind, token, depth) in enumerate(rest[:-1]):
        behind = rest[i + 1][1]
        if depth or kind != "name" or token in KEYWORDS or token in ("__attribute__", "CT_PRINTF"):
            continue
        if token == "K" and behind == "(":
            if rest[i + 4][1] in ("(", "[", "=", ";"):
                return found + [rest[i + 2][1]]
            continue
        if behind in ("(", "[", "=", ";", ","):
            return found + [token]
    return found


def pasted(text, macros):
    """What macros may make of the names that a table's rows begin with. Such names stay."""
    macros = "".join(re.findall(r"^ *#define(?:[^\n\\]|\\.|\\\n)*", macros + text, re.M))
    ends = {""} | set(re.findall(r"\w ?## ?(_?[a-z]\w*)", macros))
    return {name + end for name in re.findall(r"^[A-Z_]+\(([a-z]\w*)", text, re.M) for end in ends}


def called(text):
    """Functions that other files call."""
    return set(re.findall(r"^(?!static|INLINE)[a-z][\w* ]*?[ *](ct__\w+)\(", without_space(text),
                          re.M))


def stem(path):
    """What stands before a name of this file."""
    return re.sub(r"\W", "_", path.rsplit("/", 1)[-1].removesuffix(".c"))


class Names:
    def __init__(self):
        self.fixed = set()  # functions that other files call
        self.pasted = {}    # of a file: names that its macros paste, so that they stay
        self.defined = {}   # of a file: its names
        self.sees = {}      # of a file: the headers it includes
        self.tags = {""}
        self.new = None

    def tag(self, tag):
        self.tags.add(tag)

    def unit(self, path, text, seen, macros=""):
        if path == "uthash.h" or (path in self.defined and not text):
            return
        storage = {"static"} | set(re.findall(r"^#define (\w+) +(?:\w+ +)*static\b", text, re.M))
        storage |= {"INLINE", "APART", "NOINLINE", "VECTOR_INLINE"}
        names = {name for d in declarations(text) for name in declared(d, storage)}
        names = {name for name in names if not re.match("ct_[a-z]|CT_[A-Z]", name)}
        self.fixed |= called(text)
        self.pasted.setdefault(path, set()).update(pasted(without_space(text), macros))
        names |= self.pasted[path]
        self.defined.setdefault(path, set()).update(names)
        self.sees.setdefault(path, set()).update(seen)

    def decide(self):
        users = {}
        for path, names in self.defined.items():
            for name in names:
                users.setdefault(name, []).append(path)
        stems = {}
        for path in self.defined:
            stems.setdefault(stem(path), []).append(path)
        self.new = {path: {} for path in self.defined}
        for name, paths in users.items():
            if len(paths) < 2 and name not in self.fixed:
                continue
            for path in paths:
                if name in self.pasted[path]:
                    continue
                front = stem(path)
                if len(stems[front]) > 1:
                    front = path.split("/")[-2] + "_" + front
                for tag in self.tags:
                    self.new[path][name + tag] = f"{front}__{name}{tag}"

    def renamed(self, text, path):
        """The text as that file's names are in the one file."""
        if self.new is None:
            self.decide()
        new = {}
        for unit in (*sorted(self.sees.get(path, ())), path):
            new.update(self.new.get(unit, {}))
        if not new or path == "uthash.h":
            return text
        found = [(m.lastgroup, m[0]) for m in TOKEN.finditer(text)]
        solid = [i for i, (kind, _) in enumerate(found) if kind != "space"]
        stack, words, out = [], [], [token for _, token in found]
        for at, i in enumerate(solid):
            kind, token = found[i]
            before = found[solid[at - 1]][1] if at else ""
            behind = found[solid[at + 1]][1] if at + 1 < len(solid) else ""
            if token == "{":
                stack.append(re.search(r"\b(struct|union)( \w+| K \( \w+ \))?$",
                                       " ".join(words[-5:])) is not None)
            elif token == "}" and stack:
                stack.pop()
            elif kind == "name" and STAMPED.sub("", token) in new and before not in (".", "->"):
                member = stack and stack[-1] and behind in (";", ",", "[", ":", ")", "=")
                member = member or (before == "," and "offsetof" in words[-5:-3])
                kernel = before == "(" and words[-2] == "K"
                if kernel or not member or before in ("[", "struct", "enum", "union"):
                    base = STAMPED.sub("", token)
                    out[i] = new[base] + token[len(base):]
            words.append(token)
        return "".join(out)
