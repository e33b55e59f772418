#!/usr/bin/env bash
# Installs what is needed, builds, and runs every test. The last line is "N passed, N failed"; the exit status is not
# zero when a test failed or when none ran.
#
#   tests/run.sh [--long] [--preset release|dev|asan|tsan] [FILTER]
#
# FILTER is a rung (tidy, analysis, unit, scripted, crash, sim, fuzz, integration, chaos, quickstart, suites) or else a part of a test's name.
# --long: the sizes and times that a release is tested with, instead of the brisk ones.
set -uo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
project=$(dirname "$here")
preset=release
long=0
filter=
usage() { sed -n '2,/^set /p' "$0" | sed -n 's/^# \{0,1\}//p'; }
while [ $# -gt 0 ]; do
  case $1 in
    --long) long=1 ;;
    --preset) preset=${2:?--preset needs a name}; shift ;;
    -h|--help) usage; exit 0 ;;
    -*) usage >&2; exit 2 ;;
    *) filter=$1 ;;
  esac
  shift
done

build=$project/build/$preset
results=$build/results
export HOLDWATER_BINARY=$build/holdwater HOLDWATER_TEST_LONG=$long HOLDWATER_TEST_LOGS=$results/logs
export HOLDWATER_NODE_CACHE=$project/build/node PYTHONDONTWRITEBYTECODE=1
python=/usr/bin/python3
started=$SECONDS
case $preset in asan|tsan) patience=4 ;; *) patience=1 ;; esac # how much longer a rung may take

step() { printf '\n== %s (%d s)\n' "$1" $((SECONDS - started)); }
give_up() { echo "run.sh: $1" >&2; echo "0 passed, 1 failed"; exit 1; }
quietly() { # label command...: the output only when it fails
  local log=$results/$1.log; shift
  "$@" > "$log" 2>&1 || { tail -n 60 "$log"; return 1; }
}
# Whether the rung $1 is wanted. A filter that is no rung's name goes to ctest and pytest, which look for names.
rungs=' tidy analysis unit scripted crash sim fuzz integration chaos quickstart suites '
rung_filter=
case $rungs in *" $filter "*) rung_filter=$filter; filter= ;; esac
wanted() { [ -n "$rung_filter" ] && [ "$rung_filter" != "$1" ] && return 1; return 0; }

step "install"
"$here/install.sh" build test || give_up "the packages could not be installed"
rm -rf "$results"
mkdir -p "$results"
if wanted integration || wanted chaos; then
  mysql_home=$("$here/servers/mysql.sh") || give_up "MySQL could not be fetched"
  mariadb118_home=$("$here/servers/mariadb118.sh") || give_up "MariaDB 11.8 could not be fetched"
  export HOLDWATER_MYSQL_HOME=$mysql_home HOLDWATER_MARIADB118_HOME=$mariadb118_home
  "$here/servers/mariadb_plugins.sh" > /dev/null || give_up "MariaDB's plugins could not be fetched"
fi
if wanted integration; then # what is missing is left out by the tests that need it, and listed at the end
  "$here/install.sh" clients || echo "run.sh: not all connectors could be installed" >&2
  mysql_client_home=$("$here/servers/mysql_client.sh") || echo "run.sh: no client library of MySQL's own" >&2
  export HOLDWATER_MYSQL_CLIENT_HOME=$mysql_client_home
  "$here/servers/mediawiki.sh" > /dev/null || echo "run.sh: no MediaWiki" >&2
fi

step "build ($preset)"
cd "$project" || exit 1
quietly configure cmake --preset "$preset" -DHOLDWATER_TESTS=ON || give_up "cmake failed" # a build may be there without
quietly build cmake --build --preset "$preset" || give_up "the build failed"

# --- the rungs; each leaves a JUnit file in $results, which tally.py adds up

verdict() { "$python" "$here/lib/tally.py" --record "$results/$1.xml" "$1" "$2"; }

ctest_rungs() {
  local arguments=()
  [ -z "$rung_filter" ] || arguments+=(-L "^$rung_filter\$")
  [ -z "$filter" ] || arguments+=(-R "$filter")
  step "unit, scripted, crash, sim and fuzz tests"
  ctest --test-dir "$build" --output-on-failure --timeout 1200 -j2 --test-output-truncation head \
    --test-output-size-passed 65536 --test-output-size-failed 262144 --no-tests=ignore \
    --output-junit "$results/ctest.xml" "${arguments[@]}" 2>&1 | grep -v ' Start '
  # a name may be that of other rungs' tests; without one, no test is a failure
  [ -n "$filter" ] || grep -q '<testcase' "$results/ctest.xml" || verdict ctest-run "no test"
}

pytest_rung() { # name, folder, further arguments of pytest
  local name=$1 folder=$2; shift 2
  local arguments=("$@")
  [ -z "$filter" ] || arguments+=(-k "$filter")
  (cd "$here" && timeout --kill-after=10 "$(((long ? 7200 : 5400) * patience))" "$python" -m pytest -c integration/pytest.ini -q \
    --durations=5 --junitxml="$results/$name.xml" "$folder" "${arguments[@]}")
  local status=$?
  # 5: no test; with a filter that is judged over all rungs. 0 and 1 are in the file
  [ "$status" = 5 ] && [ -n "$filter" ] && return
  case $status in 0|1) ;; *) verdict "$name-run" "$status" ;; esac
}

# Most of these tests wait for something, so four at a time, each of the four before servers of its own.
integration_rung() {
  step "integration tests"
  pytest_rung integration integration -n 4 --dist load
}

script_rung() { # name command...: one test, its exit status the verdict
  local name=$1; shift
  case $name in *"$filter"*) ;; *) return ;; esac
  step "$name"
  "$@" 2>&1 | tee "$results/$name.log"
  verdict "$name" "${PIPESTATUS[0]}"
}

if wanted tidy; then step "tidy tests"; pytest_rung tidy tidy; fi
if wanted unit || wanted scripted || wanted crash || wanted sim || wanted fuzz; then ctest_rungs; fi
if wanted sim && [ $long = 1 ] && [ -x "$build/simulation" ]; then script_rung simulation-long "$build/simulation" --minutes 15 --quiet; fi
wanted integration && integration_rung
if wanted chaos; then
  script_rung chaos-mariadb "$here/chaos/run.sh" --server mariadb --minutes "$([ $long = 1 ] && echo 10 || echo 1)"
  [ $long = 0 ] || script_rung chaos-mysql "$here/chaos/run.sh" --server mysql --minutes 10
fi
if wanted suites && { [ $long = 1 ] || [ "$rung_filter" = suites ]; }; then
  script_rung suite-mariadb "$here/suites/mariadb.sh" --quiet
  script_rung suite-mysql "$here/suites/mysql.sh" --quiet
fi
wanted quickstart && [ "$preset" = release ] && script_rung quickstart env -u MYSQL_HOST "$project/conf/quickstart.sh"

# No test: what a query costs, in a unit that does not depend on the machine.
if [ "$preset" = release ] && [ -z "$rung_filter$filter" ]; then
  step "instructions"
  quietly instructions timeout 300 "$project/bench/run.py" instructions --quick --out "$results/bench" &&
    grep '^|' "$results/instructions.log" || echo "run.sh: the instructions could not be counted"
fi

step "result"
"$python" "$here/lib/tally.py" "$results"
