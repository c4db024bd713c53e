#!/usr/bin/env bash
# Builds c-toxcore with the patch series of this folder, and installs it to a
# directory of its own. See README.md beside this file.
set -euo pipefail

usage() {
  cat <<'USAGE'
usage: build-toxcore.sh VERSION PREFIX_DIR

Gets the source of c-toxcore VERSION (0.2.20 or 0.2.22), applies the patches in
patches/VERSION/, builds libtoxcore.so.2 and installs it with its headers and
its pkg-config file to PREFIX_DIR, e.g. build/toxcore-0.2.20. Does nothing if
that is done already.

environment:
  TOXCORE_SOURCE      directory or tarball with the source of c-toxcore VERSION;
                      else the Debian source package is fetched with apt
  TOXASYNC_DOWNLOADS  where fetched tarballs are kept (default build/downloads)
  TOXASYNC_JOBS       parallel compilations (default 2)
  TOXASYNC_STEPS      if set, each step of the compilation is shown, as [n/m]

needs: cmake ninja-build gcc pkg-config libsodium-dev libopus-dev libvpx-dev
       dpkg-dev patch, on a Debian machine

exit status: 0 installed; 3 the source cannot be had; 1 anything else failed
USAGE
}

say() { printf 'build-toxcore: %s\n' "$*" >&2; }

fail() {
  say "error: $*"
  exit 1
}

no_source() {
  say "could not get the source of c-toxcore $version: $*;" \
    "set TOXCORE_SOURCE to a directory or tarball with it"
  exit 3
}

case "${1-}" in
  -h | --help)
    usage
    exit 0
    ;;
esac
if [ $# -ne 2 ] || [ -z "$2" ]; then
  usage >&2
  exit 1
fi

version=$1
# The files of the Debian source package with their SHA-256, its version, and
# the suites it may be in. The tarball of 0.2.22 comes without the submodule
# third_party/cmp, which is in the packaging (as debian/patches/cmp.patch).
packaging=
case "$version" in
  0.2.20)
    tarball=libtoxcore_0.2.20.orig.tar.gz
    tarball_sha256=a9c89a8daea745d53e5d78e7aacb99c7b4792c4400a5a69c71238f45d6164f4c
    debian_version=0.2.20-1
    suites=(trixie)
    ;;
  0.2.22)
    tarball=libtoxcore_0.2.22.orig.tar.xz
    tarball_sha256=21ccec45c85afae03cdad48642756b28d6b7632715cfa5d901cc63fcb0a170c1
    packaging=libtoxcore_0.2.22-1.debian.tar.xz
    packaging_sha256=ac1be24aa9a76acfa744c38a5b826c03bbdb184741e2b6e04a6f23a239455f71
    debian_version=0.2.22-1
    suites=(forky sid)
    ;;
  *) fail "no patches for c-toxcore $version; there are some for 0.2.20 and 0.2.22" ;;
esac

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
series=$here/$version
downloads=${TOXASYNC_DOWNLOADS:-$here/../build/downloads}
jobs=${TOXASYNC_JOBS:-2}

mkdir -p "$2" || fail "cannot create $2"
prefix=$(cd "$2" && pwd)
stamp=$prefix/.toxasync-stamp

# Two callers at once (tests in parallel): the second one waits.
exec 9>"$prefix/.toxasync-lock"
flock 9 || fail "cannot lock $prefix"

work=
cleanup() { [ -z "$work" ] || rm -rf "$work"; }
trap cleanup EXIT
trap 'exit 1' HUP INT TERM

# What the result depends on: the patches, this script, the compiler, and the
# source if it was given.
fingerprint() {
  echo "$version $(cat "$here/build-toxcore.sh" "$series/series" "$series"/*.patch | sha256sum)"
  "${CC:-cc}" --version 2>/dev/null | head -n 1 || true
  if [ -n "${TOXCORE_SOURCE-}" ]; then
    if [ -d "$TOXCORE_SOURCE" ]; then
      (cd "$TOXCORE_SOURCE" && find CMakeLists.txt so.version cmake other third_party toxav toxcore toxencryptsave \
        -type f -exec sha256sum {} + | LC_ALL=C sort | sha256sum) 2>/dev/null || true
    elif [ -f "$TOXCORE_SOURCE" ]; then
      sha256sum <"$TOXCORE_SOURCE"
    fi
  fi
}

key=$(fingerprint | sha256sum | cut -d ' ' -f 1)
if [ -e "$stamp" ] && [ "$(cat "$stamp")" = "$key" ] && [ -n "$(find "$prefix" -name libtoxcore.so.2 -print -quit)" ]; then
  say "c-toxcore $version is up to date in $prefix"
  exit 0
fi

for tool in cmake ninja pkg-config patch tar sha256sum "${CC:-cc}"; do
  command -v "$tool" >/dev/null ||
    fail "$tool not found; install cmake ninja-build gcc pkg-config patch"
done
for module in libsodium opus vpx; do
  pkg-config --exists "$module" ||
    fail "development files of $module not found; install libsodium-dev libopus-dev libvpx-dev"
done

sha256_ok() { [ "$(sha256sum <"$1" | cut -d ' ' -f 1)" = "$2" ]; }

# Writes a sources file for suite $1 to $2, from the first entry of the machine
# for a Debian archive: its address, its key, other suite, source packages.
write_sources() {
  local entry uri signed file trust=
  entry=$(
    for file in /etc/apt/sources.list /etc/apt/sources.list.d/*.list /etc/apt/sources.list.d/*.sources; do
      [ -r "$file" ] || continue
      case "$file" in
        *.sources)
          # deb822: stanzas of "Field: value" with continuation lines
          awk '
            function flush() {
              if (types ~ /deb/ && enabled !~ /^(no|false|0)/ && suites ~ /[a-z]/)
                print uris "\t" suites "\t" signed
              types = uris = suites = signed = enabled = field = ""
            }
            function add(text) {
              if (field == "types") types = types " " text
              else if (field == "uris") uris = uris " " text
              else if (field == "suites") suites = suites " " text
              else if (field == "signed-by") signed = signed " " text
              else if (field == "enabled") enabled = text
            }
            /^#/ { next }
            /^[ \t]*$/ { flush(); next }
            /^[ \t]/ { sub(/^[ \t]+/, ""); add($0); next }
            {
              field = tolower(substr($0, 1, index($0, ":") - 1))
              text = substr($0, index($0, ":") + 1)
              sub(/^[ \t]+/, "", text)
              add(text)
            }
            END { flush() }' "$file"
          ;;
        *)
          # one line: deb [option=value ...] uri suite component ...
          sed -n -E 's/#.*//; s/^[ \t]*deb(-src)?[ \t]+//p' "$file" | awk '
            {
              signed = ""
              if (match($0, /^\[[^]]*\][ \t]*/)) {
                options = substr($0, 2, RLENGTH - 2)
                $0 = substr($0, RLENGTH + 1)
                sub(/\].*/, "", options)
                count = split(options, option, /[ \t]+/)
                for (i = 1; i <= count; ++i)
                  if (option[i] ~ /^signed-by=/) signed = substr(option[i], 11)
              }
              print $1 "\t" $2 "\t" signed
            }'
          ;;
      esac
    done | awk -F '\t' '
      # the archive itself: not the security one, nor a third party
      $1 ~ /\/debian\/?( |$)|\/debian\.list( |$)/ && $2 !~ /-security/ && !found { print; found = 1 }'
  )
  [ -n "$entry" ] || return 1
  uri=$(cut -f 1 <<<"$entry" | awk '{ print $1 }')
  signed=$(cut -f 3 <<<"$entry" | awk '{ print $1 }')
  # A key written into the entry itself is for the machine's own suite; the
  # archive's keyring has those of the other suites as well.
  case "$signed" in
    /*) trust=$signed ;;
    *) [ ! -r /usr/share/keyrings/debian-archive-keyring.gpg ] ||
      trust=/usr/share/keyrings/debian-archive-keyring.gpg ;;
  esac
  {
    printf 'Types: deb-src\nURIs: %s\nSuites: %s\nComponents: main\n' "$uri" "$1"
    [ -z "$trust" ] || printf 'Signed-By: %s\n' "$trust"
  } >"$2"
}

# Fetches a file of the Debian source package ($1, with SHA-256 $2) into
# $downloads, with an apt configuration of its own. apt checks the signatures as
# always. $3 is the option of "apt-get source" for this kind of file.
fetch_from_debian() {
  local suite apt options
  command -v apt-get >/dev/null || no_source "apt-get not found"
  command -v dpkg-source >/dev/null || no_source "dpkg-source not found (install dpkg-dev)"
  apt=$work/apt
  for suite in "${suites[@]}"; do
    say "looking for $1 in Debian $suite"
    rm -rf "$apt"
    mkdir -p "$apt/lists/partial" "$apt/cache/archives/partial" "$apt/parts" "$apt/get"
    write_sources "$suite" "$apt/suite.sources" ||
      no_source "no Debian archive in the sources of this machine"
    options=(
      -o "Dir::Etc::sourcelist=$apt/suite.sources"
      -o "Dir::Etc::sourceparts=$apt/parts"
      -o "Dir::State::Lists=$apt/lists"
      -o "Dir::Cache=$apt/cache"
      -o "APT::Sandbox::User="
      -o "APT::Get::AllowUnauthenticated=false"
      -o "Acquire::Languages=none"
      -o "Acquire::Retries=2"
    )
    if ! apt-get -qq "${options[@]}" -o APT::Update::Error-Mode=any update >"$apt/log" 2>&1; then
      say "apt-get update failed for $suite: $(grep -E '^[EW]:' "$apt/log" | head -n 3 | tr '\n' ' ')"
      continue
    fi
    if ! (cd "$apt/get" && apt-get -qq "${options[@]}" source "$3" --download-only \
      "libtoxcore=$debian_version") >"$apt/log" 2>&1 || [ ! -f "$apt/get/$1" ]; then
      say "libtoxcore $debian_version is not to be had from $suite:" \
        "$(grep -E '^[EW]:' "$apt/log" | head -n 3 | tr '\n' ' ')"
      continue
    fi
    sha256_ok "$apt/get/$1" "$2" || fail "$1 from Debian $suite has an unexpected SHA-256"
    mv "$apt/get/$1" "$downloads/$1"
    return 0
  done
  no_source "no suite of Debian has $1 (looked in ${suites[*]})"
}

# Sees to it that a file of the Debian source package is in $downloads.
# Arguments as for fetch_from_debian.
download() {
  if [ -f "$downloads/$1" ] && ! sha256_ok "$downloads/$1" "$2"; then
    say "$downloads/$1 has an unexpected SHA-256, fetching it again"
    rm -f "$downloads/$1"
  fi
  if [ -f "$downloads/$1" ]; then
    say "taking $1 from $downloads"
  else
    fetch_from_debian "$@"
  fi
}

unpack() {
  tar -xf "$1" -C "$work/source" --strip-components=1 --no-same-owner 2>"$work/log" ||
    no_source "cannot unpack $1 ($(head -n 1 "$work/log"))"
}

# Under the prefix's parent, so that nothing large lands in a small /tmp.
work=$(mktemp -d "$(dirname "$prefix")/.toxcore-$version.XXXXXX")
mkdir "$work/source"

if [ -n "${TOXCORE_SOURCE-}" ]; then
  say "taking the source from $TOXCORE_SOURCE"
  if [ -d "$TOXCORE_SOURCE" ]; then
    tar -C "$TOXCORE_SOURCE" --exclude=./.git -cf - . | tar -C "$work/source" --no-same-owner -xf - ||
      no_source "cannot copy $TOXCORE_SOURCE"
  elif [ -f "$TOXCORE_SOURCE" ]; then
    unpack "$TOXCORE_SOURCE"
  else
    no_source "TOXCORE_SOURCE=$TOXCORE_SOURCE does not exist"
  fi
else
  mkdir -p "$downloads" || fail "cannot create $downloads"
  downloads=$(cd "$downloads" && pwd)
  download "$tarball" "$tarball_sha256" --tar-only
  unpack "$downloads/$tarball"
  if [ -n "$packaging" ]; then
    download "$packaging" "$packaging_sha256" --diff-only
    mkdir "$work/packaging"
    tar -xf "$downloads/$packaging" -C "$work/packaging" --no-same-owner debian/patches/cmp.patch ||
      fail "cannot unpack $downloads/$packaging"
    patch -p1 --fuzz=0 --batch --forward -d "$work/source" \
      <"$work/packaging/debian/patches/cmp.patch" >"$work/log" 2>&1 ||
      fail "cmp.patch of $packaging does not apply: $(tail -n 3 "$work/log" | tr '\n' ' ')"
  fi
fi

[ -f "$work/source/CMakeLists.txt" ] || no_source "there is no CMakeLists.txt in it"
found=$(sed -n -E 's/^set\(PROJECT_VERSION_(MAJOR|MINOR|PATCH) "?([0-9]+)"?\).*/\2/p' "$work/source/CMakeLists.txt" |
  paste -s -d . -)
[ "$found" = "$version" ] || no_source "the source is of version ${found:-unknown}"
[ -f "$work/source/third_party/cmp/cmp.c" ] ||
  no_source "third_party/cmp is missing in it (a git submodule: git submodule update --init)"

while read -r name; do
  case "$name" in '' | '#'*) continue ;; esac
  say "applying $version/$name"
  patch -p1 --fuzz=0 --batch --forward --no-backup-if-mismatch -d "$work/source" <"$series/$name" >"$work/log" 2>&1 ||
    fail "$version/$name does not apply to this source: $(tail -n 3 "$work/log" | tr '\n' ' ')"
done <"$series/series"

# The build directory is new and random each time: keep its name out of the
# result, and out of ccache's keys.
flags="-ffile-prefix-map=$work=."
launcher=()
if command -v ccache >/dev/null; then
  launcher=(-DCMAKE_C_COMPILER_LAUNCHER=ccache)
  export CCACHE_BASEDIR=$work CCACHE_NOHASHDIR=1
fi

say "configuring"
cmake -S "$work/source" -B "$work/build" -G Ninja \
  -DCMAKE_BUILD_TYPE=RelWithDebInfo -DCMAKE_C_FLAGS="${CFLAGS-} $flags" "${launcher[@]}" \
  -DCMAKE_C_FLAGS_RELWITHDEBINFO="-O2 -g1 -DNDEBUG" \
  -DCMAKE_INSTALL_PREFIX="$prefix" -DCMAKE_INSTALL_LIBDIR=lib -DCMAKE_SKIP_RPATH=ON \
  -DENABLE_STATIC=OFF -DENABLE_SHARED=ON -DSTRICT_ABI=ON -DEXPERIMENTAL_API=ON -DMUST_BUILD_TOXAV=ON \
  -DBOOTSTRAP_DAEMON=OFF -DDHT_BOOTSTRAP=OFF -DUNITTEST=OFF -DAUTOTEST=OFF -DBUILD_MISC_TESTS=OFF \
  >"$work/log" 2>&1 || {
  tail -n 30 "$work/log" >&2
  fail "cmake failed, see above"
}

say "compiling with $jobs jobs"
compile() { cmake --build "$work/build" --parallel "$jobs" --target toxcore_shared 2>&1; }
if [ -n "${TOXASYNC_STEPS-}" ]; then
  compile | tee "$work/log"
else
  compile >"$work/log"
fi || {
  tail -n 30 "$work/log" >&2
  fail "the compiler failed, see above"
}

say "installing to $prefix"
rm -rf "$stamp" "${prefix:?}/include/tox" "${prefix:?}/lib"
cmake --install "$work/build" >"$work/log" 2>&1 || {
  tail -n 30 "$work/log" >&2
  fail "cmake --install failed, see above"
}
for file in lib/libtoxcore.so.2 lib/pkgconfig/toxcore.pc include/tox/tox.h include/tox/tox_net.h; do
  [ -e "$prefix/$file" ] || fail "$file was not installed"
done
if command -v nm >/dev/null; then
  nm -D --defined-only "$prefix/lib/libtoxcore.so.2" >"$work/log"
  grep -q ' tox_net_register$' "$work/log" || fail "tox_net_register is not exported"
fi

echo "$key" >"$stamp"
say "c-toxcore $version is in $prefix"
