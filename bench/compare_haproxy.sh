#!/usr/bin/env bash
# CPU per query of Holdwater (one worker) and of HAProxy in tcp mode, before the same throwaway MariaDB: sysbench
# oltp_point_select at 1, 16 and 64 clients, in interleaved rounds, so that the machine's moods strike both alike.
# The CPU time is the proxy process's own (user + system, /proc/PID/stat), divided by sysbench's count of queries.
#
#   bench/compare_haproxy.sh [--rounds 5] [--seconds 5] [--clients "1 16 64"] [--ps-mode disable|auto] [--strace]
#                            [--binary FILE] [--most RATIO]
#
# Prints medians and ratios. --most 1.2 ends with an error when the ratio at 16 clients is larger. --strace adds the
# system calls per query at 1 client.
set -euo pipefail
project=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
rounds=5 seconds=5 clients="1 16 64" ps_mode=disable trace=0 most=
holdwater=${HOLDWATER_BINARY:-$project/build/release/holdwater}
while [ $# -gt 0 ]; do
  case $1 in
    --rounds) rounds=$2; shift ;;
    --seconds) seconds=$2; shift ;;
    --clients) clients=$2; shift ;;
    --ps-mode) ps_mode=$2; shift ;;
    --binary) holdwater=$2; shift ;;
    --most) most=$2; shift ;;
    --strace) trace=1 ;;
    *) sed -n '2,/^set /p' "$0" | sed -n 's/^# \{0,1\}//p'; exit 2 ;;
  esac
  shift
done
"$project/tests/install.sh" build test bench
[ -x "$holdwater" ] || { echo "compare_haproxy.sh: build the release preset first: no $holdwater" >&2; exit 1; }

world=$(mktemp -d)
pids=()
clean_up() {
  local pid
  for pid in "${pids[@]}"; do { kill "$pid" && wait "$pid"; } 2> /dev/null || true; done
  rm -rf "$world"
}
trap clean_up EXIT
trap 'exit 130' INT TERM

free_port() {
  local port
  while port=$((RANDOM % 18000 + 12000)); (exec 3<> "/dev/tcp/127.0.0.1/$port") 2> /dev/null; do :; done
  echo "$port"
}
answers() { mariadb --no-defaults --protocol=tcp -h127.0.0.1 -P"$1" -ubench -pbench bench -e 'DO 1' > /dev/null 2>&1; }
wait_for() {
  local deadline=$((SECONDS + 30)) what=$1; shift
  until "$@"; do
    [ $SECONDS -lt $deadline ] || { tail -n 20 "$world"/*.log >&2; echo "no $what" >&2; exit 1; }
    sleep 0.1
  done
}

start_server() {
  local as_root=()
  [ "$(id -u)" != 0 ] || as_root=(--user=root)
  mariadb-install-db --no-defaults --datadir="$world/data" --auth-root-authentication-method=normal --skip-test-db \
    --skip-name-resolve "${as_root[@]}" > "$world/install.log" 2>&1
  /usr/sbin/mariadbd --no-defaults --datadir="$world/data" --bind-address=127.0.0.1 --port="$server" --socket="$world/s" \
    --skip-name-resolve --innodb-buffer-pool-size=256M --performance-schema=OFF "${as_root[@]}" > "$world/server.log" 2>&1 &
  pids+=($!)
  wait_for "server" mariadb --no-defaults -S "$world/s" -uroot -e "CREATE DATABASE IF NOT EXISTS bench;
    CREATE USER IF NOT EXISTS bench@'%' IDENTIFIED BY 'bench'; GRANT ALL ON bench.* TO bench@'%'" 2> /dev/null
}

start_haproxy() {
  cat > "$world/haproxy.cfg" <<CONF
global
  nbthread 1
  maxconn 2000
defaults
  mode tcp
  timeout connect 5s
  timeout client 1h
  timeout server 1h
listen mysql
  bind 127.0.0.1:$haproxy_port
  server db 127.0.0.1:$server
CONF
  haproxy -f "$world/haproxy.cfg" > "$world/haproxy.log" 2>&1 &
  haproxy_pid=$!
  pids+=($!)
  wait_for "HAProxy" answers "$haproxy_port"
}

start_holdwater() {
  MYSQL_HOST=127.0.0.1 MYSQL_PORT=$server MYSQL_USER=bench MYSQL_PASSWORD=bench MYSQL_DATABASE=bench HOLDWATER_WORKERS=1 \
    "$holdwater" --listen "127.0.0.1:$holdwater_port" --admin-listen "127.0.0.1:$(free_port)" \
    --data-dir "$world/spool" > "$world/holdwater.log" 2>&1 &
  holdwater_pid=$!
  pids+=($!)
  wait_for "Holdwater" answers "$holdwater_port"
}

sysbench_at() { # port threads seconds verb
  sysbench oltp_point_select --db-driver=mysql --mysql-host=127.0.0.1 --mysql-port="$1" --mysql-user=bench \
    --mysql-password=bench --mysql-db=bench --tables=1 --table-size=100000 --threads="$2" --time="$3" \
    --db-ps-mode="$ps_mode" --mysql-ssl=off "$4"
}
ticks() { awk '{ sub(/.*\) /, ""); print $12 + $13 }' "/proc/$1/stat"; }

measure() { # pid port threads: microseconds of CPU per query, and queries per second
  local before after out queries
  before=$(ticks "$1")
  out=$(sysbench_at "$2" "$3" "$seconds" run)
  after=$(ticks "$1")
  queries=$(awk '/total:/ { print $2; exit }' <<< "$out")
  awk -v t=$((after - before)) -v hz="$(getconf CLK_TCK)" -v q="$queries" -v s="$seconds" \
    'BEGIN { printf "%.2f %.0f\n", t / hz / q * 1e6, q / s }'
}
median() { sort -n | awk '{ v[NR] = $1 } END { print NR % 2 ? v[(NR + 1) / 2] : (v[NR / 2] + v[NR / 2 + 1]) / 2 }'; }

calls_per_query() { # pid port
  strace -f -c -qq -o "$world/strace" -p "$1" > /dev/null 2>&1 &
  local tracer=$! out
  sleep 0.5 # strace says nothing when it has attached
  out=$(sysbench_at "$2" 1 3 run)
  kill -INT "$tracer"; wait "$tracer" || true
  awk -v q="$(awk '/total:/ { print $2; exit }' <<< "$out")" \
    '$NF ~ /^[a-z_0-9]+$/ && $4 + 0 > q / 50 && $NF != "total" { printf "%s %.2f  ", $NF, $4 / q }' "$world/strace"
}

server=$(free_port) haproxy_port=$(free_port) holdwater_port=$(free_port)
start_server
start_haproxy
start_holdwater
sysbench_at "$server" 1 1 prepare > "$world/prepare.log"

echo "sysbench oltp_point_select, $rounds rounds of $seconds s, statements: $ps_mode, $(nproc) processors"
echo "CPU is the proxy's microseconds per query; the direct column is queries per second without a proxy"
printf '%8s %12s %12s %8s %14s %14s %10s\n' clients "HAProxy CPU" "Holdwater" ratio "HAProxy q/s" "Holdwater q/s" "direct"
verdict=0
for threads in $clients; do
  for ((round = 0; round < rounds; round++)); do
    order=(haproxy holdwater)
    [ $((round % 2)) = 0 ] || order=(holdwater haproxy)
    for who in "${order[@]}"; do
      pid=${who}_pid port=${who}_port
      measure "${!pid}" "${!port}" "$threads" >> "$world/$who.$threads"
    done
  done
  direct=$(sysbench_at "$server" "$threads" "$seconds" run | awk -v s="$seconds" '/total:/ { printf "%.0f", $2 / s; exit }')
  haproxy_cpu=$(cut -d' ' -f1 "$world/haproxy.$threads" | median)
  holdwater_cpu=$(cut -d' ' -f1 "$world/holdwater.$threads" | median)
  ratio=$(awk -v a="$holdwater_cpu" -v b="$haproxy_cpu" 'BEGIN { printf "%.2f", a / b }')
  printf '%8s %12s %12s %8s %14s %14s %10s\n' "$threads" "$haproxy_cpu" "$holdwater_cpu" "$ratio" \
    "$(cut -d' ' -f2 "$world/haproxy.$threads" | median)" "$(cut -d' ' -f2 "$world/holdwater.$threads" | median)" "$direct"
  if [ "$threads" = 16 ] && [ -n "$most" ]; then verdict=$(awk -v r="$ratio" -v m="$most" 'BEGIN { print (r > m) }'); fi
done
if [ $trace = 1 ]; then
  echo "system calls per query at 1 client"
  echo "  HAProxy    $(calls_per_query "$haproxy_pid" "$haproxy_port")"
  echo "  Holdwater  $(calls_per_query "$holdwater_pid" "$holdwater_port")"
fi
exit "$verdict"
