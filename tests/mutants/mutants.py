"""mutants.py BUILD COVERED SUITES COUNT [SEED [SECONDS]]: would the tests notice if the code were wrong?

BUILD and COVERED are build folders, the second with -Db_coverage=true, and SUITES is a folder: first
every suite runs once in each, and SUITES/NAME gets its coverage data. Then COUNT places are drawn among all operators and constants
in the C code of the library: those of which a hash, of SEED and the line, is least, so that a change of
other lines draws the same places again. At each of them, one at a time, the operator or the constant is
changed: the files that have it are compiled, the tests are linked with them, and the suites whose
coverage reaches the line run, the quickest first, for at most 20 seconds. A mutant is killed if one of
them fails, crashes, or takes far longer than before.

SUITES/results.txt has a line for each mutant that is done: what became of it, and where it is. What is
there is not done again, so a run that was interrupted goes on. With SECONDS, it ends after them. A
mutant that changes no result is named in the file `equivalent` beside this one, with the reason, and
does not count. The last line is "N passed, N failed, N skipped": killed, alive, not counted; if 95 %
are killed, those that are alive are listed only.
"""
import collections
import gzip
import hashlib
import json
import pathlib
import re
import resource
import shlex
import shutil
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
FOLDERS = ["autograd", "ops", "nn"]
TESTS = "tests/cotangent-tests"
LIMIT = 20           # seconds for the suites of one mutant
FILES = 4            # a header in more objects than this is left alone
MEMORY = 8 << 30     # bytes of addresses: a mutant may want any number

# what becomes what; operators stand between spaces, so that no pointer is taken for a product
SWAPS = {" + ": " - ", " - ": " + ", " * ": " / ", " / ": " * ", " < ": " <= ", " <= ": " < ",
         " > ": " >= ", " >= ": " > ", " == ": " != ", " != ": " == ", " && ": " || ",
         " || ": " && ", " += ": " -= ", " -= ": " += ", " & ": " | ", " | ": " & ",
         " << ": " >> ", " >> ": " << ", "true": "false", "false": "true"}
PLACE = re.compile("|".join([re.escape(s) for s in SWAPS if s[0] == " "]
                            + [r"\b(?:true|false)\b", r"(?<![\w.\"'%])\d+(?:\.\d+)?(?![\w.\"'])"]))
Mutant = collections.namedtuple("Mutant", "file line column old new text key")


def code_lines(path):
    """The lines of a C file, with blanks for comments, texts and what the preprocessor reads."""
    text = path.read_text(encoding="utf-8")
    blank = re.compile(r'/\*.*?\*/|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'|^[ ]*#(?:\\\n|[^\n])*',
                       re.S | re.M)
    return blank.sub(lambda m: re.sub(r"[^\n]", " ", m[0]), text).split("\n")


def places():
    """All mutants of all files. The key of one is its file and its line, and, if there were equal ones
    above it, how many."""
    found, above = [], collections.Counter()
    for path in sorted(p for f in FOLDERS for p in (ROOT / f).rglob("*.[ch]")):
        for number, line in enumerate(code_lines(path), 1):
            for m in PLACE.finditer(line):
                new = SWAPS.get(m[0]) or str(int(m[0]) + 1 if m[0].isdigit() else float(m[0]) + 1)
                marked = f"{line[:m.start()]}[{m[0]}->{new}]{line[m.end():]}".strip()
                file = str(path.relative_to(ROOT))
                key = f"{file}: {marked}"
                above[key] += 1
                if above[key] > 1:
                    key += f" ({above[key]})"
                found.append(Mutant(file, number, m.start() + 1, m[0], new, marked, key))
    return found


def drawn(count, seed):
    """COUNT of all mutants, in the order of their hashes."""
    return sorted(places(), key=lambda m: hashlib.sha256(f"{seed} {m.key}".encode()).digest())[:count]


def name(m):
    """what the file `equivalent` calls it"""
    return f"{m.file}: {m.text}"


class Build:
    """The build folders: the commands of one, and what each suite covers in the other."""

    def __init__(self, build, covered, suites):
        self.build, self.covered, self.suites = (
            pathlib.Path(p).resolve() for p in (build, covered, suites))
        commands = subprocess.run(["ninja", "-C", self.build, "-t", "compdb"], check=True,
                                  capture_output=True, text=True).stdout
        self.compile = {c["output"]: c["command"] for c in json.loads(commands)
                        if c["output"].endswith(".c.o") and c["output"].startswith(tuple(FOLDERS))}
        self.link = next(c["command"] for c in json.loads(commands)
                         if c["output"] == TESTS)
        self.users = self.depending()
        self.seconds = self.run_suites()
        self.reached = {}
        self.mirror = pathlib.Path(tempfile.mkdtemp()) # of the sources: one file of it is changed
        for folder in FOLDERS + ["include"]:
            shutil.copytree(ROOT / folder, self.mirror / folder)

    def depending(self):
        """for each file of ours, the objects that are made of it"""
        users, current = collections.defaultdict(list), None
        out = subprocess.run(["ninja", "-C", self.build, "-t", "deps"], check=True,
                             capture_output=True, text=True).stdout
        for line in out.split("\n"):
            if line and line[0] != " ":
                current = line.split(":")[0]
            elif line and current in self.compile:
                path = (self.build / line.strip()).resolve()
                if path.is_relative_to(ROOT):
                    users[str(path.relative_to(ROOT))].append(current)
        return users

    def run_suites(self):
        """The seconds that each suite takes, which has run once with its coverage data apart."""
        seconds = {}
        text = (ROOT / "tests/suites.def").read_text(encoding="utf-8")
        for suite in re.findall(r"^SUITE\((\w+)\)", text, re.M):
            done = self.suites / suite / "seconds"
            if not done.exists():
                shutil.rmtree(self.suites / suite, ignore_errors=True)
                results = [self.run_tests(self.covered / TESTS, suite, 3600, self.suites / suite)]
                began = time.time()
                results.append(self.run_tests(self.build / TESTS, suite, 3600, self.suites / suite))
                took = time.time() - began
                print(f"{suite}: {took:.1f} s, {results[0]}, {results[1]}", flush=True)
                if results == ["passed", "passed"]:
                    done.write_text(str(took))
            if done.exists():
                seconds[suite] = float(done.read_text())
        return seconds

    @staticmethod
    def run_tests(program, suite, limit, data):
        """how it ended: "passed", "failed" or "took too long" """
        def limits():
            resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
            resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        env = {"CK_FORK": "no", "PATH": "/usr/bin:/bin", "GCOV_PREFIX": str(data)}
        try:
            done = subprocess.run([program, suite], env=env, timeout=limit, preexec_fn=limits,
                                  stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
        except subprocess.TimeoutExpired:
            return "took too long"
        return "failed" if done.returncode else "passed"

    def lines_of(self, obj, suite):
        """{file: {line: how often the suite ran it}} of an object"""
        if (obj, suite) not in self.reached:
            data = self.suites / suite / str(self.covered / obj)[1:].replace(".c.o", ".c.gcda")
            lines = collections.defaultdict(dict)
            if data.exists():
                with tempfile.TemporaryDirectory() as folder:
                    notes = (self.covered / obj).with_suffix("").with_suffix(".c.gcno")
                    shutil.copy(data, folder)
                    shutil.copy(notes, folder)
                    subprocess.run(["gcov", "-j", pathlib.Path(folder) / data.name], cwd=folder,
                                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
                    for out in pathlib.Path(folder).glob("*.json.gz"):
                        for file in json.loads(gzip.open(out).read())["files"]:
                            path = (self.covered / file["file"]).resolve()
                            if path.is_relative_to(ROOT):
                                for l in file["lines"]:
                                    of_file = lines[str(path.relative_to(ROOT))]
                                    of_file[l["line_number"]] = of_file.get(
                                        l["line_number"], 0) + l["count"]
            self.reached[obj, suite] = lines
        return self.reached[obj, suite]

    def reaching(self, m, objects):
        """The suites that run the line, the quickest first. A line such as `int n = 0` has no code of
        its own, so that its neighbors count; and a table has none, so that its file does."""
        near, found, of_file = range(m.line - 2, m.line + 3), False, []
        for suite in sorted(self.seconds, key=self.seconds.get):
            lines = [self.lines_of(o, suite)[m.file] for o in objects]
            if any(of.get(n) for of in lines for n in near):
                found = True
                yield suite
            elif any(any(of.values()) for of in lines):
                of_file.append(suite)
        if not found:
            yield from of_file

    def compile_into(self, obj, folder):
        """the object of the mirror's source, in the folder; false: it does not compile"""
        command = [c.replace("../../", str(self.mirror) + "/") for c in shlex.split(self.compile[obj])
                   if not c.startswith("-Werror")]
        out = folder / pathlib.Path(obj).name
        command[command.index("-o") + 1] = str(out)
        command[command.index("-MF") + 1] = str(out.with_suffix(".d"))
        return subprocess.run(command + ["-w"], cwd=self.build, stdout=subprocess.DEVNULL,
                              stderr=subprocess.DEVNULL, check=False).returncode == 0

    def mutate(self, m, objects, folder):
        """the tests with the mutant, or None if it does not compile"""
        lines = (ROOT / m.file).read_text(encoding="utf-8").split("\n")
        line = lines[m.line - 1]
        assert line[m.column - 1:m.column - 1 + len(m.old)] == m.old
        lines[m.line - 1] = line[:m.column - 1] + m.new + line[m.column - 1 + len(m.old):]
        changed, link = {}, self.link
        (self.mirror / m.file).write_text("\n".join(lines), encoding="utf-8")
        compiled = all([self.compile_into(obj, folder) for obj in objects])
        shutil.copy(ROOT / m.file, self.mirror / m.file)
        if not compiled:
            return None
        for obj in objects:
            out = folder / pathlib.Path(obj).name
            archive = obj.split(".a.p/")[0] + ".a"
            if archive not in changed:
                changed[archive] = folder / pathlib.Path(archive).name
                # one that is thin names its members, so it lies where they can be found
                changed[archive].write_bytes(b"!<arch>\n")
                members = [o for o in self.members(archive) if o not in objects]
                subprocess.run(["ar", "crs", changed[archive]] + [str(self.build / o) for o in members],
                               check=True)
            subprocess.run(["ar", "rs", changed[archive], out], check=True,
                           stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        command = shlex.split(link)
        for archive, new in changed.items():
            command = [str(new) if c == archive else c for c in command]
        command[command.index("-o") + 1] = str(folder / "tests")
        subprocess.run(command, cwd=self.build, check=True, stdout=subprocess.DEVNULL)
        return folder / "tests"

    def members(self, archive):
        return sorted(o for o in self.compile if o.startswith(archive + ".p/"))

    def try_one(self, m):
        """what became of it, in words"""
        objects = self.users[m.file]
        if not objects or len(objects) > FILES:
            return "skipped: in no object, or in many"
        with tempfile.TemporaryDirectory() as folder:
            tests = self.mutate(m, objects, pathlib.Path(folder))
            if not tests:
                return "skipped: it does not compile"
            passed, left = [], LIMIT
            for suite in self.reaching(m, objects):
                if left <= 0:
                    return f"alive: after {LIMIT} s"
                limit, began = 10 + 10 * self.seconds[suite], time.time()
                result = self.run_tests(tests, suite, min(limit, max(left, 10)), folder)
                if result == "failed" or (result == "took too long" and limit <= left):
                    return f"killed: {suite} {result}"
                left -= time.time() - began
                passed.append(suite)
        return f"alive: {' '.join(passed[:8]) or 'no suite'} passed"


def main(build, covered, suites, count, seed=1, seconds=0):
    here = pathlib.Path(__file__).parent
    results = pathlib.Path(suites) / "results.txt"
    results.parent.mkdir(parents=True, exist_ok=True)
    equivalent = (here / "equivalent").read_text(encoding="utf-8").split("\n")
    known = {line.split(" ## ")[0].strip() for line in equivalent}
    done = dict(line.rsplit("\t", 1)[::-1] for line in
                (results.read_text().strip().split("\n") if results.exists() else []) if line)
    b = Build(build, covered, suites)
    end = time.time() + float(seconds) if float(seconds) else float("inf")
    total = collections.Counter()
    for m in drawn(int(count), seed):
        if name(m) in known:
            done[m.key] = "equivalent"
        elif m.key not in done and time.time() < end:
            done[m.key] = b.try_one(m)
            with results.open("a") as file:
                file.write(f"{done[m.key]}\t{m.key}\n")
        what = done.get(m.key, "not yet").split(":")[0]
        if what == "alive":
            print(f"{done[m.key]}: line {m.line}: {m.key}", flush=True)
        total[what] += 1
    shutil.rmtree(b.mirror)
    print(", ".join(f"{n} {what}" for what, n in total.items()))
    enough = total["killed"] >= 0.95 * (total["killed"] + total["alive"])
    failed = 0 if enough else total["alive"]
    print(f"{total['killed']} passed, {failed} failed, "
          f"{sum(total.values()) - total['killed'] - failed} skipped")
    return not enough


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
