"""The texts of the project: where their pages are, and what the first page takes from the others."""
import re


def address_of(path):
    path = path.removeprefix("docs/").removesuffix(".md")
    folder, _, name = path.rpartition("/")
    if name == "README":
        name = "index"
    elif name.isupper():
        name = name.lower()
    return f"{folder}/{name}.html" if folder else f"{name}.html"


def with_parts(root, text, live):
    """<!-- FILE: HEADING --> stands for that section of that file, 0 for what is before its first
    list; <!-- live: PAGE: WORDS --> for a link, if there are such pages. A line
    <!-- check FILE: TEXT --> says what must be in that file"""
    def part(found):
        source = (root / found[1]).read_text(encoding="utf-8")
        heading = rf"^## {re.escape(found[2])}\n(.*?)(?=^## |\Z)"
        section = re.search(r"(^- .*?)(?=^## )" if found[2] == "0" else heading, source, re.M | re.S)
        if section is None:
            raise SystemExit(f"{found[1]} has no section {found[2]}")
        return section[1].strip()

    def checked(found):
        if found[2] not in (root / found[1]).read_text(encoding="utf-8"):
            raise SystemExit(f"the first page: {found[1]} does not say {found[2]}")
        return ""

    text = re.sub(r"^<!-- check ([\w./]+): (.*?) -->$", checked, text, flags=re.M)
    text = re.sub(r"^<!-- live: (.*?): (.*?) -->$",
                  r'<a class="door" href="live/\1">\2</a>' if live else "", text, flags=re.M)
    return re.sub(r"^<!-- ([\w./]+): (.*?) -->$", part, text, flags=re.M)
