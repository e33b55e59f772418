#!/usr/bin/env bash
# MariaDB's plugins for the tests, which Debian has in the package mariadb-server, beside a service that nobody wants here.
#
#   tests/servers/mariadb_plugins.sh      fetch and unpack them, unless they are there; then print their folder
#
# They are the system's, where that package is installed, or else lie in $HOLDWATER_MARIADB_PLUGINS_HOME (default
# ~/.cache/holdwater-mariadb-plugins).
set -euo pipefail
installed=/usr/lib/mysql/plugin
home=${HOLDWATER_MARIADB_PLUGINS_HOME:-$HOME/.cache/holdwater-mariadb-plugins}
version=$(dpkg-query -W -f '${Version}' mariadb-server-core)
folder=$home/$version$installed
if [ -e "$installed/auth_ed25519.so" ]; then echo "$installed"; exit; fi
if [ ! -e "$folder/auth_ed25519.so" ]; then
  echo "mariadb_plugins.sh: fetching MariaDB's plugins (about 2 MB)" >&2
  work=$(mktemp -d)
  trap 'rm -rf "$work"' EXIT
  get() { apt-get -qq -o APT::Sandbox::User=root download "mariadb-server=$version"; }
  cd "$work"
  get >&2 || { apt-get -qq update >&2 && get >&2; }
  dpkg-deb -x mariadb-server_*.deb files
  mkdir -p "$folder"
  cp files$installed/*.so "$folder"
fi
echo "$folder"
