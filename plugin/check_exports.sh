#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Checks that a shared library exports the functions of a header, and nothing else; and that it leaves no name to
# chance that other libraries export, too (src/store/sqlite_api.hpp).
# usage: check_exports.sh LIBRARY HEADER
set -eu
exported=$(mktemp)
declared=$(mktemp)
trap 'rm -f "$exported" "$declared"' EXIT
LC_ALL=C
export LC_ALL
nm -D --defined-only "$1" | awk '{ print $3 }' | sort -u >"$exported"
# Function declarations begin a line; callback types begin with typedef. The preload module's are listed as DO(name).
sed -n '/^typedef/d; s/^ *DO(\(tox_[a-z_]*\)).*/\1/p; s/^[a-zA-Z].*[ *]\(tox_[a-z0-9_]*\)(.*/\1/p' "$2" | sort -u >"$declared"
test -s "$declared"
diff -u "$declared" "$exported"
if nm -D --undefined-only "$1" | grep ' sqlite3_'; then
  echo "these would be taken from SQLCipher in a program that uses it" >&2
  exit 1
fi
echo "$(wc -l <"$exported") functions exported, as declared"
