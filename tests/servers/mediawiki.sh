#!/usr/bin/env bash
# Debian's MediaWiki for the tests, unpacked beside the system: the package wants a web server of its own.
#
#   tests/servers/mediawiki.sh      fetch and unpack it, unless it is there; then print its folder
#
# It lies in $HOLDWATER_MEDIAWIKI_HOME (default ~/.cache/holdwater-mediawiki). What it needs of PHP is in packages.txt, "clients".
set -euo pipefail
home=${HOLDWATER_MEDIAWIKI_HOME:-$HOME/.cache/holdwater-mediawiki}
site=$home/root/usr/share/mediawiki
if [ ! -e "$site/index.php" ]; then
  echo "mediawiki.sh: fetching MediaWiki (about 38 MB)" >&2
  work=$(mktemp -d)
  trap 'rm -rf "$work"' EXIT
  get() { apt-get -qq -o APT::Sandbox::User=root download mediawiki mediawiki-classes; }
  cd "$work"
  get >&2 || { apt-get -qq update >&2 && get >&2; }
  for package in *.deb; do dpkg-deb -x "$package" root; done
  mkdir -p "$home"
  rm -rf "$home/root"
  mv root "$home/root"
fi
echo "$site"
