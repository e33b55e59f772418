"""Who owns memory, who waits how, and what cppcheck says: the rules a program can check without compiling."""
import os
import re
import subprocess

import pytest

from test_tidy import FOLDERS, PROJECT, lines, sources, tracked

# Where an object of a C library is taken, an owner takes it in the same breath.
TAKEN = re.compile(r"\b(SSL_new|SSL_CTX_new|EVP_\w*_new|EVP_RSA_gen|BIO_new\w*|BIO_meth_new|X509_new|X509V3_EXT_conf_nid|PEM_read_\w+|"
                   r"mysql_init|mysql_store_result|mysql_use_result|mysql_stmt_init|ZSTD_create\w+|fopen|opendir|getaddrinfo|"
                   r"strdup|asprintf)\s*\(")
OWNER = re.compile(r"_ptr\b|\bhandle\(|handle_\.reset\(|\brows\(|\bbio\(|\bin\(|\bout\(|\bout\.reset\(|\bkey\(|\bcontext\(|"
                   r"\bcontext_\(|\bssl_\(|\bfile\(|\bmade\(|\btext\(|zstd_?\.reset\(|\bone\(")
# Where one is given back, that is the owner's.
GIVEN_BACK = re.compile(r"\b(SSL_free|SSL_CTX_free|EVP_\w+_free|BIO_free|X509_free|mysql_close|mysql_free_result|mysql_stmt_close|"
                        r"sqlite3_close\w*|sqlite3_finalize|ZSTD_free\w+)\s*\(")
DELETER = re.compile(r"void operator\(\)\(")


def code_of(name):
    """(number, line) without comments and the text in quotes."""
    for number, line in enumerate(lines(name), 1):
        yield number, re.sub(r'"(?:\\.|[^"\\])*"', '""', line).split("//")[0]


def findings(check):
    wrong = []
    for name in sources(*FOLDERS):
        before = ""
        for number, line in code_of(name):
            if check(line, before + line):
                wrong.append(f"{name}:{number}: {line.strip()}")
            before = line
    return wrong


def owns_raw(line, with_before):
    """`new` belongs into the owner that it is written in; nothing is deleted by hand, and nothing is malloc's."""
    line = re.sub(r"\boperator (new|delete)\b", "", line)  # an allocator's
    if re.search(r"\bnew\s+[A-Za-z_:]", line) and not re.search(r"(unique|shared)_ptr<[^;]*\(\s*new\b", with_before):
        return True
    return bool(re.search(r"(?<!=\s)\bdelete\b|\b(malloc|calloc|realloc|free)\s*\(", line))


def takes_raw(line, with_before):
    return bool(TAKEN.search(line)) and not OWNER.search(with_before)


def gives_back_raw(line, with_before):
    return bool(GIVEN_BACK.search(line)) and not DELETER.search(line)


def test_no_raw_pointer_owns_anything():
    assert not findings(owns_raw)


def test_objects_of_c_libraries_have_owners():
    assert not findings(takes_raw) and not findings(gives_back_raw)


def test_the_rules_about_owners_see_what_they_should():
    for line in ("auto* p = new thing;", "return block(new std::uint8_t[9]);", "delete p;", "delete[] all;", "p = malloc(9);",
                 "::free(p);"):
        assert owns_raw(line, line), line
    for line in ("std::unique_ptr<thing> one(new thing(1));", "thing(const thing&) = delete;", "ERR_clear_error();",
                 "a->set_free(true);", "::operator delete(frame);"):
        assert not owns_raw(line, line), line
    assert takes_raw("EVP_PKEY* key = EVP_PKEY_new();", "EVP_PKEY* key = EVP_PKEY_new();")
    assert gives_back_raw("EVP_PKEY_free(key);", "")


def test_no_thread_of_the_product_sleeps():
    """What waits, waits for something, and can be told to stop."""
    words = re.compile(r"\b(sleep_for|sleep_until|usleep|nanosleep|sleep)\s*\(")
    assert not findings(lambda line, _: bool(words.search(line)))


def test_no_test_sleeps_instead_of_waiting():
    """wait_until() and the like poll for a condition; elsewhere a sleep is the length of something, and is named here."""
    allowed = {"tests/lib/process.py", "tests/lib/server.py", "tests/tidy/test_memory.py",
               "tests/integration/test_not_now.py",  # between two looks at a condition
               "tests/integration/test_hostile_clients.py", "tests/integration/test_mangled.py",  # the pace of slow peers
               "tests/sim/kernel_clock.cpp",  # defines them anew
               "tests/unit/proxy/wakeup_test.cpp"}  # what the event loop under test does between two deadlines
    wrong = []
    for name in tracked("tests"):
        if not name.endswith((".py", ".cpp", ".hpp")) or name in allowed or name.startswith(("tests/chaos/", "tests/clients/")):
            continue
        for number, line in enumerate(lines(name), 1):
            if re.search(r"\btime\.sleep\(|\bsleep_for\(|\busleep\(|\bnanosleep\(", line) and "not a wait" not in line:
                wrong.append(f"{name}:{number}: {line.strip()}")
    assert not wrong, "\n".join(wrong)


def test_warnings_are_errors_everywhere():
    with open(os.path.join(PROJECT, "CMakeLists.txt"), encoding="utf-8") as file:
        content = file.read()
    for flag in ("-Wall", "-Wextra", "-Wshadow", "-Woverloaded-virtual", "-Werror"):
        assert flag in content, flag
    assert 'option(HOLDWATER_WERROR "Treat warnings as errors" ON)' in content
    for name in tracked("*CMakeLists.txt"):
        text = "\n".join(lines(name))
        for library in re.findall(r"add_(?:library|executable)\((\w+)", text):
            others = library == "holdwater_asio"  # Boost's own code
            assert others or "INTERFACE" in text or re.search(rf"target_link_libraries\(\s*{library}[^)]*holdwater_build", text), f"{name}: {library}"


@pytest.mark.limit(300)
def test_cppcheck_finds_nothing():
    done = subprocess.run([os.path.join(PROJECT, "tests/analysis/cppcheck.sh")], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
