"""test_circles.py NM LAYER ARCHIVE ...: no files of one layer use each other in a circle.

A file uses another one when it refers to a symbol that the other defines. The archives are the
floors of the layer, from the ground up; a reference to a floor above is an error too. Operators
compose each other in their derivatives, through the public functions of ops.h: so in ops/ only
private symbols (ct__...) count."""
import collections
import subprocess
import sys


def read(nm, archives):
    """who defines each symbol, on which floor; and what each file refers to"""
    owner, used = {}, collections.defaultdict(set)
    for floor, archive in enumerate(archives):
        text = subprocess.run([nm, "-A", "-g", archive], check=True, capture_output=True, text=True)
        for line in text.stdout.splitlines():
            place, fields = line.rsplit(":", 1)
            *_, kind, name = fields.split()
            source = place.split(":")[-1].split("/")[-1].removesuffix(".o").replace("_", "/", 1)
            if kind in "Uw":
                used[source].add(name)
            else:
                owner[name] = (source, floor)
            used[source] |= set()
    return owner, used


def circles(graph):
    """the groups of files that reach each other"""
    reach = {}
    for start in graph:
        seen, todo = set(), [start]
        while todo:
            for other in graph[todo.pop()]:
                if other not in seen:
                    seen.add(other)
                    todo.append(other)
        reach[start] = seen
    groups = {frozenset(b for b in reach[a] if a in reach[b]) for a in graph if a in reach[a]}
    return [sorted(group) for group in groups]


def main(nm, layer, archives):
    owner, used = read(nm, archives)
    floors = {source: floor for source, floor in owner.values()}
    graph, wrong = {source: set() for source in used}, []
    for source, names in used.items():
        for name in names & owner.keys():
            if layer == "ops" and not name.startswith("ct__"):
                continue
            other, floor = owner[name]
            if other != source:
                graph[source].add(other)
            if floor > floors.get(source, len(archives)):
                wrong.append(f"{source} uses {name} of {other}, which lies above it")
    wrong += ["a circle: " + " ".join(group) for group in circles(graph)]
    for line in wrong:
        print(f"FAILED: {layer}: {line}")
    print(f"{len(graph) - len(wrong) if len(graph) > len(wrong) else 0} passed, "
          f"{len(wrong)} failed, 0 skipped")
    return bool(wrong) or len(graph) < 3


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2], sys.argv[3:]))
