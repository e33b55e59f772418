#!/usr/bin/env bash
# MySQL 9's client library for the tests, to build a C program with: Debian 12 has MariaDB's alone.
#
#   tests/servers/mysql_client.sh           fetch and unpack, unless it is there; then print the folder
#
# $HOLDWATER_MYSQL_CLIENT_HOME names the folder (default ~/.cache/holdwater-mysql-client). It ends with root/, the
# unpacked files; a program built with them is started through root's loader, since they need root's libc.
set -euo pipefail
home=${HOLDWATER_MYSQL_CLIENT_HOME:-$HOME/.cache/holdwater-mysql-client}
name="MySQL's client library" suite=sid megabytes=25
packages=(libmysqlclient-dev)
programs=()
works() { [ -e "$home/root/usr/include/mysql/mysql.h" ] && compgen -G "$home/root/usr/lib/*/libmysqlclient.so" > /dev/null; }

. "$(dirname "${BASH_SOURCE[0]}")/unpacked.sh"
fetch_unless_there
echo "$home"
