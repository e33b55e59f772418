#!/usr/bin/env bash
# A private MySQL 9 for the tests: Debian 12 has no MySQL server, Debian's unstable suite has one.
#
#   tests/servers/mysql.sh           fetch and unpack, unless it is there; then print the folder
#
# $HOLDWATER_MYSQL_HOME names the folder (default ~/.cache/holdwater-mysql). It ends with bin/mysqld, bin/mysql and
# the other programs as wrappers, and root/ with the unpacked files; how is told in unpacked.sh.
set -euo pipefail
home=${HOLDWATER_MYSQL_HOME:-$HOME/.cache/holdwater-mysql}
name=MySQL suite=sid megabytes=60
packages=(mysql-server-core mysql-client-core)
programs=('bin/mysql*' 'sbin/mysqld')
works() { "$home/bin/mysqld" --no-defaults --version > /dev/null 2>&1; }

. "$(dirname "${BASH_SOURCE[0]}")/unpacked.sh"
fetch_unless_there
echo "$home"
