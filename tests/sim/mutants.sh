#!/usr/bin/env bash
# Breaks the product on purpose, one patch of mutants/ after the other, and says how soon the simulation finds it. The tree
# must be clean; it is as before afterwards. Exit status 0: each was found.
#
#   tests/sim/mutants.sh [NAME or PATCH...]
set -uo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
project=$(cd "$here/../.." && pwd)
cd "$project" || exit 2
git diff --quiet || { echo "mutants.sh: there are changes in the tree" >&2; exit 2; }
applied=
restore() { [ -z "$applied" ] || git apply -R "$applied"; applied=; }
trap restore EXIT
missed=0
[ $# -gt 0 ] || set -- "$here"/mutants/*.patch
for patch in "$@"; do
  name=$(basename "$patch" .patch)
  [ -e "$patch" ] || patch=$here/mutants/$name.patch
  git apply "$patch" || { echo "$name: does not apply"; missed=1; continue; }
  applied=$patch
  if cmake --build build/release --target simulation > build/mutant.log 2>&1; then
    build/release/simulation --seeds 1..500 --steps 20000 --stop --quiet > build/mutant.log 2>&1
    found=$(grep -m1 '^FAILED' build/mutant.log)
    printf '%s\n  %s\n  %s\n' "$name" "${found:-NOT FOUND}" "$(grep -m1 'runs, ' build/mutant.log)"
    [ -n "$found" ] || missed=1
  else
    echo "$name: does not build"
    missed=1
  fi
  restore
done
cmake --build build/release --target simulation > build/mutant.log 2>&1
exit $missed
