"""test_site.py ROOT: the parts of docs/site do what the texts need.

Formulas become the MathML that is meant, and all those of the texts are well-formed. The Markdown of
the texts becomes HTML. A name, a link, a place or an output that is wrong is found."""
import pathlib
import re
import sys
import tempfile
import types
import xml.etree.ElementTree as tree

from counted import Test

CHILDREN = {"mfrac": 2, "msub": 2, "msup": 2, "munder": 2, "mover": 2, "msubsup": 3, "munderover": 3}


def short(element):
    """MathML as a short text: (a/b), x_{i}, x^{2}"""
    parts = [short(child) for child in element]
    if element.tag == "mfrac":
        return f"({parts[0]}/{parts[1]})"
    if element.tag in ("msub", "munder"):
        return f"{parts[0]}_{{{parts[1]}}}"
    if element.tag == "msup":
        return f"{parts[0]}^{{{parts[1]}}}"
    if element.tag in ("msubsup", "munderover"):
        return f"{parts[0]}_{{{parts[1]}}}^{{{parts[2]}}}"
    if element.tag == "msqrt":
        return f"√{{{''.join(parts)}}}"
    return (element.text or "") + "".join(parts)


FORMULAS = [
    ("∂J/∂w", "(∂J/∂w)"),
    ("γ/s (g − h)", "(γ/s)(g−h)"),
    ("2 (y − x) / (784 n)", "(2(y−x)/784n)"),
    ("a + b c / d", "a+(bc/d)"),
    ("Σ_l E_l / E_l(start)", "∑_{l}(E_{l}/E_{l}(start))"),
    ("e^aᵢ / Σⱼ e^aⱼ", "(e^{a_{i}}/∑_{j}e^{a_{j}})"),
    ("p = 1 / (1 + e^(−x·w))", "p=(1/1+e^{−x·w})"),
    ("W⁽ᵏ⁾ᵢⱼ", "W_{ij}^{(k)}"),
    ("F_{l+1}′ᵀ", "F_{l+1}^{′⊤}"),
    ("dG_cd = ½ √N(s) x̃", "dG_{cd}=(1/2)√{N}(s)x~"),
    ("p(x|z) ‖ q", "p(x|z)‖q"),
    ("|v(x)| ≤ max |r| / 8", "|v(x)|≤(max|r|/8)"),
    ("g·s + 10⁻⁸", "g·s+10^{−8}"),
    ("(x", "(x"), ("x)", "x)"), ("_", "_"), ("", ""), ("ᵢ", "_{i}"), ("a /", "a/"), ("x^", "x^"),
]


def formulas(test, formula):
    for text, wanted in FORMULAS:
        test.equal(text, short(parsed(formula.mathml(text, True))), wanted)
    test.equal("in a sentence a slash stays", short(parsed(formula.mathml("∂z/∂v"))), "∂z/∂v")


def parsed(mathml):
    return tree.fromstring(mathml.replace("<math class=display displaystyle=true>", "<math>"))


def sentences(test, prose):
    def found(text):
        return re.findall(r"<(.*?)>", re.sub(
            r"<math.*?</math>", lambda m: "<" + short(parsed(m[0])).replace(">", "more") + ">",
            re.sub("</?span.*?>", "", prose.sentence(text))))
    for text, wanted in [
            ("The number ∂z/∂v is a sum, and so is x.", ["∂z/∂v", "x"]),
            ("a vertex v, and a for a⁽ᵏ⁾ alone", ["v", "a", "a^{(k)}"]),
            ("mean m and variance s² (ε aside): h = (a − m)/s, so", ["m", "s^{2}", "h=(a−m)/s"]),
            ("with 4 units in 0.02 s, 2 m away", []),
            ("from N(0, I), a zigzag of t ∈ [0, 1]: its", ["N(0,I)", "t∈[0,1]"]),
            ("(E. P. Odum 1953) from C, I/O-bound", []),
            ("softmax(a) of y[o,i] = Σ_c w[o,c] x[c, i s + k]", ["softmax(a)", "y[o,i]",
                                                                 "=∑_{c}w[o,c]x[c,is+k]"]),
            ("by the rule (A > 0) or 2^{L−l} dK", ["(Amore0)", "2^{L−l}dK"])]:
        test.equal(text, found(text), wanted)
    rows = re.findall("<tr>.*?</tr>", prose.block("a = b      since it is so\n  = c", str), re.S)
    test.equal("rows of a block", [row.count("<td") for row in rows], [3, 3])
    test.equal("a remark", "<span class=\"remark\">since it is so</span>" in rows[0], True)


def texts(test, root, markdown):
    """every formula of every text is well-formed"""
    links = types.SimpleNamespace(link=str, image=str, code=lambda text: "", wrong=print,
                                  fence=lambda language, text: "")
    total = 0
    for path in sorted((root / "docs").rglob("*.md")):
        page = markdown.Markdown(path.read_text(encoding="utf-8"), links)
        bad = []
        for mathml in re.findall("<math.*?</math>", page.html, re.S):
            total += 1
            for element in parsed(mathml).iter():
                if len(element) != CHILDREN.get(element.tag, len(element)):
                    bad.append(mathml)
        test.equal(f"{path.name}: formulas with too few parts", bad, [])
    test.equal("there are formulas", total > 1500, True)


MARKDOWN = """# A title

Two `code` **words**, *one* [link](there.md#place).

- an item
  that goes on

      a = b
- another

1. first
2. second

| a | b |
|---|---|
| 1 | two words |

```c
int x;
```
"""


def html(test, markdown):
    seen = []
    links = types.SimpleNamespace(
        link=lambda target: seen.append(target) or "there.html", image=str,
        code=lambda text: f"<code>{text}</code>", fence=lambda language, text: f"[{language}:{text}]")
    page = markdown.Markdown(MARKDOWN, links)
    test.equal("the title", page.title, "A title")
    test.equal("the link", seen, ["there.md#place"])
    for part in ['<h1 id="a-title">', "<strong>words</strong>", "<em>one</em>",
                 '<a href="there.html">link</a>', "<ol>\n<li>first</li>\n<li>second</li></ol>",
                 '<td class="number">1</td><td>two words</td>', "[c:int x;]", "<li>another</li>"]:
        test.equal(part, part in page.html, True)
    test.equal("a formula in an item", re.search("<li>an item\nthat goes on\n<div", page.html)
               is not None, True)
    test.equal("places of equal headings", [markdown.anchor("One, `two`!", taken)
                                            for taken in [set(), {"one-two"}]],
               ["one-two", "one-two-1"])


def faults(test, root, links, check, examples):
    site = types.SimpleNamespace(names=links.Names(root), wrong=[],
                                 page_of=lambda path: "a.html" if path == "docs/a.md" else None,
                                 file=lambda path: None, file_named=lambda text, folder: None)
    text = links.Links(site, "docs/b.md", "b.html")
    test.equal("a link", text.link("a.md#place"), "a.html#place")
    text.link("gone.md")
    text.image("gone.png")
    text.code("ct_no_such_call(ct_mul)")
    test.equal("faults of a text", site.wrong, [
        "docs/b.md: the link gone.md leads nowhere", "docs/b.md: the picture gone.png is not there",
        "docs/b.md: ct_no_such_call is no name of the library"])
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        (folder / "a.html").write_text('<a href="b.html#x"><p id="y"><a href="c.html">'
                                       '<a href="#y"><a href="https://a.org">', encoding="utf-8")
        (folder / "b.html").write_text('<p id="z"><p id="z">', encoding="utf-8")
        test.equal("faults of pages", check.links(folder), [
            "a.html: b.html#x: the page has no such place", "a.html: c.html is not there",
            "b.html: two elements have the id z"])
        outputs(test, root, examples, folder)


def outputs(test, root, examples, folder):
    """a program that prints something else fails, and one that passed is not run again"""
    program = folder / "program"
    program.write_text("#!/bin/sh\necho one\n", encoding="utf-8")
    program.chmod(0o755)
    for number, (text, ran, failed) in enumerate([("two\n", 1, 1), ("one\n", 1, 0), ("one\n", 0, 0)]):
        wanted = folder / f"wanted{min(number, 1)}"
        if not wanted.exists():
            wanted.write_text(text, encoding="utf-8")
        runs = examples.Examples(root, folder, folder / "done")
        runs.want("program", "tests/tutorial/compare.sh", [program, wanted], [program, wanted])
        test.equal(f"run {number}", (runs.run(), len(runs.failed)), (ran, failed))


def main(root):
    root = pathlib.Path(root)
    sys.dont_write_bytecode = True
    sys.path.insert(0, str(root / "docs/site"))
    import check
    import examples
    import formula
    import links
    import markdown
    import prose

    test = Test()
    formulas(test, formula)
    sentences(test, prose)
    html(test, markdown)
    texts(test, root, markdown)
    faults(test, root, links, check, examples)
    print(f"{test.passed} passed, {test.failed} failed, 0 skipped")
    return bool(test.failed)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
