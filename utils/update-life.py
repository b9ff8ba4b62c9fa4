#!/usr/bin/env python3
"""Keeps the IR in docs/LifeOfABatchNorm.md equal to what bn-opt prints.

The page has blocks between two comments:

    <!-- ir PHASE [from="REGEX"] [to="REGEX"] -->
    ...
    <!-- end ir -->

PHASE is a value of compile-to, or `source` for the input file as it is written.
A block shows the lines from the first one that matches `from` to the first one
after it that matches `to`, both included. Without options the blocks are
rewritten; --check only compares, and fails with the difference.
"""

import argparse
import difflib
import functools
import pathlib
import re
import subprocess
import sys
import textwrap

ROOT = pathlib.Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "LifeOfABatchNorm.md"
INPUT = ROOT / "test" / "Pipelines" / "life-of-a-batch-norm.mlir"
BLOCK = re.compile(
    r'(<!-- ir (\w+)(?: from="([^"]*)")?(?: to="([^"]*)")? -->\n).*?'
    r"(<!-- end ir -->)", re.DOTALL)


def source():
    """The input without the lines that are there for lit."""
    lines = INPUT.read_text().splitlines()
    kept = [line for line in lines if not line.startswith("//")]
    return "\n".join(kept).strip()


@functools.lru_cache(maxsize=None)
def after_phase(bn_opt, phase):
    # The number of runs of channels is that of the threads.
    command = [bn_opt, str(INPUT),
               "--bn-cpu-pipeline=compile-to=%s threads=2" % phase]
    process = subprocess.run(command, capture_output=True, text=True)
    if process.returncode:
        sys.exit("error: %s\n%s" % (" ".join(command), process.stderr))
    return process.stdout.strip()


def find(lines, regex, start, phase):
    for i in range(start, len(lines)):
        if re.search(regex, lines[i]):
            return i
    sys.exit("error: expected a line that matches '%s' in phase '%s', got none"
             % (regex, phase))


def excerpt(ir, begin, end, phase):
    lines = ir.splitlines()
    first = find(lines, begin, 0, phase) if begin else 0
    last = find(lines, end, first + 1, phase) if end else len(lines) - 1
    return textwrap.dedent("\n".join(lines[first:last + 1]))


def updated(page, bn_opt):
    def block(match):
        opening, phase, begin, end, closing = match.groups()
        ir = source() if phase == "source" else after_phase(bn_opt, phase)
        ir = excerpt(ir, begin, end, phase)
        return "%s```mlir\n%s\n```\n%s" % (opening, ir, closing)

    return BLOCK.sub(block, page)


def main():
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bn-opt", default=str(ROOT / "build/bin/bn-opt"),
                        help="the bn-opt to run (default: %(default)s)")
    parser.add_argument("--check", action="store_true",
                        help="only compare; exit code 1 when they differ")
    options = parser.parse_args()

    old = PAGE.read_text()
    if not BLOCK.search(old):
        sys.exit("error: expected blocks '<!-- ir PHASE -->' in %s, got none"
                 % PAGE.name)
    new = updated(old, options.bn_opt)
    if not options.check:
        PAGE.write_text(new)
        return
    if new != old:
        sys.stdout.writelines(difflib.unified_diff(
            old.splitlines(True), new.splitlines(True), "the page", "bn-opt"))
        sys.exit("error: %s is not what bn-opt prints; run %s and read the "
                 "prose around what changed"
                 % (PAGE.name, pathlib.Path(__file__).name))


if __name__ == "__main__":
    main()
