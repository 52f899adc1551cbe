#!/usr/bin/python3
"""build.py BUILD SITE [LIVE]: makes the site from the texts, the headers and the programs.

BUILD is a folder that Meson and Ninja have built; SITE is written anew; LIVE has what
docs/live/build.sh made. Nothing is fetched. It ends with an error if a link or a name leads nowhere,
a prototype has no comment, or a program prints something else than its text."""
import os
import pathlib
import re
import shutil
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

# pylint: disable=wrong-import-position
import check
import frame
import headers
import listing
import man
import manual
import search
import texts
from examples import Examples
from links import Links, Names
from markdown import Markdown

ROOT = HERE.parent.parent
FIRST = "docs/site/index.md"
INSIDE = ["architecture", "adding_an_op", "gradcheck", "performance", "accuracy", "mpi"]
FONT = pathlib.Path("/usr/share/texmf/fonts/opentype/public/tex-gyre-math/texgyrepagella-math.otf")
SHOWN = {".c", ".h", ".txt", ".sh", ".py", ".md", ".def", ".build", ".mjs", ".js", ".css", ".html", ""}


class Site:
    def __init__(self, build, out):
        self.out, self.wrong = out, []
        self.names = Names(ROOT)
        self.examples = Examples(ROOT, build, build / "site-examples")
        self.texts = {}     # file of the project: address of its page
        self.sections = []  # (title, [(address, title)]): the navigation
        self.sources = {}   # files and folders that are linked: their addresses
        self.files = {}     # pictures: their addresses
        self.entries = []   # of the search
        self.manual = []    # (address, title, HTML, headings)
        self.live = []      # the same
        self.headers = {}   # header: address of its page

    # -- What there is
    def gather(self, live):
        def below(folder):
            return sorted(p.relative_to(ROOT).as_posix() for p in (ROOT / folder).glob("*.md"))

        self.texts["README.md"] = self.texts[FIRST] = "index.html"
        self.sections.append(("Start", [("index.html", "What it is")]))
        if live:
            self.gather_live(live)
        self.section("Tutorials", below("docs/tutorial"))
        self.section("Examples", below("docs/examples"))
        programs = [line.split()[0] for line in
                    (ROOT / "docs/programs/list").read_text(encoding="utf-8").splitlines()]
        self.section("Programs of a lecture", ["docs/programs/README.md"]
                     + [f"docs/programs/{name}/{name}.md" for name in programs])
        self.examples.reports(programs)
        self.section("Manual", ["docs/names.md"], self.gather_manual())
        known = INSIDE + ["names"]
        others = [path for path in below("docs") if pathlib.Path(path).stem not in known]
        self.section("How it works", [f"docs/{name}.md" for name in INSIDE] + others
                     + ["benchmarks/NOTES.md", "CONTRIBUTING.md", "CHANGELOG.md"])

    def section(self, title, paths, more=()):
        """a part of the navigation: these texts, and other pages"""
        pages = []
        for path in paths:
            address = self.texts[path] = texts.address_of(path)
            heading = re.search(r"^# (.*)", (ROOT / path).read_text(encoding="utf-8"), re.M)
            pages.append((address, heading[1]))
        self.sections.append((title, pages + list(more)))

    def gather_manual(self):
        """the pages of the headers, and where each name of the library is"""
        found = headers.read_headers(ROOT / "include")
        self.wrong += headers.faults_of(found, ROOT)
        self.names.address = {name: "manual/" + where
                              for name, where in manual.addresses(found).items()}
        for header in found:
            path = header.path.relative_to(ROOT).as_posix()
            self.headers[path] = "manual/" + manual.page_name(header)

        def file_link(path):
            return f"../{texts.address_of(path)}" if (ROOT / path).exists() else None

        others = manual.other_names((ROOT / "docs/names.md").read_text(encoding="utf-8"))
        for page in manual.pages(found, file_link, others):
            self.manual.append((f"manual/{page.name}", page.title, page.html, page.headings))
            self.entries += [[entry.title, f"{entry.kind}, {page.title}", f"manual/{entry.url}",
                              " ".join([search.words(entry.text), *entry.also]).lower()]
                             for entry in page.search]
        self.wrong += man.lint(man.write_man(found, self.out / "man"))
        return [(address, title) for address, title, *_ in self.manual]

    # -- Addresses
    def page_of(self, path):
        """the page of a file or folder of the project, or None if there is no such file"""
        if path.startswith(("graphs/", "live/")):  # pages that are made, and have no text
            return path
        if path in self.texts:
            return self.texts[path]
        if path + "/README.md" in self.texts:
            return self.texts[path + "/README.md"]
        if path in self.headers:
            return self.headers[path]
        full = ROOT / path
        if path.startswith("..") or not full.exists() or path.startswith("build"):
            return None
        if full.suffix in (".png", ".svg"):
            return self.file(path)
        if full.is_file() and full.suffix not in SHOWN:
            return None
        return self.sources.setdefault(path, f"source/{path}/index.html" if full.is_dir()
                                       else f"source/{path}.html")

    def file(self, path):
        """a picture, which is copied"""
        if not (ROOT / path).is_file():
            return None
        return self.files.setdefault(path, path.removeprefix("docs/"))

    def file_named(self, text, folder):
        """the page of a file that a text names as code, if it does"""
        if not re.fullmatch(r"[\w./-]+(?:\.\w+|/)", text) or text.startswith((".", "/")):
            return None
        places = [text, f"{folder}/{text}", f"include/cotangent/{text}", f"include/{text}"]
        for path in places:
            path = os.path.normpath(path)
            if (ROOT / path).exists() and path != ".":
                return self.page_of(path)
        first = text.split("/")[0]
        if "/" in text and (ROOT / first).is_dir() and first != "build" and \
                not re.search(r"[A-Z]{3}|\*", text):
            self.wrong.append(f"{folder}: {text} is no file of ours")
        return None

    # -- Pages
    def write(self, address, title, body, headings=(), kind="page"):
        path = self.out / address
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(frame.page(address, title, body, headings, self.sections, kind),
                        encoding="utf-8")

    def text(self, path, address):
        """the page of a text"""
        links = Links(self, path, address)
        if path == FIRST:
            links.folder = ""  # it has sections of README.md, and reads as if it lay beside it
        page = Markdown(texts.with_parts(ROOT, (ROOT / path).read_text(encoding="utf-8"), self.live),
                        links)
        body = page.html
        program = path.removesuffix(".md") + ".c"
        if path.startswith("docs/programs") and (ROOT / program).exists():
            before, heading, after = body.partition("<h2")
            body = before + self.picture(pathlib.Path(program).stem, links) + heading + after
        if (ROOT / program).exists():
            more = self.program(program, links)
            body += more.html
            page.headings += more.headings
        self.entries += search.of_text(page.title, address, page.sections)
        self.write(address, page.title, body, page.headings, "first" if address == "index.html"
                   else "page")

    def program(self, path, links):
        """what a text ends with: its program, and what that prints"""
        name = pathlib.Path(path).stem
        expected = path.removesuffix(".c") + ".txt"
        of_lecture = path.startswith("docs/programs")
        parts = ["## The program", f"All of [{name}.c]({name}.c):", "@program"]
        if (ROOT / expected).exists():
            script = "tests/programs/test_program.sh" if of_lecture else "tests/tutorial/compare.sh"
            built = self.examples.program(path)
            if built:
                self.examples.want(name, script, [built, ROOT / expected],
                                   [built, ROOT / expected])
            parts += ["## What it prints" + (" in a second, with --tiny" if of_lecture else ""),
                      "@output"]
        page = Markdown("\n\n".join(parts), links)
        listings = {"@program": (path, "c", f"{name}.c"), "@output": (expected, "", "output")}
        for mark, (file, language, label) in listings.items():
            if mark in parts:
                text = (ROOT / file).read_text(encoding="utf-8").rstrip("\n")
                page.html = page.html.replace(
                    f"<p>{mark}</p>", listing.block(text, language, links.name, label))
        return page

    def picture(self, name, links):
        """the picture of a program of the lecture, and its report"""
        report, whole = self.examples.report(name)
        image = f'<img src="{links.image(name + ".png")}" alt="A picture of the report" width="400">'
        words = f"<code>./run {name}</code> trains, and writes a page of pictures. "
        if report is not None:
            address = f"programs/{name}/report.html"
            (self.out / address).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(report, self.out / address)
            words += f'<a href="{links.to(address)}">' + (
                "Its report." if whole else
                f"The report of <code>{name} --tiny</code>: one second, so it has learned little.") \
                + "</a>"
        return f'<figure class="cover">{image}<figcaption>{words}</figcaption></figure>'

    def source(self, path, address):
        """the page of a file that a text links to, or of a folder"""
        links = Links(self, path, address)
        full = ROOT / path
        if full.is_dir():
            links.folder = path
            items = "".join(f'<li><a href="{links.link(f.name)}">{f.name}</a></li>'
                            for f in sorted(full.iterdir())
                            if f.suffix in SHOWN and (f.suffix or f.is_dir())
                            and f.name != "__pycache__")
            body = f"<h1>{path}/</h1><ul>{items}</ul>"
        else:
            language = full.suffix.removeprefix(".")
            text = full.read_text(encoding="utf-8").rstrip("\n")
            body = f"<h1>{path}</h1>" + listing.block(text, language, self.quiet(links), path)
        self.write(address, path, body, kind="source")

    @staticmethod
    def quiet(links):
        """names in files are linked, and not checked: files have names of their own"""
        def link(name):
            address = links.site.names.address.get(name)
            return links.to(address) if address else None
        return link

    # -- All of it
    def build(self, live):
        shutil.rmtree(self.out, ignore_errors=True)
        self.out.mkdir(parents=True)
        self.gather(live)
        for path, address in self.texts.items():
            if path != "README.md":
                self.text(path, address)
        for kind, pages in ("manual", self.manual), ("live", self.live):
            for address, title, html, headings in pages:
                self.write(address, title, html, headings, kind)
        self.graphs()
        done = set()
        while set(self.sources) - done:
            for path in sorted(set(self.sources) - done):
                done.add(path)
                self.source(path, self.sources[path])
        for path, address in self.files.items():
            (self.out / address).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / path, self.out / address)
        for name in ("site.css", "site.js", "icon.svg"):
            shutil.copy(HERE / name, self.out / name)
        if FONT.exists():
            shutil.copy(FONT, self.out / "math.otf")
        else:  # then a browser takes a font that it has
            style = (self.out / "site.css").read_text(encoding="utf-8")
            (self.out / "site.css").write_text(re.sub("@font-face.*", "", style), encoding="utf-8")
        (self.out / "search-index.js").write_text(search.script(self.entries), encoding="utf-8")
        self.quoted()
        ran = self.examples.run()
        self.wrong += self.examples.failed + check.links(self.out)
        return ran

    def gather_live(self, folder):
        """pages in which the library runs: what docs/live/build.sh made"""
        for path in sorted(folder.iterdir()):
            if path.suffix != ".html":
                (self.out / "live").mkdir(exist_ok=True)
                shutil.copy(path, self.out / "live" / path.name)
                continue
            text = path.read_text(encoding="utf-8")
            title = re.match(r"<!-- (.*?) -->", text)[1]
            words = re.sub(r"<script.*?</script>|<[^>]*>", " ", text, flags=re.S)
            self.live.append((f"live/{path.name}", title, text, []))
            self.entries.append([title, "a page in which the library runs", f"live/{path.name}",
                                 search.words(words)])
        self.sections.append(("Try it here", [(address, title) for address, title, *_ in self.live]))

    def graphs(self):
        """the pages of two graphs, which the first page shows"""
        folder = self.out / "graphs"
        folder.mkdir()
        subprocess.run([self.examples.build / "docs/site/graphs", folder], check=True)

    def quoted(self):
        """the programs in README.md and the other texts, by the test that compares them"""
        library = self.examples.build / "libcotangent.so"
        if library.exists():
            texts = [ROOT / "README.md", ROOT / "docs/adding_an_op.md", ROOT / "docs/architecture.md",
                     ROOT / "docs/performance.md", library]
            self.examples.want("quoted", "tests/house/test_examples.sh",
                               [self.examples.build, ROOT, "gcc"], texts)


def main(build, out, live=None):
    out = pathlib.Path(out).resolve()
    site = Site(pathlib.Path(build).resolve(), out.with_name(out.name + ".new"))
    ran = site.build(live and pathlib.Path(live))
    shutil.rmtree(out, ignore_errors=True)
    site.out.rename(out)
    for line in site.wrong:
        print(f"FAILED: {line}")
    pages = len(list(out.rglob("*.html")))
    print(f"{pages} pages, {len(site.entries)} entries of the search; {ran} programs were run anew")
    return 1 if site.wrong else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
