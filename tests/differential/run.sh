#!/usr/bin/env bash
# Compares what the lexer says of statements with what a real server does with them.
#
#   tests/differential/run.sh [--server mariadb|mysql|mariadb118] [--minutes N] [--seed S] [--only INDEX] [--classify PROGRAM]
#
# Needs the program `classify` of a build with tests. Prints the seed, each find, and how many statements of each class there
# were; the exit status is not zero when something was found.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
case " $* " in
  *" mysql "*) HOLDWATER_MYSQL_HOME=$("$here/../servers/mysql.sh"); export HOLDWATER_MYSQL_HOME ;;
  *" mariadb118 "*) HOLDWATER_MARIADB118_HOME=$("$here/../servers/mariadb118.sh"); export HOLDWATER_MARIADB118_HOME ;;
esac
PYTHONPATH=$here/.. exec /usr/bin/python3 -B "$here/differential.py" "$@"
