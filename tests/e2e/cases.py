#!/usr/bin/env python3
"""Runs the cases of real trees against a built dropfeed, and compares the failures with a list of those that are known.

cases.py CASES BINARY [KNOWN]

CASES is the directory with run.py and reading.json. KNOWN has a line `name: reason` for each case that still fails
(default: cases-known.txt beside this script). Exit status 1 if a case fails that is not listed, or if a listed case
passes or does not exist: the list can only shrink. Exit status 2 if the runner itself failed.
"""
import json
import re
import subprocess
import sys
from pathlib import Path


def read_known(path):
    """Names and reasons; blank lines and lines that begin with `#` are skipped."""
    known = {}
    for number, line in enumerate(path.read_text(encoding='utf-8').splitlines(), 1):
        if not line.strip() or line.startswith('#'):
            continue
        name, colon, reason = line.partition(': ')
        if not colon or not reason.strip() or name in known:
            sys.exit(f'{path}:{number}: expected `name: reason`, each name once')
        known[name] = reason.strip()
    return known


def main(cases, binary, known_path):
    names = {case['name'] for case in json.loads((cases / 'reading.json').read_text(encoding='utf-8'))['cases']}
    known = read_known(known_path)
    run = subprocess.run([sys.executable, cases / 'run.py', cases / 'reading.json', binary], stdout=subprocess.PIPE, text=True)
    failed = {}
    for line in run.stdout.splitlines():
        if line.startswith('FAIL '):
            # A name may contain `: `, so the longest one that fits is taken.
            name = max((n for n in names if line.startswith(f'FAIL {n}: ')), key=len, default=line)
            failed.setdefault(name, []).append(line)

    # A runner that stopped early would otherwise look like one without failures.
    total = re.search(r'^(\d+) of (\d+) cases hold$', run.stdout, re.M)
    if not total or int(total[2]) != len(names) or int(total[1]) != len(names) - len(failed):
        print(run.stdout, file=sys.stderr)
        print('the runner did not finish all cases', file=sys.stderr)
        return 2

    problems = [line for name in failed if name not in known for line in failed[name]]
    problems += [f'{name} passes: remove it from {known_path.name}' for name in known if name in names - failed.keys()]
    problems += [f'{name} is no case: remove it from {known_path.name}' for name in known if name not in names]
    for problem in problems:
        print(problem, file=sys.stderr)
    print(f'{total[0]}; {len(known)} known to fail')
    return 1 if problems else 0


if __name__ == '__main__':
    if len(sys.argv) not in (3, 4):
        sys.exit(__doc__)
    default = Path(__file__).with_name('cases-known.txt')
    sys.exit(main(Path(sys.argv[1]), sys.argv[2], Path(sys.argv[3]) if len(sys.argv) == 4 else default))
