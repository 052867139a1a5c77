"""The list of tests, the command line, and the table at the end."""

import argparse
import importlib.util
import os
import shutil
import signal
import subprocess
import sys
import time
import traceback

from . import inject
from .site import DROPFEED, SLOWNESS, Site

TESTS = []


class Refused(Exception):
    """The machine refuses an injection: a failure of the suite, never a pass."""


class Failed(Exception):
    """A criterion is not met."""


inject.Refused = Refused


class Test:
    """One test: `run(t)`, where `t.full` says whether the sizes are those of FAULTS or reduced ones."""

    def __init__(self, id, name, injects, demands, quick, run):
        self.id, self.name, self.injects, self.demands = id, name, injects, demands
        self.quick, self.run = quick, run


class Context:
    """What a running test gets."""

    def __init__(self, full):
        self.full = full
        self.slowness = SLOWNESS
        self.measured = []
        self._sites = []

    def site(self, *args, **kwargs):
        """A new site, which is stopped and removed at the end of the test."""
        site = Site(*args, **kwargs)
        self._sites.append(site)
        return site

    def size(self, full, quick):
        """A size: as the table of FAULTS has it, or reduced."""
        return full if self.full else quick

    def say(self, text):
        """Adds a measurement to the table."""
        self.measured.append(text)

    def check(self, condition, text):
        """Demands a condition."""
        if not condition:
            raise Failed(text)

    def end(self):
        """Ends every site; returns what the readers complained about."""
        problems = []
        looks = [sum(site.readers[n].looks for site in self._sites if site.readers) for n in range(2)]
        if any(looks):
            self.say(f"L3: {looks[0]} answers, {looks[1]} files")
        for site in reversed(self._sites):
            problems += site.end()
        inject.undo_all()
        return problems

    def remove(self, keep):
        """Removes the directories, or names those that are kept."""
        for site in self._sites:
            if not keep:
                shutil.rmtree(site.dir, ignore_errors=True)
        return [f"kept: {site.dir}" for site in self._sites if keep]


def fault(id, name, injects, demands, quick):
    """Registers a test. `quick`: whether it is in the quick part."""

    def register(run):
        TESTS.append(Test(id, name, injects, demands, quick, run))
        return run

    return register


def wait(what, condition, seconds):
    """Waits until `condition()` is true, and returns how long that took; fails by name at the deadline."""
    begin = time.monotonic()
    while not condition():
        if time.monotonic() - begin > seconds * SLOWNESS:
            # A callable describes the situation at the end.
            raise Failed(f"never within {seconds * SLOWNESS:g} s: {what() if callable(what) else what}")
        time.sleep(0.02)
    return time.monotonic() - begin


def run_one(test, full):
    context = Context(full)
    begin = time.monotonic()
    result, why = "pass", None
    try:
        test.run(context)
    except Refused as refused:
        result, why = "REFUSED", str(refused)
    except Failed as failed:
        result, why = "FAIL", str(failed)
    except Exception:
        result, why = "FAIL", traceback.format_exc()
    finally:
        # What the readers saw counts even where the test itself was content.
        problems = context.end()
        if problems and result == "pass":
            result = "FAIL"
        kept = context.remove(keep=result == "FAIL" and bool(os.environ.get("FAULTS_KEEP")))
    why = "\n".join(filter(None, [why, *problems, *kept]))
    return result, time.monotonic() - begin, "; ".join(context.measured), why


def load_tests(folder):
    for path in sorted(folder.glob("f[0-9]*.py")):
        spec = importlib.util.spec_from_file_location(path.stem, path)
        spec.loader.exec_module(importlib.util.module_from_spec(spec))
    TESTS.sort(key=lambda test: test.id)


def main(folder):
    parser = argparse.ArgumentParser(prog="tests/faults/run", description="The fault suite of dropfeed.")
    parser.add_argument("--all", action="store_true", help="every test, in full size")
    parser.add_argument("--quick", action="store_true", help="reduced sizes for the named tests")
    parser.add_argument("--list", action="store_true", help="list the tests")
    parser.add_argument("tests", nargs="*", metavar="TEST")
    options = parser.parse_args()
    load_tests(folder)
    names = [name.capitalize() for name in options.tests]
    unknown = [name for name in names if not any(test.id.startswith(name) for test in TESTS)]
    if unknown:
        parser.error(f"no such test: {', '.join(unknown)}")

    if options.list:
        for test in TESTS:
            print(f"{test.id:5} {test.name}{'' if test.quick else ' (only with --all)'}")
            print(f"      injects: {test.injects}\n      demands: {test.demands}")
        return

    if names:
        chosen = [test for test in TESTS if any(test.id.startswith(name) for name in names)]
        full = not options.quick
    elif options.all:
        chosen, full = TESTS, True
    else:
        chosen, full = [test for test in TESTS if test.quick], False
    # A signal ends like a failure, so that every kernel setting and mount is put back.
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: sys.exit(130))

    inject.install()
    print(f"{subprocess.run([DROPFEED(), '--version'], capture_output=True, text=True).stdout.strip()} ({DROPFEED()})")
    rows, failures = [], []
    try:
        for test in chosen:
            print(f"{test.id} {test.name} ...", end=" ", flush=True)
            result, seconds, measured, why = run_one(test, full)
            rows.append((test.id, test.name, f"{seconds:.0f}", result, measured))
            print(f"{result} ({seconds:.0f} s)" + (f": {measured}" if measured else ""), flush=True)
            if why:
                failures.append(result)
                print("    " + why.strip().replace("\n", "\n    "), flush=True)
    except KeyboardInterrupt:
        print("interrupted")
        failures.append("interrupted")
    finally:
        inject.undo_all()

    print()
    print_table(rows)
    left_out = [test.id for test in TESTS if test not in chosen]
    if left_out:
        print(f"left out: {', '.join(left_out)}; run all with tests/faults/run --all")
    sys.exit(1 if failures else 0)


def print_table(rows):
    head = ("id", "name", "s", "result", "measured")
    widths = [max(len(row[n]) for row in [head, *rows]) for n in range(4)]
    for row in [head, *rows]:
        cells = [cell.ljust(width) for cell, width in zip(row, widths)]
        print("  ".join([*cells, row[4]]).rstrip())
