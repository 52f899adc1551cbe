"""Runs the programs that the texts show, by the scripts of the tests: each must print what the text
says that it prints. What passed is not run again until the program or its text changes."""
import concurrent.futures
import os
import shutil
import subprocess


class Examples:
    def __init__(self, root, build, done):
        self.root, self.build, self.done = root, build, done  # done: a file for each that passed
        done.mkdir(parents=True, exist_ok=True)
        self.todo, self.failed = [], []

    def program(self, path):
        """what the build made of docs/NAME.c or docs/programs/NAME/NAME.c, or None"""
        folder, name = os.path.split(path.removesuffix(".c"))
        if folder.startswith("docs/tutorial"):
            name = "tutorial_" + name
        if folder.startswith("docs/programs"):
            folder = "docs/programs"
        built = self.build / folder / name
        return built if built.is_file() else None

    def want(self, name, script, arguments, inputs):
        """run this script, unless it passed after its inputs were made"""
        stamp = self.done / name
        inputs = [self.root / script] + inputs
        if stamp.exists() and all(i.stat().st_mtime <= stamp.stat().st_mtime for i in inputs):
            return
        self.todo.append((name, ["sh", str(self.root / script)] + [str(a) for a in arguments]))

    def run(self):
        """all that is wanted, side by side; how many ran"""
        def one(item):
            name, command = item
            result = subprocess.run(command, capture_output=True, text=True, check=False)
            if result.returncode == 0:
                (self.done / name).touch()
            else:
                self.failed.append(f"{name}: {(result.stdout + result.stderr)[-2000:]}")
        with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
            list(pool.map(one, self.todo))
        return len(self.todo)

    def report(self, name, folder):
        """a report of docs/programs/NAME, and whether it is one of a whole run"""
        whole = [self.build / f"{name}-1" / "report.html", self.root / f"{name}-out" / "report.html"]
        for path in whole:
            if path.exists():
                return path, True
        program = self.program(f"docs/programs/{name}/{name}.c")
        tiny = folder / name / "report.html"
        if program is None:
            return None, False
        if not tiny.exists() or tiny.stat().st_mtime < program.stat().st_mtime:
            shutil.rmtree(tiny.parent, ignore_errors=True)
            tiny.parent.mkdir(parents=True)
            subprocess.run([program, "--tiny", "--out", str(tiny.parent)], check=False,
                           stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        return (tiny, False) if tiny.exists() else (None, False)
