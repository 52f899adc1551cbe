"""embed.py OUT: page.html, with page.css and page.js in it, as C. It is cut where the graph and its
text go, into the arrays ct__page_start, ct__page_middle and ct__page_end."""
import pathlib
import sys

here = pathlib.Path(__file__).parent
page = (here / "page.html").read_text(encoding="utf-8")
for name in ("page.css", "page.js"):
    page = page.replace(f"/* {name} */", "\n" + (here / name).read_text(encoding="utf-8"))
start, rest = page.split("/* text */")
middle, end = rest.split("/* graph */")
with open(sys.argv[1], "w", encoding="ascii") as out:
    out.write('/* Made by embed.py. */\n#include "page.h"\n')
    for name, part in (("start", start), ("middle", middle), ("end", end)):
        data = part.encode("utf-8") + b"\0"
        out.write(f"const char ct__page_{name}[] = {{")
        for i, byte in enumerate(data):
            out.write(("\n" if i % 20 == 0 else "") + f"{byte},")
        out.write("\n};\n")
