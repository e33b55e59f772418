#!/usr/bin/env bash
# Installs what tests/packages.txt lists for the named sections (default: build test) on Debian 12, by apt-get.
# What is there already is skipped, so that a second run needs neither root nor the network.
#
#   tests/install.sh [build] [test] [clients] [bench] [analysis]
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
[ $# -gt 0 ] || set -- build test

# The packages of one section that are not there; a line's second word is a file that will do instead.
missing_of() {
  awk -v section="[$1]" '/^#/ || NF == 0 { next } /^\[/ { on = ($1 == section); next } on' "$here/packages.txt" |
    while read -r package instead; do
      [ -n "$instead" ] && [ -e "$instead" ] && continue
      dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null | grep -qx installed || echo "$package"
    done
}

as_root() {
  if [ "$(id -u)" = 0 ]; then "$@"
  elif command -v sudo > /dev/null; then sudo "$@"
  else echo "install.sh: to install packages, run this as root (there is no sudo here)" >&2; return 1; fi
}

command -v apt-get > /dev/null || { echo "install.sh: this needs Debian's apt-get" >&2; exit 1; }
packages=()
for section in "$@"; do
  grep -qxF "[$section]" "$here/packages.txt" || { echo "install.sh: no section '$section'" >&2; exit 2; }
  mapfile -t -O "${#packages[@]}" packages < <(missing_of "$section")
done
[ ${#packages[@]} -gt 0 ] || exit 0

echo "installing: ${packages[*]}"
log=$(mktemp)
trap 'rm -f "$log"' EXIT
if ! { as_root apt-get -q update &&
       as_root env DEBIAN_FRONTEND=noninteractive apt-get -q -y --no-install-recommends install "${packages[@]}"
     } > "$log" 2>&1 < /dev/null; then
  tail -n 30 "$log" >&2
  echo "install.sh: apt-get failed" >&2
  exit 1
fi
