#!/usr/bin/env bash
# MySQL 9's own test suite with its server and programs, for tests/suites/mysql.sh: large, so apart from mysql.sh.
#
#   tests/servers/mysql_suite.sh     fetch and unpack, unless it is there; then print the folder
#
# $HOLDWATER_MYSQL_SUITE_HOME names the folder (default ~/.cache/holdwater-mysql-suite); how is told in unpacked.sh.
set -euo pipefail
home=${HOLDWATER_MYSQL_SUITE_HOME:-$HOME/.cache/holdwater-mysql-suite}
name="MySQL's test suite" suite=sid megabytes=430
packages=(mysql-server-core mysql-client-core mysql-testsuite)
programs=('bin/my*' 'bin/ibd2sdi' 'bin/innochecksum' 'bin/perror' 'sbin/mysqld' 'lib/mysql-test/bin/my*')
works() { "$home/bin/mysqltest" --no-defaults --version > /dev/null 2>&1; }

. "$(dirname "${BASH_SOURCE[0]}")/unpacked.sh"
fetch_unless_there
echo "$home"
