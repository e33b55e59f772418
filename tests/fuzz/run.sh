#!/usr/bin/env bash
# Lets Clang's libFuzzer look for inputs that break the parsers, one target after the other, with the address and the
# undefined-behaviour sanitizer. What breaks one is kept in its corpus, so that every later test run tries it; other
# inputs that it finds gather in build/fuzz/found and are where the next run begins.
#
#   tests/fuzz/run.sh [--minutes N] [TARGET...]    N in all, 15 when not given; every target when none is named
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
project=$(dirname "$(dirname "$here")")
build=$project/build/fuzz
minutes=15
targets=()
usage() { sed -n '2,/^set /p' "$0" | sed -n 's/^# \{0,1\}//p'; }
while [ $# -gt 0 ]; do
  case $1 in
    --minutes) minutes=${2:?--minutes needs a number}; shift ;;
    -h|--help) usage; exit 0 ;;
    -*) usage >&2; exit 2 ;;
    *) targets+=("$1") ;;
  esac
  shift
done

"$here/../install.sh" build fuzz
cd "$project"
mkdir -p "$build"
{ cmake --preset fuzz && cmake --build --preset fuzz; } > "$build/build.log" 2>&1 ||
  { tail -n 40 "$build/build.log"; exit 1; }
[ ${#targets[@]} -gt 0 ] || mapfile -t targets < <(cd "$here" && ls ./*_fuzz.cpp | sed 's|./||; s|_fuzz.cpp||')
seconds=$((minutes * 60 / ${#targets[@]}))

fuzz() {
  local target=$1 found=$build/found/$1 log=$build/$1.log
  mkdir -p "$found"
  nice "$build/${target}_fuzz" "$found" "$here/corpus/$target" -max_total_time="$seconds" -max_len=4096 -timeout=10 \
    -rss_limit_mb=2048 -print_final_stats=1 -artifact_prefix="$here/corpus/$target/" > "$log" 2>&1 && return
  grep -E 'this does not hold|ERROR:|runtime error|Test unit written' "$log" || tail -n 20 "$log"
  return 1
}

broken=0
for target in "${targets[@]}"; do
  started=$SECONDS
  fuzz "$target" || broken=$((broken + 1))
  runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$build/$target.log")
  echo "$target: ${runs:-?} runs in $((SECONDS - started)) s"
done
[ $broken = 0 ] || { echo "$broken of ${#targets[@]} targets broke"; exit 1; }
