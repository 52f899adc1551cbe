"""What the texts point at: files of the project become pages, names of the library their manual.
All that leads nowhere is noted, and fails the build."""
import os
import posixpath
import re
from html import escape

import listing

PUBLIC = re.compile(r"\b(?:ct|CT)_\w+")


class Names:
    """the names of the library: where the manual has them, and which there are at all"""

    def __init__(self, root):
        self.address = {}  # name: page of the site and anchor
        self.public = self.read(root, ["include"])
        self.private = self.read(root, ["autograd", "ops", "nn", "mpi", "tests", "benchmarks",
                                        "meson.build", "meson_options.txt"])

    @staticmethod
    def read(root, places):
        found = set()
        for place in places:
            for folder, _, files in os.walk(root / place) if (root / place).is_dir() else \
                    [(root, None, [place])]:
                for file in files:
                    if file.endswith((".c", ".h", ".def", ".build", ".txt")):
                        with open(os.path.join(folder, file), encoding="utf-8") as text:
                            found.update(PUBLIC.findall(text.read()))
        return found

    def exists(self, name):
        if re.search("_[A-Z]+_[a-z]|^ct__[A-Z]", name):  # ct__NAME_op, of any name
            return True
        made = re.fullmatch(r"ct__(\w+)_op", name)  # macros make these
        if made and "ct_" + made[1] in self.public:
            return True
        if name.endswith("_"):  # ct_random_...: one begins so
            return any(other.startswith(name) for other in self.public | self.private)
        return name in self.public or name in self.private


class Links:
    """the links of one text"""

    def __init__(self, site, source, address):
        self.site, self.source, self.address = site, source, address
        self.folder = posixpath.dirname(source)

    def wrong(self, words):
        self.site.wrong.append(f"{self.source}: {words}")

    def to(self, address):
        """a page of the site, as seen from this one"""
        page, mark, rest = address.partition("#")
        return posixpath.relpath(page, posixpath.dirname(self.address) or ".") + mark + rest

    def link(self, target):
        if re.match(r"[a-z]+:", target):
            return escape(target)
        path, mark, part = target.partition("#")
        address = self.address
        if path:
            inside = posixpath.normpath(posixpath.join(self.folder, path))
            address = self.site.page_of(inside)
            if address is None:
                self.wrong(f"the link {target} leads nowhere")
                return "#"
        return self.to(address) + mark + part if path else mark + part

    def image(self, source):
        inside = posixpath.normpath(posixpath.join(self.folder, source))
        address = self.site.file(inside)
        if address is None:
            self.wrong(f"the picture {source} is not there")
            return "#"
        return self.to(address)

    def name(self, name):
        if not self.site.names.exists(name):
            self.wrong(f"{name} is no name of the library")
        address = self.site.names.address.get(name)
        return self.to(address) if address else None

    def code(self, text):
        """code in a sentence: a name, a file of ours, or whatever it is"""
        found = self.site.file_named(text, self.folder)
        inside = listing.names(text, self.name)
        if found and "<a " not in inside:
            inside = f'<a href="{self.to(found)}">{inside}</a>'
        return f"<code>{inside}</code>"

    def fence(self, language, text):
        return listing.block(text, language, self.name)
