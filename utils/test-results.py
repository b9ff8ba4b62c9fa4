#!/usr/bin/env python3
"""Prints one line per test of a results file: PASS, FAIL or UNSUPPORTED and
its name.

The file is lit's (--output=X.json), ctest's (--output-junit X.xml) or pytest's
(--junit-xml=X.xml). A file that is missing or holds no test is a failed test of
its own: a suite that did not run must not look like one that passed.
"""

import json
import sys
import xml.etree.ElementTree


def lit_results(path):
    with open(path) as file:
        for test in json.load(file)["tests"]:
            name = test["name"]
            if test["code"] in ("PASS", "XFAIL", "FLAKYPASS"):
                yield "PASS", name
            elif test["code"] in ("UNSUPPORTED", "SKIPPED"):
                reason = test.get("output", "").strip().splitlines()
                yield "UNSUPPORTED", name + "".join(
                    " (%s)" % line for line in reason[:1])
            elif test["code"] != "EXCLUDED":
                yield "FAIL", name


def ctest_results(root):
    for test in root.iter("testcase"):
        status = {"run": "PASS", "disabled": "UNSUPPORTED"}
        yield status.get(test.get("status"), "FAIL"), test.get("name")


def pytest_results(root):
    for test in root.iter("testcase"):
        name = "%s.%s" % (test.get("classname"), test.get("name"))
        skipped = test.find("skipped")
        if test.find("failure") is not None or test.find("error") is not None:
            yield "FAIL", name
        elif skipped is not None:
            yield "UNSUPPORTED", "%s (%s)" % (name, skipped.get("message"))
        else:
            yield "PASS", name


def xml_results(path):
    root = xml.etree.ElementTree.parse(path).getroot()
    # Only pytest wraps its suite in another element.
    read = pytest_results if root.tag == "testsuites" else ctest_results
    return read(root)


def main(path):
    read = xml_results if path.endswith(".xml") else lit_results
    try:
        results = list(read(path))
    except (OSError, ValueError, xml.etree.ElementTree.ParseError) as error:
        print("FAIL %s: %s" % (path, error))
        return
    for verdict, name in results or [("FAIL", path + ": no tests")]:
        print(verdict, name)


if __name__ == "__main__":
    main(sys.argv[1])
