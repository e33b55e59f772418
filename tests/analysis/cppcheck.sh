#!/usr/bin/env bash
# cppcheck over the product; prints what it finds and ends with 1. What was looked at before and has not changed since is
# not looked at again (build/cppcheck).
#
#   tests/analysis/cppcheck.sh
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
cd "$here/../.."
command -v cppcheck > /dev/null || { echo "cppcheck is missing: run tests/install.sh" >&2; exit 1; }
mkdir -p build/cppcheck
# It takes coroutines for functions when their words are.
cppcheck --std=c++20 --language=c++ --enable=warning,performance,portability --inline-suppr --quiet -j2 -I. \
  -Dco_await= -Dco_yield= -Dco_return=return --cppcheck-build-dir=build/cppcheck --error-exitcode=1 \
  --suppressions-list=tests/analysis/cppcheck.txt --suppress=missingInclude \
  --template='{file}:{line}: {id}: {message}' protocol spool proxy admin
