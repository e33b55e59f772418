# Sourced by the scripts beside it: a private server from another Debian suite than this machine's. apt-get resolves the
# packages against an empty package database (so that their own libc comes along), checks signatures as always, and
# downloads; dpkg -x unpacks into a folder; the programs are started through the unpacked loader. Nothing is installed
# on the machine, and removing the folder removes everything.
#
# The caller sets
#   name, suite, megabytes   for what is said, where it comes from, how much is fetched
#   home                     the folder: bin/ with the programs as wrappers, root/ with the unpacked files
#   packages, programs       which packages; patterns below root/usr of programs that need a wrapper
#   libraries                a folder below root/usr with libraries of its own, when there is one
#   works                    a function: whether the folder holds what is wanted
# and calls fetch_unless_there, which prints nothing on stdout.
export LC_ALL=C

say() { echo "$(basename "$0"): $*" >&2; }
die() { say "$*"; exit 1; }

# The mirror of this machine's own release, as apt knows it.
mirror() {
  local codename
  codename=$(. /etc/os-release; echo "$VERSION_CODENAME")
  apt-get indextargets --format '$(CODENAME) $(REPO_URI)' 'Created-By: Packages' |
    awk -v codename="$codename" '$1 == codename { print $2; exit }'
}

# A package database that is empty but for stand-ins: what only maintainer scripts and side programs call for.
write_status() {
  local one
  for one in perl libjson-perl lz4 unzip iproute2 passwd psmisc debconf mysql-common systemd; do
    printf '%s\n' "Package: $one" 'Status: install ok installed' "Architecture: $(dpkg --print-architecture)" \
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
  say "fetching $name from Debian's $suite (about $megabytes MB)"
  APT_CONFIG=$1/apt.conf apt-get -q update > "$1/log" 2>&1 &&
    APT_CONFIG=$1/apt.conf apt-get -q -y --download-only install "${packages[@]}" >> "$1/log" 2>&1 ||
    { tail -n 20 "$1/log" >&2; die "apt-get failed"; }
}

unpack() { # $1: work folder
  local one
  mkdir -p "$1/root/usr"
  for one in bin sbin lib lib64; do mkdir -p "$1/root/usr/$one"; ln -s "usr/$one" "$1/root/$one"; done
  find "$1/cache/archives" -name '*.deb' -print0 | xargs -0 -P2 -I{} dpkg -x {} "$1/root"
  rm -rf "$1/root/usr/share/doc" "$1/root/usr/share/man" "$1/root/usr/share/locale"
  rm -rf "$home/root" "$home/bin"
  mv "$1/root" "$home/root"
}

# A wrapper takes each program's place: the unpacked loader and libraries, never the machine's. So the unpacked scripts
# that call these programs work too.
wrap() {
  local loader pattern program plugins
  plugins=$(find "$home/root/usr/lib" -type d -path '*/libmariadb3/plugin' | head -n 1)
  loader=$(find "$home/root/usr/lib" -name 'ld-linux-*.so.*' -path '*linux-gnu*' | head -n 1)
  mkdir -p "$home/bin" "$home/root/usr/unwrapped"
  for pattern in "${programs[@]}"; do
    for program in "$home"/root/usr/$pattern; do
      [ -f "$program" ] && [ ! -L "$program" ] && [ "$(head -c 4 "$program" | tail -c 3)" = ELF ] || continue
      local real=$home/root/usr/unwrapped/${program##*/}
      mv "$program" "$real"
      cat > "$program" <<WRAPPER
#!/bin/sh
LIBMYSQL_PLUGIN_DIR=$home/root/usr/lib/mysql/plugin MARIADB_PLUGIN_DIR=$plugins
export LIBMYSQL_PLUGIN_DIR MARIADB_PLUGIN_DIR
exec "$loader" --inhibit-cache --library-path "$(dirname "$loader")${libraries:+:$home/root/usr/$libraries}" --argv0 "$program" "$real" "\$@"
WRAPPER
      chmod 755 "$program"
      ln -sf "$program" "$home/bin/"
    done
  done
}

fetch_unless_there() {
  ! works || return 0
  mkdir -p "$home"
  exec 9> "$home/.lock"
  flock 9
  ! works || return 0 # somebody else did it meanwhile
  work=$(mktemp -d "$home/.work.XXXXXX")
  trap 'rm -rf "$work"' EXIT
  fetch "$work"
  unpack "$work"
  wrap
  works || die "what was unpacked in $home does not run"
}
