#!/usr/bin/env bash
# MySQL 9's own test suite (suite main, by mysql-test-run --extern) through the proxy.
#
#   tests/suites/mysql.sh [--direct] [--tests main.alias,...] [--list FILE] [--out FOLDER] [-- RUNNER-ARGUMENT...]
#
# mysql.txt beside this file lists the tests that pass without the proxy: all of them are to pass through it. The suite
# is fetched by tests/servers/mysql_suite.sh (430 MB, once). The last line is "N passed, N failed, N skipped".
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
"$here/../install.sh" test suites >&2
HOLDWATER_MYSQL_SUITE_HOME=$("$here/../servers/mysql_suite.sh")
export HOLDWATER_MYSQL_SUITE_HOME
exec /usr/bin/python3 -B "$here/run.py" mysql "$@"
