"""test_manual.py ROOT CC: the headers make a manual in which nothing is missing.

Every declaration has a comment, and every name in a comment exists. Every public symbol has exactly
one anchor in the pages. The reader of headers finds the faults of a small header."""
import pathlib
import re
import subprocess
import sys
import tempfile

from counted import Test

FAULTY = """/* A header. ct_gone does not exist, and ct_o... is the beginning of a name.
 *
 *   ct_table    what is told in a table
 *   ct_other    over two
 *               lines */
#ifndef A_H
#define A_H
/* -- Some functions: they are declared here */
/* y = x^2; gx = 2 g x. A sentence */
ct_tensor *ct_one(ct_tensor *x);
ct_tensor *ct_like_one(ct_tensor *x);
ct_tensor *ct_other(ct_tensor *x, int n);
int ct_beside(void);     /* beside it */
int ct_bare(void);

/* some note */

#if defined(A)
#define CT_A 1           /* twice, and once in the manual */
#else
#define CT_A 2
#endif
#define CT_BARE 3
#define CT__HIDDEN 4
/* an enum */
typedef enum ct_kind {
    CT_FIRST = 1,        /* of two
                            lines */
    /* above */
    CT_SECOND, CT_THIRD
} ct_kind;
typedef struct ct_options {
    int a, *b;           /* two */
    void (*f)(int x);
} ct_options;
#endif
"""


def reader(test, headers, comments, formulas, manual, folder):
    path = pathlib.Path(folder) / "cotangent.h"
    path.write_text(FAULTY, encoding="utf-8")
    found = headers.read_headers(folder)
    items = {item.anchor: item for item in found[0].items}
    test.equal("items", list(items), ["ct_one", "ct_other", "ct_beside", "ct_bare", "CT_A",
                                      "CT_BARE", "ct_kind", "ct_options"])
    test.equal("faults", [fault.split("cotangent.h:")[1] for fault in
                          headers.faults_of(found, pathlib.Path(folder))],
               ["12: ct_other has no comment", "14: ct_bare has no comment",
                "23: CT_BARE has no comment", "1: ct_gone does not exist",
                "3: ct_table does not exist"])
    test.equal("a group", items["ct_one"].names, ["ct_one", "ct_like_one"])
    test.equal("a formula", comments.formula_of(items["ct_one"].comment),
               ("y = x^2", "gx = 2 g x", "A sentence"))
    test.equal("a formula's scripts", formulas.set_formula(
        "gx_i = y_(i-1) e^(-x_j^2) / max_norm - w_ih^-T"),
               "gx<sub>i</sub> = y<sub>i-1</sub> e<sup>−x<sub>j</sub><sup>2</sup></sup> / max_norm − "
               "w<sub>ih</sub><sup>−T</sup>")
    test.equal("a comment beside", items["ct_beside"].comment, "beside it")
    test.equal("a section", [(s.title, s.text) for s in found[0].sections],
               [("Some functions", "they are declared here")])
    test.equal("constants", [(m.names, m.comment) for m in items["ct_kind"].members],
               [(["CT_FIRST"], "of two\nlines"), (["CT_SECOND"], "above"), (["CT_THIRD"], "")])
    test.equal("fields", [(m.names, m.comment) for m in items["ct_options"].members],
               [(["a", "b"], "two"), (["f"], "")])
    test.equal("a table", comments.blocks(found[0].intro)[-1].data,
               [["ct_table", "what is told in a table"], ["ct_other", "over two lines"]])
    test.equal("no note is lost", "<p>Some note.</p>" in manual.pages(found)[0].html, True)


def symbols(root, cc, folder):
    """what the headers declare, as the compiler sees it: the list of test_symbols.sh, and mpi.h"""
    (pathlib.Path(folder) / "mpi.h").write_text("typedef int MPI_Comm;\n", encoding="utf-8")
    text = subprocess.run([*cc.split(), "-std=c11", f"-I{root}/include", f"-I{folder}", "-E", "-P",
                           "-x", "c", "-"], check=True, capture_output=True, text=True,
                          input="#include <cotangent.h>\n#include <cotangent/mpi.h>\n").stdout
    objects = " ".join(re.findall(r"extern const ct_op ([^;]*);", text))
    return set(re.findall(r"\bct_[a-z0-9_]+(?= ?\([^*])", text) + re.findall(r"ct_\w+", objects))


def the_manual(test, headers, comments, manual, root, cc, folder):
    found = headers.read_headers(root / "include")
    test.equal("what is wrong with the manual", headers.faults_of(found, root), [])
    test.equal("formulas that are not recognized",
               [item.anchor for header in found for item in header.items if re.match(
                   r"[^.]*=.*?; (g\w*\S* =|derivative: none)", " ".join(item.comment.split())) and
                not comments.formula_of(item.comment)], [])
    pages = manual.pages(found, lambda file: "there")
    anchors = [name for page in pages for name in re.findall(r' id="([^"]*)"', page.html)]
    public = symbols(root, cc, folder)
    test.equal("symbols without an anchor, or with two",
               sorted(name for name in public if anchors.count(name) != 1), [])
    test.equal("there are symbols", len(public) > 400, True)
    known = {page.name for page in pages} | {f"{page.name}#{name}" for page in pages for name in
                                             re.findall(r' id="([^"]*)"', page.html)} | {"there"}
    links = {(page.name + target if target.startswith("#") else target)
             for page in pages for target in re.findall(r'href="([^"]*)"', page.html)}
    test.equal("links that lead nowhere", sorted(links - known), [])
    searched = {found.title for page in pages for found in page.search}
    test.equal("symbols that a search does not find", sorted(public - searched), [])
    others = manual.other_names((root / "docs/names.md").read_text(encoding="utf-8"))
    test.equal("names of docs/names.md that do not exist", sorted(others.keys() - public), [])
    test.equal("torch.nn.Linear", [name for name in others if "torch.nn.Linear" in others[name]],
               ["ct_linear_new"])


def man_pages(test, headers, man, root, folder):
    """each name has its page, and each reference leads to one"""
    found = headers.read_headers(root / "include")
    pages = {p.name: p.read_text("utf-8") for p in man.write_man(found, folder).iterdir()}
    names = {name for header in found for item in header.items for name in item.names}
    test.equal("names without a man page", sorted(n for n in names if n + ".3" not in pages), [])
    text = "\n".join(pages.values())
    to = set(re.findall(r"^\.Xr (\w+) 3", text, re.M)) | set(re.findall(r"man3/(\w+)\.3", text))
    test.equal("man pages that lead nowhere", sorted(n for n in to if n + ".3" not in pages), [])
    test.equal("ct_exp.3", pages["ct_exp.3"].split("\n", 1)[1], """.Dt CT_EXP 3
.Os
.Sh NAME
.Nm ct_exp
.Nd y = e\\(hax
.Sh SYNOPSIS
.In cotangent.h
.Ft "ct_tensor *"
.Fo ct_exp
.Fa "ct_tensor *x"
.Fc
.Sh DESCRIPTION
.Bl -tag -width Derivative -compact
.It Value
y = e\\(hax
.It Derivative
gx = g y
.El
.Ss Elementwise functions
y has x\\(aqs shape.
No e\\(hax on the way overflows where y is finite.
.Sh SEE ALSO
.Xr cotangent_ops_elementwise 3
""")


def main(root, cc):
    root = pathlib.Path(root)
    sys.path.insert(0, str(root / "docs/site"))
    sys.dont_write_bytecode = True
    import comments
    import formulas
    import headers
    import man
    import manual
    test = Test()
    with tempfile.TemporaryDirectory() as folder:
        reader(test, headers, comments, formulas, manual, folder)
    with tempfile.TemporaryDirectory() as folder:
        the_manual(test, headers, comments, manual, root, cc, folder)
        man_pages(test, headers, man, root, folder)
    print(f"{test.passed} passed, {test.failed} failed, 0 skipped")
    return test.failed > 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
