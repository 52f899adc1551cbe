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

    # -- Reports of docs/programs/NAME
    def reports(self, names):
        """makes those of tiny runs, side by side, where there is none of a whole run"""
        with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
            list(pool.map(self.tiny, [name for name in names if not self.whole(name)]))

    def whole(self, name):
        for path in (self.build / f"{name}-1", self.root / f"{name}-out"):
            if (path / "report.html").exists():
                return path / "report.html"
        return None

    def tiny(self, name):
        program = self.program(f"docs/programs/{name}/{name}.c")
        report = self.done / "reports" / name / "report.html"
        if program and not (report.exists() and report.stat().st_mtime > program.stat().st_mtime):
            shutil.rmtree(report.parent, ignore_errors=True)
            report.parent.mkdir(parents=True)
            subprocess.run([program, "--tiny", "--out", str(report.parent)], check=False,
                           stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        return report if report.exists() else None

    def report(self, name):
        """a report, or None, and whether it is that of a whole run"""
        whole = self.whole(name)
        return whole or self.tiny(name), whole is not None
