# shellcheck shell=sh
# Sourced by quickstart and run-tests: makes .venv in the checkout and keeps it as setup.cfg and constraints.txt say.
# Needs nothing before it but a Python 3.11 with its venv module (plain Debian: python3), or uv. Never needs root.

: "${root:?the script that sources this says where the checkout is}"

say() { printf 'lastgood: %s\n' "$*" >&2; }

# What a person's shell may carry for another Python would break this one or install somewhere else.
unset PYTHONHOME PYTHONPATH PIP_TARGET PIP_PREFIX PIP_ROOT

# A Python this project runs on; $PYTHON names one to prefer.
suitable_python() {
    for candidate in ${PYTHON:+"$PYTHON"} python3 python3.14 python3.13 python3.12 python3.11; do
        if "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            command -v "$candidate"
            return
        fi
    done
    return 1
}

# Debian leaves ensurepip out of python3. Its pip wheel lies in python3-pip-whl: installed already, or fetched without root.
pip_from_debian() {
    wheel=$(find /usr/share/python-wheels -name 'pip-*.whl' 2>/dev/null | head -n 1)
    parts=
    if [ -z "$wheel" ]; then
        parts=$(mktemp -d) || return 1
        (
            cd "$parts" || exit 1
            apt-get download python3-pip-whl || {
                # No package lists, as in a fresh container, or outdated ones: lists of our own need no root.
                mkdir -p lists/partial cache/archives/partial
                set -- -o "Dir::State::lists=$parts/lists" -o "Dir::Cache=$parts/cache" -o APT::Sandbox::User=root
                apt-get "$@" update && apt-get "$@" download python3-pip-whl
            } && dpkg-deb -x python3-pip-whl_*.deb .
        ) >"$venv.log" 2>&1
        wheel=$(find "$parts" -name 'pip-*.whl' | head -n 1)
    fi
    [ -n "$wheel" ] && "$venv/bin/python" "$wheel/pip" install --quiet --no-index "$wheel" >>"$venv.log" 2>&1
    got=$?
    [ -z "$parts" ] || rm -rf "$parts"
    return "$got"
}

usable_venv() {
    "$venv/bin/python" -c 'import importlib.util, sys
sys.exit(sys.version_info < (3, 11) or sys.prefix == sys.base_prefix or not importlib.util.find_spec("pip"))' 2>/dev/null
}

create_venv() {
    # Half-made, moved or of a removed Python. Only what is a venv is ever removed.
    if [ -e "$venv" ] && [ ! -f "$venv/pyvenv.cfg" ] && ! rmdir "$venv" 2>/dev/null; then
        say "$venv exists and is no Python environment: move it away"
        return 1
    fi
    rm -rf "$venv"
    if python=$(suitable_python); then
        say "making .venv with $("$python" -V)"
        "$python" -m venv "$venv" >"$venv.log" 2>&1 && usable_venv && return
        say "it came without pip: taking that from Debian's python3-pip-whl"
        rm -rf "$venv"
        "$python" -m venv --without-pip "$venv" >"$venv.log" 2>&1 && pip_from_debian && usable_venv && return
        rm -rf "$venv"
    fi
    if command -v uv >/dev/null; then
        say "making .venv with $(uv --version)"
        uv venv --quiet --seed --python "${python:-3.13}" "$venv" && usable_venv && return
        rm -rf "$venv"
    fi
    show_log
    say "Python 3.11 or newer with its venv module is needed. On Debian 12 or later this one command brings both:"
    say "    sudo sh -c 'apt-get update && apt-get install -y python3-venv'"
    return 1
}

# Quiet pip, loud enough to see that it moves: one line each ten packages. Its full output is kept for the day it fails.
pip_install() {
    code=$venv/.pip-status
    {
        PIP_USER=0 PIP_NO_INPUT=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore PYTHONUNBUFFERED=1 \
            "$venv/bin/python" -m pip install --progress-bar off --constraint "$root/constraints.txt" "$@" 2>&1
        echo $? >"$code"
    } | {
        count=0
        while IFS= read -r line; do
            printf '%s\n' "$line" >>"$venv.log"
            case $line in
                Collecting*)
                    count=$((count + 1))
                    [ $((count % 10)) -ne 0 ] || say "  $count packages fetched"
                    ;;
                "Installing collected"*) [ "$count" -lt 10 ] || say "  installing them" ;;
            esac
        done
    }
    [ "$(cat "$code")" = 0 ]
}

# ready_venv EXTRA: .venv is there with the package, editable, and that extra (all: every vendor; dev: the tests' tools too).
ready_venv() {
    extra=$1
    venv=$root/.venv
    # The place belongs to it: a checkout that was moved has scripts that start the old one.
    digest=$(cd "$root" && { pwd -P; cat setup.cfg pyproject.toml constraints.txt; } | cksum) || return 1
    stamp=$(cat "$venv/.lastgood" 2>/dev/null)
    if usable_venv; then
        # dev holds all that the others need
        case $stamp in "$extra $digest" | "dev $digest") return ;; esac
    fi
    began=$(date +%s)
    rm -f "$venv/.lastgood"
    usable_venv || create_venv || return 1
    : >"$venv.log"
    say "installing lastgood[$extra] from constraints.txt; the first time takes about a minute"
    # The build tool first, so that the build takes the constrained one and fetches no second copy.
    if ! pip_install setuptools || ! pip_install --no-build-isolation --editable "${root}[$extra]"; then
        show_log
        return 1
    fi
    rm -f "$venv.log" "$venv/.pip-status"
    printf '%s %s\n' "$extra" "$digest" >"$venv/.lastgood"
    say "ready after $(($(date +%s) - began)) s"
}

show_log() {
    [ -s "$venv.log" ] || return 0
    say "the last lines of $venv.log:"
    tail -n 15 "$venv.log" >&2
}
