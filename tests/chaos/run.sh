#!/usr/bin/env bash
# Eight writers, and a proxy, a server, networks, a disk and a clock that are struck at random; then every write is accounted for.
#
#   tests/chaos/run.sh [--minutes N] [--seed S] [--server mariadb|mysql] [--writers N] [--only KIND,...] [--binary FILE]
#
# Needs a built proxy (build/release/holdwater, or $HOLDWATER_BINARY, or --binary). Prints the seed, the figures and
# where the history is; the exit status is not zero when a promise was broken.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
case " $* " in
  *" mysql "*) HOLDWATER_MYSQL_HOME=$("$here/../servers/mysql.sh"); export HOLDWATER_MYSQL_HOME ;;
esac
PYTHONPATH=$here/.. exec /usr/bin/python3 -B "$here/chaos.py" "$@"
