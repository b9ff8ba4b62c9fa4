#!/usr/bin/env python3
"""Follows every constraint from the specification to its test.

A constraint such as training_c3 must occur in four places: in docs/Spec.md, in
the op's description in BN*Ops.td (there as "(C3)"), as a comment in the
verifier, and in the name of a test that violates it (@error_training_c3...).
Prints what is missing where, and fails when something is.
"""

import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
CODE = re.compile(r"\b([a-z_]+_c\d+)\b")
# With an op's name, everything up to the next definition.
OP = re.compile(r'^def \w+ *:[^"{]*"([a-z_]+)"(.*?)(?=^def |\Z)',
                re.MULTILINE | re.DOTALL)


def description_codes():
    folder = ROOT / "include/bn/Dialect/BN/IR"
    text = "".join((folder / name).read_text()
                   for name in ("BNUserOps.td", "BNGradientOps.td",
                                "BNStructuralOps.td", "BNBufferOps.td"))
    return {"%s_c%s" % (op, number)
            for op, body in OP.findall(text)
            for number in re.findall(r"\(C(\d+)\)", body)}


def codes_in(files, pattern=CODE):
    return {code for file in files
            for code in pattern.findall(file.read_text())}


def main():
    tests = (ROOT / "test").rglob("*.mlir")
    places = {
        "docs/Spec.md": codes_in([ROOT / "docs/Spec.md"]),
        "the descriptions in BN*Ops.td": description_codes(),
        "the verifiers in lib/Dialect/BN/IR":
            codes_in((ROOT / "lib/Dialect/BN/IR").glob("*.cpp")),
        "the names of tests": codes_in(
            tests, re.compile(r"@error_([a-z_]+?_c\d+)(?!\d)")),
    }
    every = set().union(*places.values())
    missing = [(code, place) for place, codes in places.items()
               for code in sorted(every - codes)]
    for code, place in missing:
        print("expected constraint %s in %s, got no mention" % (code, place))
    print("%d constraints, %d mentions missing" % (len(every), len(missing)))
    return 1 if missing or not every else 0


if __name__ == "__main__":
    sys.exit(main())
