#!/usr/bin/env bash
# A private MariaDB 11.8 for the tests: Debian 12 has 10.11, Debian 13 has 11.8.
#
#   tests/servers/mariadb118.sh      fetch and unpack, unless it is there; then print the folder
#
# $HOLDWATER_MARIADB118_HOME names the folder (default ~/.cache/holdwater-mariadb118). It ends with bin/mariadbd,
# bin/mariadb and the other programs as wrappers, and root/ with the unpacked files; how is told in unpacked.sh.
set -euo pipefail
home=${HOLDWATER_MARIADB118_HOME:-$HOME/.cache/holdwater-mariadb118}
name='MariaDB 11.8' suite=trixie megabytes=30
packages=(mariadb-server-core mariadb-client-core mariadb-client)
programs=('bin/mariadb*' 'bin/my_print_defaults' 'bin/resolveip' 'bin/aria_*' 'sbin/mariadbd')
works() { "$home/bin/mariadbd" --no-defaults --version 2> /dev/null | grep -q 'Ver 11\.8'; }

. "$(dirname "${BASH_SOURCE[0]}")/unpacked.sh"
fetch_unless_there
echo "$home"
