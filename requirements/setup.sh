#!/usr/bin/env bash
# Installs what the project needs into .venv and the user's cache: the Python environment from the lock file, a Chromium
# (one that is on the machine, else Playwright's, else the distribution's), a PostgreSQL server for the tests (one that is
# on the machine, else the distribution's), foreign verifiers of the audit log for the tests, an nginx for one of the sandbox's
# banks, and the ERP of the sandbox. Safe to repeat.
set -euo pipefail
cd "$(dirname "$0")/.."

say() { printf '\033[1m» %s\033[0m\n' "$*"; }

# the first that passes a test; the distribution's own come first, which are built with profile-guided optimization: a version
# manager's mostly are not, and a sixth slower
first_python() {
    local candidate
    for candidate in /usr/bin/python3.{12,13,11} python3.12 python3.13 python3.11 python3 "$HOME"/.pyenv/versions/3.12*/bin/python; do
        # a version manager's shim would not work outside this folder
        if "$candidate" -c "$1" 2>/dev/null && "$candidate" -c 'import sys; print(sys.executable)'; then return; fi
    done
    return 1
}
fits='import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))'
python=$(first_python "$fits") || { echo "Python 3.11, 3.12 or 3.13 is needed" >&2; exit 3; }
with_pip=$(first_python "import pip; $fits") || { echo "A Python 3.11, 3.12 or 3.13 with pip is needed" >&2; exit 3; }

if command -v uv >/dev/null; then
    UV=$(command -v uv)
else
    [ -x .venv-uv/bin/uv ] || { say "Installing uv"; "$with_pip" -m pip install --quiet --target .venv-uv uv; }
    UV=$PWD/.venv-uv/bin/uv
fi
export UV

say "Python environment ($("$python" -V))"
[ -x .venv/bin/python ] || "$UV" venv --quiet --no-python-downloads --python "$python" .venv
export VIRTUAL_ENV=$PWD/.venv
"$UV" pip install --quiet --compile-bytecode --require-hashes --no-deps -r requirements/lock.txt
"$UV" pip install --quiet --no-deps --no-build-isolation --editable .
# ours as well as theirs: where Python is told to write no bytecode, each process would compile its modules anew
.venv/bin/python -m compileall -q -j 0 retaguarda robots tasks sandbox

as_root() { if [ "$(id -u)" = 0 ]; then "$@"; else sudo -n "$@"; fi; }
has_browser() { .venv/bin/python -m retaguarda.portal.browser >/dev/null 2>&1; }
if ! has_browser; then
    say "Chromium"
    .venv/bin/playwright install chromium-headless-shell >/dev/null 2>&1 || true
    if ! has_browser && command -v apt-get >/dev/null; then
        as_root apt-get update -qq
        as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq chromium-headless-shell >/dev/null ||
            as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq chromium >/dev/null
    fi
    has_browser || { echo "No Chromium could be installed; install one and run this again" >&2; exit 3; }
fi

# the tests start a server of their own from these programs; the distribution's cluster is not used
has_postgres() { command -v initdb >/dev/null || ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1; }
if ! has_postgres; then
    say "PostgreSQL"
    if command -v apt-get >/dev/null; then
        as_root apt-get update -qq
        as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends postgresql >/dev/null
    fi
    has_postgres || { echo "No PostgreSQL server could be installed; install one and run this again" >&2; exit 3; }
fi

# the tests hold the audit log's formats against verifiers that others wrote: Go's checksum database, aics-tlog, and OpenSSL
has_go() { command -v go >/dev/null && [ -d /usr/share/gocode/src/golang.org/x/mod/sumdb ]; }
if ! has_go || ! command -v openssl >/dev/null || ! command -v strace >/dev/null; then
    say "Foreign verifiers of the audit log (Go, OpenSSL), strace"
    if command -v apt-get >/dev/null; then
        as_root apt-get update -qq
        as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
            golang-go golang-golang-x-mod-dev openssl strace >/dev/null
    fi
    has_go || { echo "Go and golang.org/x/mod could not be installed; install both and run this again" >&2; exit 3; }
fi
if [ ! -d .venv-tlog/aics_tlog ]; then # pure Python; its metadata asks for 3.12, its code does with 3.11
    "$with_pip" -m pip install --quiet --require-hashes --no-deps --ignore-requires-python --target .venv-tlog -r requirements/tlog.txt
fi

# bank_ipe of the sandbox stands behind it, as a process of its own: the distribution's service is not used
has_nginx() { command -v nginx >/dev/null || [ -x /usr/sbin/nginx ]; }
if ! has_nginx; then
    say "nginx"
    if command -v apt-get >/dev/null; then
        as_root apt-get update -qq
        as_root env RUNLEVEL=1 DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends nginx-light >/dev/null
        if [ -d /run/systemd/system ]; then as_root systemctl disable --now --quiet nginx || true; fi
    fi
    has_nginx || { echo "No nginx could be installed; install one and run this again" >&2; exit 3; }
fi

say "ERP of the sandbox (Tryton)"
.venv/bin/python -m sandbox.erp.install
