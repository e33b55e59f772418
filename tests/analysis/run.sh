#!/usr/bin/env bash
# Static analysis of the product: cppcheck, then clang-tidy with .clang-tidy. Prints the findings; the last line is their
# number, and the exit status is 1 when there are any.
#
#   tests/analysis/run.sh [--changed [REF]] [FILE...]
#
# All of it takes about half an hour of one core. --changed: only sources that differ from REF (HEAD), and those that
# include a header that does.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
project=$(dirname "$(dirname "$here")")
cd "$project"
"$here/../install.sh" build test analysis
build=build/analysis
found=$(mktemp)
trap 'rm -f "$found"' EXIT

sources() { git ls-files --cached --others --exclude-standard 'protocol/*.cpp' 'spool/*.cpp' 'proxy/*.cpp' 'admin/*.cpp'; }

# Of the files given, the sources; and the sources that include one of the headers.
affected() {
  local name
  for name in "$@"; do
    case $name in
      protocol/*.cpp|spool/*.cpp|proxy/*.cpp|admin/*.cpp) echo "$name" ;;
      *.hpp) sources | xargs grep -lF "#include \"$name\"" || true ;;
    esac
  done | sort -u
}

files=()
if [ "${1:-}" = --changed ]; then
  mapfile -t changed < <(git diff --name-only "${2:-HEAD}"; git ls-files --others --exclude-standard)
  mapfile -t files < <(affected "${changed[@]}")
elif [ $# -gt 0 ]; then
  files=("$@")
else
  mapfile -t files < <(sources)
fi

"$here/cppcheck.sh" > "$found" 2>&1 || true
if [ ${#files[@]} -gt 0 ]; then
  cmake --preset release -B "$build" -DHOLDWATER_PCH=OFF -DHOLDWATER_TESTS=OFF > "$found.cmake" 2>&1 || { cat "$found.cmake"; exit 1; }
  rm -f "$found.cmake"
  # Paths through the headers of others are theirs to mend; a finding is one whose place is ours.
  printf '%s\0' "${files[@]}" |
    xargs -0 -P "${HOLDWATER_ANALYSIS_JOBS:-2}" -n 1 clang-tidy-16 -p "$build" --quiet --extra-arg=-Wno-unknown-warning-option 2> /dev/null |
    grep -E "^$project/(protocol|spool|proxy|admin)/[^ ]*: (warning|error): " | sed "s#^$project/##" | sort -u >> "$found" || true
fi
cat "$found"
echo "$(wc -l < "$found") findings in ${#files[@]} sources"
[ ! -s "$found" ]
