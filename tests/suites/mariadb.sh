#!/usr/bin/env bash
# MariaDB 10.11's own test suite (suite main, by mysql-test-run --extern) through the proxy.
#
#   tests/suites/mariadb.sh [--direct] [--tests main.alias,...] [--list FILE] [--out FOLDER] [-- RUNNER-ARGUMENT...]
#
# mariadb.txt beside this file lists the tests that pass without the proxy: all of them are to pass through it. Other
# protocols have lists of their own:
#   tests/suites/mariadb.sh --list tests/suites/mariadb-ps.txt -- --ps-protocol
# Needs a built proxy (build/release/holdwater or $HOLDWATER_BINARY). The last line is "N passed, N failed, N skipped".
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
"$here/../install.sh" test suites >&2
exec /usr/bin/python3 -B "$here/run.py" mariadb "$@"
