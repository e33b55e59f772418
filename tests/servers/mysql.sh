#!/usr/bin/env bash
# A private MySQL 9 for the tests. Debian 12 has no MySQL server, but Debian's unstable suite has one, on the mirror
# that this machine's apt uses already. apt-get resolves it against an empty package database (so that its own libc
# comes along), checks signatures as always, and downloads; dpkg -x unpacks into a folder; the programs are started
# through the unpacked loader. Nothing is installed on the machine, and removing the folder removes everything.
#
#   tests/servers/mysql.sh           fetch and unpack, unless it is there; then print the folder
#
# $HOLDWATER_MYSQL_HOME names the folder (default ~/.cache/holdwater-mysql). It ends with bin/mysqld, bin/mysql and
# the other programs as wrappers, and root/ with the unpacked files.
set -euo pipefail
home=${HOLDWATER_MYSQL_HOME:-$HOME/.cache/holdwater-mysql}
suite=sid
export LC_ALL=C

say() { echo "mysql.sh: $*" >&2; }
die() { say "$*"; exit 1; }
works() { "$home/bin/mysqld" --no-defaults --version > /dev/null 2>&1; }

# The mirror of this machine's own release, as apt knows it.
mirror() {
  local codename
  codename=$(. /etc/os-release; echo "$VERSION_CODENAME")
  apt-get indextargets --format '$(CODENAME) $(REPO_URI)' 'Created-By: Packages' |
    awk -v codename="$codename" '$1 == codename { print $2; exit }'
}

# A package database that is empty but for stand-ins: what only maintainer scripts and side programs call for.
write_status() {
  local name
  for name in perl libjson-perl lz4 unzip iproute2 passwd psmisc debconf mysql-common systemd; do
    printf '%s\n' "Package: $name" 'Status: install ok installed' "Architecture: $(dpkg --print-architecture)" \
      'Multi-Arch: allowed' 'Version: 9999' 'Maintainer: none <none@localhost>' 'Description: stand-in' ''
  done
}

# apt's settings for the private world in $1: its own lists, cache and status; the machine's proxy settings stay.
# Hooks and folders of the machine are left out, since they would act on the machine's own package cache.
write_apt_conf() {
  apt-config dump | grep -E '^Acquire::' || true
  printf '%s;\n' "Dir::Etc::parts \"$1/none\"" "Dir::Etc::main \"$1/none\"" "Dir::Etc::preferences \"$1/none\"" \
    "Dir::Etc::preferencesparts \"$1/none\"" "Dir::Etc::sourceparts \"$1/none\"" \
    "Dir::Etc::sourcelist \"$1/sources.list\"" "Dir::State \"$1\"" "Dir::State::status \"$1/status\"" \
    "Dir::Cache \"$1/cache\"" 'Debug::NoLocking "1"' 'APT::Sandbox::User "root"' 'APT::Install-Recommends "0"' \
    'Acquire::Languages "none"' 'Acquire::Retries "3"'
}

fetch() { # $1: work folder
  local uri
  uri=$(mirror)
  [ -n "$uri" ] || die "apt knows no mirror yet: run 'apt-get update' once"
  mkdir -p "$1/lists/partial" "$1/cache/archives/partial" "$1/none"
  local trust=/usr/share/keyrings/debian-archive-keyring.gpg
  echo "deb [signed-by=$trust] $uri $suite main" > "$1/sources.list"
  write_status > "$1/status"
  write_apt_conf "$1" > "$1/apt.conf"
  say "fetching MySQL from Debian's $suite (about 60 MB)"
  APT_CONFIG=$1/apt.conf apt-get -q update > "$1/log" 2>&1 &&
    APT_CONFIG=$1/apt.conf apt-get -q -y --download-only install mysql-server-core mysql-client-core >> "$1/log" 2>&1 ||
    { tail -n 20 "$1/log" >&2; die "apt-get failed"; }
}

unpack() { # $1: work folder
  local name
  mkdir -p "$1/root/usr"
  for name in bin sbin lib lib64; do mkdir -p "$1/root/usr/$name"; ln -s "usr/$name" "$1/root/$name"; done
  find "$1/cache/archives" -name '*.deb' -print0 | xargs -0 -P2 -I{} dpkg -x {} "$1/root"
  rm -rf "$1/root/usr/share/doc" "$1/root/usr/share/man" "$1/root/usr/share/locale"
  rm -rf "$home/root" "$home/bin"
  mv "$1/root" "$home/root"
}

# One wrapper a program: the unpacked loader and libraries, never the machine's.
wrap() {
  local loader program
  loader=$(find "$home/root/usr/lib" -name 'ld-linux-*.so.*' -path '*linux-gnu*' | head -n 1)
  mkdir -p "$home/bin"
  for program in "$home"/root/usr/bin/mysql* "$home"/root/usr/sbin/mysqld; do
    [ "$(head -c 4 "$program" | tail -c 3)" = ELF ] || continue
    cat > "$home/bin/$(basename "$program")" <<WRAPPER
#!/bin/sh
LIBMYSQL_PLUGIN_DIR=$home/root/usr/lib/mysql/plugin; export LIBMYSQL_PLUGIN_DIR
exec "$loader" --inhibit-cache --library-path "$(dirname "$loader")" --argv0 "$program" "$program" "\$@"
WRAPPER
    chmod 755 "$home/bin/$(basename "$program")"
  done
}

if ! works; then
  mkdir -p "$home"
  exec 9> "$home/.lock"
  flock 9
  if ! works; then # nobody else did it meanwhile
    work=$(mktemp -d "$home/.work.XXXXXX")
    trap 'rm -rf "$work"' EXIT
    fetch "$work"
    unpack "$work"
    wrap
    works || { "$home/bin/mysqld" --no-defaults --version || true; die "the unpacked mysqld does not run"; }
  fi
fi
echo "$home"
