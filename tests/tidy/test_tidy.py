"""The house's rules that a program can check: which folder may include what, sizes, words, formatting."""
import os
import re
import shutil
import subprocess

import pytest

PROJECT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
FOLDERS = ("protocol", "spool", "proxy", "admin")
LINES_MOST = 400
TOP_LEVEL = {"CMakeLists.txt", "CMakePresets.json", "README.md", "proxy", "protocol", "spool", "admin", "tests", "bench",
             "conf"}
ASIO = ("boost/asio", "boost/beast")
SOCKETS = ("sys/socket.h", "netinet/", "arpa/", "netdb.h", "poll.h", "sys/epoll.h", "sys/un.h")

# Each folder: what its files may not include.
FORBIDDEN = {
    "protocol": ("spool/", "proxy/", "admin/", "spdlog", "sqlite3", "mysql", *ASIO, *SOCKETS),
    # libmysqlclient hands out its socket to be waited for
    "spool": ("protocol/", "proxy/", "admin/", *ASIO, *(name for name in SOCKETS if name != "poll.h")),
    "admin": ("protocol/", "proxy/", "spool/"),
}


def tracked(*patterns):
    out = subprocess.run(["git", "ls-files", "-z", "--", *patterns], cwd=PROJECT, stdout=subprocess.PIPE, check=True)
    return [name for name in out.stdout.decode().split("\0") if name and os.path.exists(os.path.join(PROJECT, name))]


def sources(*folders):
    return [name for name in tracked(*folders) if name.endswith((".cpp", ".hpp"))]


def lines(name):
    with open(os.path.join(PROJECT, name), encoding="utf-8") as file:
        return file.read().splitlines()


@pytest.mark.parametrize("folder", FORBIDDEN)
def test_includes_point_one_way(folder):
    wrong = []
    for name in sources(folder):
        for number, line in enumerate(lines(name), 1):
            included = re.match(r'\s*#\s*include\s*[<"]([^>"]+)', line)
            if included and included[1].startswith(FORBIDDEN[folder]):
                wrong.append(f"{name}:{number}: {included[1]}")
    assert not wrong, "\n".join(wrong)


def test_the_rule_about_includes_sees_what_it_should():
    assert "boost/asio/ip/tcp.hpp".startswith(FORBIDDEN["protocol"])
    assert "protocol/packet.hpp".startswith(FORBIDDEN["spool"])


def test_no_source_file_is_too_long():
    wrong = [f"{name}: {len(lines(name))} lines" for name in sources(*FOLDERS) if len(lines(name)) > LINES_MOST]
    assert not wrong, "\n".join(wrong)


def test_nothing_is_left_for_later():
    words = re.compile(r"\b(" + "|".join(("TO" "DO", "FIX" "ME", "XX" "X", "st" "ub", "HA" "CK")) + r")s?\b")
    wrong = [f"{name}:{number}: {line.strip()}"
             for name in tracked(*FOLDERS, "bench", "conf", "tests") if name.endswith(
                 (".cpp", ".hpp", ".py", ".sh", ".txt", ".md", ".js"))
             for number, line in enumerate(lines(name), 1) if words.search(line)]
    assert not wrong, "\n".join(wrong)


def test_the_top_level_holds_only_what_was_agreed():
    found = {name.split("/")[0] for name in tracked()}
    assert {name for name in found if not name.startswith(".")} - TOP_LEVEL == set()


def test_sources_hold_no_tab_and_no_trailing_space():
    wrong = [f"{name}:{number}" for name in sources(*FOLDERS, "tests", "bench") + tracked("tests/*.py", "tests/*.sh")
             for number, line in enumerate(lines(name), 1) if "\t" in line or line != line.rstrip()]
    assert not wrong, "\n".join(wrong)


def test_headers_are_guarded_and_open_no_namespace():
    wrong = []
    for name in sources(*FOLDERS):
        if name.endswith(".hpp"):
            text = "\n".join(lines(name))
            wrong += [f"{name}: no #pragma once"] if "#pragma once" not in text else []
            wrong += [f"{name}: using namespace"] if re.search(r"^\s*using namespace", text, re.M) else []
    assert not wrong, "\n".join(wrong)


def test_every_source_file_says_what_it_is_for():
    wrong = [name for name in sources(*FOLDERS) if name.endswith(".hpp") and not lines(name)[0].startswith("//")]
    assert not wrong, "\n".join(wrong)


def mutants():
    return tracked("tests/mutants/*.patch")


@pytest.mark.parametrize("name", mutants())
def test_a_mutant_applies_and_the_tests_that_it_names_are_there(name, tmp_path):
    text = "\n".join(lines(name)) + "\n"
    for changed in set(re.findall(r"^--- a/(\S+)$", text, re.M)):
        os.makedirs(tmp_path / os.path.dirname(changed), exist_ok=True)
        shutil.copy(os.path.join(PROJECT, changed), tmp_path / changed)
    done = subprocess.run(["patch", "--quiet", "--forward", "--fuzz=0", "-p1", "-d", str(tmp_path)], input=text,
                          capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"^promise: [1-9]\. \S", text, re.M) and re.search(r"^breaks: \S", text, re.M)
    named = re.findall(r"^test: (\w+): (.+)$", text, re.M)
    assert named
    for program, case in named:
        if program == "simulation":
            assert re.fullmatch(r"one of [1-9][0-9]* seeds fails", case)
            continue
        sources_of = [source for source in tracked("tests/*.cpp")
                      if re.sub(r'"\s*"', "", "\n".join(lines(source))).find(f'"{case}"') >= 0]
        assert sources_of, f"no test is named: {case}"
        folder = os.path.dirname(sources_of[0])
        assert program in "\n".join(lines(f"{folder}/CMakeLists.txt")), f"{program} has not: {case}"


def test_each_promise_has_two_mutants_or_more():
    promises = [int(re.search(r"^promise: ([1-9])\.", "\n".join(lines(name)), re.M)[1]) for name in mutants()]
    assert all(promises.count(number) >= 2 for number in range(1, 10)), promises


def test_clang_format_has_nothing_to_change():
    formatter = shutil.which("clang-format-14") or shutil.which("clang-format")
    assert formatter, "clang-format is missing: run tests/install.sh"
    names = sources(*FOLDERS, "tests", "bench")
    done = subprocess.run([formatter, "--dry-run", "-Werror", *names], cwd=PROJECT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-4000:]
