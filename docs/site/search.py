"""The index of the search box: a plain script, which a page loads when somebody searches.

An entry is [title, page it is on, address, words]. site.js looks for all words of the question, in
titles first.
"""
import json
import re


def words(text):
    """the different words of a text, in their order"""
    seen = {}
    for word in re.findall(r"[^\W_][\w']*", text.lower()):
        if len(word) > 1:
            seen[word] = True
    return " ".join(seen)


def of_text(title, address, sections):
    """the entries of a text: one for each of its sections"""
    return [[heading, title if heading != title else "", f"{address}#{name}" if i else address,
             words(text)] for i, (heading, name, text) in enumerate(sections)]


def script(entries):
    lines = ",\n".join(json.dumps(entry, ensure_ascii=False, separators=(",", ":"))
                       for entry in entries)
    return f"const searchIndex = [\n{lines}\n];\n"
