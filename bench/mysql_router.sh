#!/usr/bin/env bash
# MySQL Router for the comparison: from Debian's unstable suite, unpacked and run in place, nothing installed.
#
#   bench/mysql_router.sh            fetch and unpack, unless it is there; then print the folder
#
# $HOLDWATER_MYSQL_ROUTER_HOME names the folder (default ~/.cache/holdwater-mysql-router).
set -euo pipefail
home=${HOLDWATER_MYSQL_ROUTER_HOME:-$HOME/.cache/holdwater-mysql-router}
name='MySQL Router' suite=sid megabytes=20
packages=(mysql-router)
programs=('bin/mysqlrouter') libraries=lib/mysql-router
works() { "$home/bin/mysqlrouter" --version > /dev/null 2>&1; }

. "$(dirname "${BASH_SOURCE[0]}")/../tests/servers/unpacked.sh"
fetch_unless_there
echo "$home"
