"""Adds up JUnit files and prints "N passed, N failed" as the last line; fails when a test failed or none ran.

A doctest executable is one entry of ctest but prints how many cases it ran: those are counted.
    tally.py FOLDER                       add up FOLDER/*.xml
    tally.py --record FILE NAME STATUS    write the verdict of one script as a JUnit file
"""
import glob
import os
import re
import sys
import xml.etree.ElementTree as ElementTree

DOCTEST = re.compile(r"\[doctest\] test cases:\s*(\d+)\s*\|\s*(\d+) passed\s*\|\s*(\d+) failed")


def cases_of(case):
    """(passed, failed, skipped) of one <testcase>."""
    failed = case.find("failure") is not None or case.find("error") is not None or case.get("status") == "fail"
    if case.find("skipped") is not None or case.get("status") in ("notrun", "disabled"):
        return 0, 0, 1
    said = DOCTEST.search(case.findtext("system-out") or "")
    if said:
        passed, wrong = int(said[2]), int(said[3])
        return passed, wrong or int(failed), 0  # ended badly after its cases: a sanitizer's verdict, a crash
    return int(not failed), int(failed), 0


def add_up(folder):
    total = [0, 0, 0]
    for path in sorted(glob.glob(os.path.join(folder, "*.xml"))):
        sums = [0, 0, 0]
        for case in ElementTree.parse(path).iter("testcase"):
            counts = cases_of(case)
            sums = [a + b for a, b in zip(sums, counts)]
            if counts[1]:
                print(f"FAILED {os.path.basename(path)[:-4]}: {case.get('name')}")
            if counts[2]:
                print(f"SKIPPED {os.path.basename(path)[:-4]}: {case.get('name')}")
        print(f"{os.path.basename(path)[:-4]:24} {sums[0]:5} passed {sums[1]:5} failed {sums[2]:5} skipped")
        total = [a + b for a, b in zip(total, sums)]
    if total[0] + total[1] == 0:
        print("no test ran")
    print(f"{total[0]} passed, {total[1]} failed")
    return 0 if total[0] and not total[1] else 1


def record(path, name, status):
    suite = ElementTree.Element("testsuite", name=name)
    case = ElementTree.SubElement(suite, "testcase", name=name)
    if status != "0":
        ElementTree.SubElement(case, "failure", message=f"ended with {status}")
    ElementTree.ElementTree(suite).write(path)
    return 0


if __name__ == "__main__":
    sys.exit(record(*sys.argv[2:]) if sys.argv[1] == "--record" else add_up(sys.argv[1]))
