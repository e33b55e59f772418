#!/usr/bin/env bash
# Compares what sequences of statements leave in a server when they go through an outage, and when they are executed directly.
#
#   tests/equivalence/run.sh [--server mariadb|mysql|mariadb118] [--minutes N] [--seed S] [--rounds N] [--size STEPS]
#   tests/equivalence/run.sh --server mysql --seed 3 --rounds 1 --keep 156,319-325 --verbose     a find again, and part of it
#
# HOLDWATER_BINARY is the program (default: build/release/holdwater). Prints the seed, each find, and what was compared; the exit
# status is not zero when something was found.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
case " $* " in
  *" mysql "*) HOLDWATER_MYSQL_HOME=$("$here/../servers/mysql.sh"); export HOLDWATER_MYSQL_HOME ;;
  *" mariadb118 "*) HOLDWATER_MARIADB118_HOME=$("$here/../servers/mariadb118.sh"); export HOLDWATER_MARIADB118_HOME ;;
esac
PYTHONPATH=$here/.. exec /usr/bin/python3 -B "$here/equivalence.py" "$@"
