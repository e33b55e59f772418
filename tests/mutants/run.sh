#!/usr/bin/env bash
# Breaks each promise on purpose, one patch at a time, and expects the tests that the patch names to fail; they must
# pass without it. The last line is "N passed, N failed".
#
#   tests/mutants/run.sh [NAME...]     all patches of this folder, or those named
#
# A patch begins with "promise:", "breaks:" and at least one "test: PROGRAM: TEST CASE", or "test: simulation: one of N
# seeds fails". It is applied to a copy of the sources in build/mutants, which is kept for the next time.
set -uo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
project=$(cd "$here/../.." && pwd)
scratch=$project/build/mutants
passed=0 failed=0

if [ $# = 0 ]; then for each in "$here"/*.patch; do set -- "$@" "$(basename "$each" .patch)"; done; fi
give_up() { echo "mutants/run.sh: $1" >&2; echo "0 passed, 1 failed"; exit 1; }
verdict() { # result name what
  if [ "$1" = ok ]; then passed=$((passed + 1)); else failed=$((failed + 1)); fi
  printf '%-6s %s: %s\n' "$1" "$2" "$3"
}
tests_of() { sed -n 's/^test: \([a-z_]*\): \(.*\)$/\1\t\2/p' "$here/$1.patch"; } # program, test case
build() { CCACHE_BASEDIR=$scratch CCACHE_NOHASHDIR=1 cmake --build "$scratch/build" -j2 --target "$@" < /dev/null > "$scratch/build.log" 2>&1; }
# doctest's filters have wildcards and end at a comma
seeds_of() { [[ $1 =~ ^one\ of\ ([0-9]+)\ seeds\ fails$ ]] && echo "${BASH_REMATCH[1]}"; }
run_seeds() { # how many: fails when one of them does
  (cd "$scratch" && build/simulation --seeds "1..$1" --steps 20000 --stop --quiet < /dev/null > "$scratch/test.log" 2>&1)
}
# What noticed it: of a simulation, the seed.
found_by() { grep -m1 -o '^FAILED: seed [0-9]*' "$scratch/test.log" | sed 's/^FAILED: /, /'; }
run_test() { # program, test case
  if [ "$1" = simulation ]; then run_seeds "$(seeds_of "$2")"; else run_case "$1" "$2"; fi
}
run_case() { (cd "$scratch" && timeout 300 "build/$1" --test-case="${2//,/?}" --no-intro --abort-after=1 < /dev/null > "$scratch/test.log" 2>&1); }
ran_one() { # program: a test case that is not there passes
  [ "$1" = simulation ] || grep -q 'test cases: *1 ' "$scratch/test.log"
}

mkdir -p "$scratch/source"
rm -rf "$scratch/fresh" && mkdir "$scratch/fresh"
(cd "$project" && tar cf - CMakeLists.txt CMakePresets.json admin conf protocol proxy spool tests) |
  tar xf - -C "$scratch/fresh" || give_up "the sources could not be copied"
# what did not change keeps its time, so that it is not built again
(cd "$scratch/fresh" && find . -type f) | while read -r file; do
  cmp -s "$scratch/fresh/$file" "$scratch/source/$file" && continue
  mkdir -p "$scratch/source/$(dirname "$file")"
  cp -p "$scratch/fresh/$file" "$scratch/source/$file" && touch "$scratch/source/$file"
done
(cd "$scratch/source" && find . -type f) | while read -r file; do
  [ -e "$scratch/fresh/$file" ] || rm "$scratch/source/$file"
done
rm -rf "$scratch/fresh"
cmake -S "$scratch/source" -B "$scratch/build" -G Ninja -DCMAKE_BUILD_TYPE=RelWithDebInfo \
  -DCMAKE_CXX_FLAGS_RELWITHDEBINFO='-O2 -g1' -DHOLDWATER_TESTS=ON > "$scratch/configure.log" 2>&1 ||
  give_up "cmake failed: $scratch/configure.log"

programs=$(for name in "$@"; do tests_of "$name" | cut -f1; done | sort -u)
# shellcheck disable=SC2086 # a list of names
build $programs || give_up "the sources do not build: $scratch/build.log"

# First without: a test that fails anyway shows nothing.
while IFS=$'\t' read -r program case_name; do
  [ "$program" = simulation ] && case_name='one of 20 seeds fails'
  run_test "$program" "$case_name" && ran_one "$program" && verdict ok unchanged "$case_name" && continue
  verdict FAILED unchanged "$program: $case_name"
done < <(for name in "$@"; do tests_of "$name"; done | sort -u)

for name in "$@"; do
  patch=$here/$name.patch
  [ -e "$patch" ] || { verdict FAILED "$name" "there is no such patch"; continue; }
  if ! patch --quiet --forward --fuzz=0 -p1 -d "$scratch/source" < "$patch" > "$scratch/patch.log" 2>&1; then
    give_up "$name does not apply: $(cat "$scratch/patch.log"); remove $scratch and try again"
  fi
  while IFS=$'\t' read -r program case_name; do
    if ! build "$program"; then verdict FAILED "$name" "does not build: $(grep -m1 'error:' "$scratch/build.log")"
    elif run_test "$program" "$case_name"; then verdict FAILED "$name" "survives $program: $case_name"
    else verdict ok "$name" "killed by $program: $case_name$(found_by)"
    fi
  done < <(tests_of "$name")
  patch --quiet --reverse --fuzz=0 -p1 -d "$scratch/source" < "$patch" || give_up "$name cannot be taken back: remove $scratch"
done
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
