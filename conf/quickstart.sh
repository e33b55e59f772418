#!/usr/bin/env bash
# Holdwater in five minutes, on a fresh Debian 12: installs what is needed, builds, and then
#   - without MYSQL_HOST: plays the story on a throwaway MariaDB (insert, stop the server, insert, start it: both rows
#     are there), and removes everything that it started;
#   - with MYSQL_HOST (and MYSQL_PORT, MYSQL_USER, MYSQL_PASSWORD, MYSQL_DATABASE): runs the proxy before that server,
#     until Ctrl-C.
set -euo pipefail
project=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
holdwater=$project/build/release/holdwater

say() { printf '\n\033[1m%s\033[0m\n' "$*"; }
fail() { echo "quickstart: $*" >&2; exit 1; }

build() {
  say "Installing what is needed, and building (a few minutes the first time)"
  "$project/tests/install.sh" build
  local log
  log=$(mktemp)
  (cd "$project" && { [ -f build/release/build.ninja ] || cmake --preset release -DHOLDWATER_TESTS=OFF; } &&
    cmake --build --preset release --target holdwater) > "$log" 2>&1 || { tail -n 40 "$log" >&2; rm "$log"; fail "the build failed"; }
  rm -f "$log"
  "$holdwater" --version
}

before_your_server() {
  say "Running before $MYSQL_HOST:${MYSQL_PORT:-3306}: point your application at 127.0.0.1:6033 (Ctrl-C ends)"
  echo "Its health: curl http://127.0.0.1:8000/health/    Its data: $PWD/holdwater-data"
  exec "$holdwater"
}

# --- the throwaway world: a folder, a server, a proxy

free_port() { # below the kernel's range for outgoing connections, and nobody listens there
  local port
  while port=$((RANDOM % 18000 + 12000)); (exec 3<> "/dev/tcp/127.0.0.1/$port") 2> /dev/null; do :; done
  echo "$port"
}

clean_up() {
  local pid
  for pid in "${proxy_pid:-}" "${server_pid:-}"; do
    [ -z "$pid" ] || { kill "$pid" 2> /dev/null && wait "$pid" 2> /dev/null; } || true
  done
  rm -rf "$world"
}

wait_for() { # what it is, command...
  local what=$1 deadline=$((SECONDS + 60)); shift
  until "$@" > /dev/null 2>&1; do
    [ $SECONDS -lt $deadline ] || { tail -n 20 "$world"/*.log >&2; fail "not within a minute: $what"; }
    sleep 0.1
  done
}

make_server() {
  local as_root=()
  [ "$(id -u)" != 0 ] || as_root=(--user=root)
  mariadb-install-db --no-defaults --datadir="$world/server" --auth-root-authentication-method=normal --skip-test-db \
    --skip-name-resolve "${as_root[@]}" > "$world/install.log" 2>&1 || { cat "$world/install.log" >&2; fail "no MariaDB"; }
}

start_server() {
  local as_root=()
  [ "$(id -u)" != 0 ] || as_root=(--user=root)
  /usr/sbin/mariadbd --no-defaults --datadir="$world/server" --bind-address=127.0.0.1 --port="$server_port" \
    --socket="$world/s" --pid-file="$world/pid" --skip-name-resolve "${as_root[@]}" >> "$world/server.log" 2>&1 &
  server_pid=$!
  wait_for "MariaDB answers" as_administrator -e "SELECT 1"
}

stop_server() { kill "$server_pid"; wait "$server_pid" || true; server_pid=; }
as_administrator() { mariadb --no-defaults -S "$world/s" -u root "$@"; }

start_proxy() {
  MYSQL_HOST=127.0.0.1 MYSQL_PORT=$server_port MYSQL_USER=shop MYSQL_PASSWORD=secret MYSQL_DATABASE=shop \
    DB_RETRY_DELAY=0.3 DB_CHECK_INTERVAL=1 "$holdwater" --listen "127.0.0.1:$proxy_port" \
    --admin-listen "127.0.0.1:$admin_port" --data-dir "$world/spool" >> "$world/proxy.log" 2>&1 &
  proxy_pid=$!
  wait_for "the proxy meets the server" database_is up
}

health() { curl -sS "http://127.0.0.1:$admin_port/health/$1"; }
database_is() { health database | grep -q "\"state\": *\"$1\""; }
nothing_pending() { health "" | grep -q '"pending": *0[,}]'; }
drained() { database_is up && nothing_pending; }

# What the application does: the ordinary command line client, one connection, through the proxy.
application() {
  local said status=0
  echo "  application> $1"
  said=$(mariadb --no-defaults --protocol=tcp -h 127.0.0.1 -P "$proxy_port" -u shop -psecret --show-warnings -vv --table \
    shop -e "$1" 2>&1) || status=$?
  # of the client's words, those that are not the statement again
  printf '%s\n' "$said" | awk -v statement="$1" '/^-*$/ || /^Bye$/ || $0 == statement || seen[$0]++ { next } { print "  " $0 }'
  return $status
}

# --- the story

story() {
  local rows
  say "1. A MariaDB server, and Holdwater before it"
  make_server
  start_server
  as_administrator -e "CREATE DATABASE shop; CREATE USER shop@'127.0.0.1' IDENTIFIED BY 'secret';
                       GRANT ALL ON shop.* TO shop@'127.0.0.1'"
  start_proxy
  echo "  server on port $server_port, Holdwater on port $proxy_port"

  say "2. The server is up: the application writes through Holdwater as if it were the server"
  application "CREATE TABLE orders (id INT PRIMARY KEY, item VARCHAR(20))"
  application "INSERT INTO orders VALUES (1, 'umbrella')"

  say "3. The server is stopped"
  stop_server
  wait_for "the proxy sees that the server is away" database_is down
  echo "  a direct connection now says: $(mariadb --no-defaults --protocol=tcp -h 127.0.0.1 -P "$server_port" -u shop -psecret shop -e "SELECT 1" 2>&1 || true)"

  say "4. The application writes all the same: Holdwater has the row on its disk before it says OK (see the Note)"
  application "INSERT INTO orders VALUES (2, 'rubber boots')"
  echo "  What it cannot answer truthfully, it refuses:"
  ! application "SELECT * FROM orders" || fail "a SELECT was answered without a server"
  echo "  Its health: $(health "")"

  say "5. The server is started again: Holdwater applies what it holds, once and in order"
  start_server
  wait_for "the queue is drained" drained

  say "6. What the server holds now (asked past Holdwater)"
  as_administrator --table shop -e "SELECT * FROM orders ORDER BY id" | sed 's/^/  /'
  rows=$(as_administrator -N shop -e "SELECT GROUP_CONCAT(id ORDER BY id) FROM orders")
  [ "$rows" = 1,2 ] || fail "expected the rows 1,2 and found: $rows"

  say "Both rows are there. To use it before your own server:"
  cat <<'NEXT'
  MYSQL_HOST=db.example.org MYSQL_PORT=3306 MYSQL_USER=app MYSQL_PASSWORD=... MYSQL_DATABASE=app \
    conf/quickstart.sh
  and point your application at 127.0.0.1:6033 instead of the server. README.md tells what is held in an outage.
NEXT
}

build
[ -z "${MYSQL_HOST:-}" ] || before_your_server
world=$(mktemp -d)
trap clean_up EXIT
trap 'exit 130' INT TERM
server_port=$(free_port) proxy_port=$(free_port) admin_port=$(free_port)
story
