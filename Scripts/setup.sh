#!/usr/bin/env bash
# Puts all that a build and a run need into the checkout: libtorch (from PyPI's torch package, in
# .venv, with the link .libtorch to it) and the corpus (in .corpus). With --import-tools also what
# `oobleck import` needs; with --test-tools also what the Python side of the tests needs beside. Run it as often as you like: what is there and whole is kept, and
# then nothing is asked of the network.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

torch_version=2.13.0
# Parts of the CUDA toolkit 13.0.3, which the default build of this torch is made for.
cuda_runtime=(nvidia-cuda-runtime==13.0.96 nvidia-cuda-cupti==13.0.85)
venv=.venv
python=$venv/bin/python

say() { printf 'setup: %s\n' "$*"; }
die() {
    printf 'setup: %s\n' "$*" >&2
    exit 1
}

lists=()
case "${1:-}" in
"") ;;
--import-tools) lists=(Python/requirements.txt) ;;
--test-tools) lists=(Python/requirements.txt Scripts/test-requirements.txt) ;;
*) die "unknown argument \"$1\"; known: --import-tools, --test-tools" ;;
esac

# --- Tools -----------------------------------------------------------------------------------

# The clang that SwiftPM compiles C++ with: the toolchain's own.
toolchain_clang() {
    local resources
    resources=$(swift -print-target-info 2>/dev/null |
        sed -n 's/.*"runtimeResourcePath": "\(.*\)".*/\1/p')
    if [ -x "$resources/../../bin/clang++" ]; then
        printf '%s\n' "$resources/../../bin/clang++"
    else
        command -v clang++
    fi
}

check_swift() {
    local version
    command -v swift >/dev/null ||
        die "no swift found; install Swift 6.1 or newer from https://www.swift.org/install/linux/"
    version=$(swift --version 2>/dev/null | sed -n 's/.*Swift version \([0-9]*\.[0-9]*\).*/\1/p')
    [ "$(printf '%s\n' 6.1 "$version" | sort -V | head -n 1)" = 6.1 ] ||
        die "swift is version ${version:-unknown}; 6.1 or newer is needed"
    swift_version=$version
}

check_python() {
    command -v python3 >/dev/null || die "no python3 found; run: apt install python3 python3-venv"
    python3 -c 'import sys; sys.exit(sys.version_info < (3, 10))' ||
        die "$(python3 --version) is too old; 3.10 or newer is needed"
    python3 -c 'import venv, ensurepip' 2>/dev/null ||
        die "python3 cannot make virtual environments; run: apt install python3-venv"
}

check_cxx() {
    local clang probe
    clang=$(toolchain_clang) || die "no clang++ found; it comes with the Swift toolchain"
    probe=$(mktemp -d)
    printf '#include <string>\nint main() { return (int)std::string().size(); }\n' \
        >"$probe/probe.cpp"
    if ! "$clang" -std=c++20 "$probe/probe.cpp" -o "$probe/probe" >"$probe/log" 2>&1; then
        cat "$probe/log" >&2
        rm -rf "$probe"
        die "no usable C++ standard library; run: apt install g++"
    fi
    rm -rf "$probe"
}

# --- Python packages -------------------------------------------------------------------------

# Whether the package $1 is installed whole: every file of its record is there in its size. An
# interrupted installation has no record or lacks files of it, so no other mark is needed.
is_whole() {
    "$python" - "$@" 2>/dev/null <<'PYTHON'
import importlib.metadata as metadata, pathlib, re, sys

for requirement in sys.argv[1:]:
    name, _, version = requirement.partition("==")
    package = metadata.distribution(name)
    if package.version.split("+")[0] != version or not package.files:
        sys.exit(1)
    for file in package.files:
        path = pathlib.Path(package.locate_file(file))
        if file.size is not None and path.stat().st_size != file.size:
            sys.exit(1)
PYTHON
}

ensure_venv() {
    if [ -e "$venv" ] && "$python" -c 'import pip' 2>/dev/null; then
        return
    fi
    say "creating $venv"
    python3 -m venv --clear "$venv" ||
        die "cannot create $venv; run: apt install python3-venv, then: make setup"
}

ensure_torch() {
    if is_whole "torch==$torch_version"; then
        return
    fi
    say "installing torch $torch_version into $venv (up to 0.6 GB to download, once)"
    # Without its dependencies: the C++ libraries and headers need none of them. Where pip finds
    # a CPU build (2.13.0+cpu) it prefers that one; the default build works on CPUs as well.
    "$python" -m pip install --quiet --disable-pip-version-check --no-deps --force-reinstall \
        "torch==$torch_version" ||
        die "cannot install torch $torch_version; is the network there? Then try again: make setup"
    is_whole "torch==$torch_version" || die "torch $torch_version was installed incompletely"
}

# The default build of torch is one for CUDA. Its CPU library, too, loads two small libraries of
# the CUDA toolkit; no GPU or driver is needed.
ensure_cuda_runtime() {
    local lib=$1/lib
    if ! ldd "$lib/libtorch_cpu.so" | grep -q 'not found'; then
        return
    fi
    say "installing what torch's CUDA build needs to load on any machine (15 MB to download, once)"
    "$python" -m pip install --quiet --disable-pip-version-check --no-deps "${cuda_runtime[@]}" ||
        die "cannot install ${cuda_runtime[*]}; is the network there? Then: make setup"
    if ldd "$lib/libtorch_cpu.so" | grep 'not found' >&2; then
        die "$lib/libtorch_cpu.so needs libraries that are not there (above)"
    fi
}

link_libtorch() {
    local folder version header
    folder=$("$python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/torch
    folder=${folder#"$PWD/"}
    header=$folder/include/torch/headeronly/version.h
    version=$(sed -n 's/^#define TORCH_VERSION_\(MAJOR\|MINOR\|PATCH\) //p' "$header" | paste -sd.)
    [ "$version" = "$torch_version" ] ||
        die "$folder is version ${version:-unknown}, not $torch_version; delete $venv and try again"
    [ -f "$folder/lib/libtorch_cpu.so" ] ||
        die "$folder/lib has no libtorch_cpu.so. Delete $venv and try again"
    ensure_cuda_runtime "$folder"
    if [ "$(readlink .libtorch 2>/dev/null)" != "$folder" ]; then
        ln -sfn "$folder" .libtorch.partial
        mv -fT .libtorch.partial .libtorch
    fi
}

# Ready when every pin of the list $1 is installed whole and torch can be imported.
ensure_tools() {
    local list=$1 pins
    mapfile -t pins < <(grep -o '^[^ #]*==[^ #]*' "$list")
    if is_whole "${pins[@]}" && "$python" -c 'import torch' 2>/dev/null; then
        return
    fi
    say "installing the packages of $list into $venv (up to 0.1 GB to download, once)"
    "$python" -m pip install --quiet --disable-pip-version-check --no-deps \
        --only-binary :all: --requirement "$list" ||
        die "cannot install the packages of $list; is the network there? Then try again"
    is_whole "${pins[@]}" ||
        die "the packages of $list were installed incompletely. Delete $venv and try again"
    if ! "$python" -c 'import torch' 2>/dev/null; then
        say "installing the CUDA libraries that importing this build of torch needs (2.5 GB, once)"
        "$python" -m pip install --quiet --disable-pip-version-check "torch==$torch_version" ||
            die "cannot install torch's CUDA libraries; is the network there? Then try again"
    fi
}

# Installs a package of the system; a machine may have no lists of packages yet, or old ones.
install_package() {
    [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null || return 1
    say "installing $1"
    apt-get install -y --no-install-recommends "$1" >/dev/null 2>&1 ||
        { apt-get update >/dev/null && apt-get install -y --no-install-recommends "$1" >/dev/null; }
}

# The header and library of SQLite, which the coordinator's state is kept in.
ensure_sqlite() {
    [ -f /usr/include/sqlite3.h ] && return
    install_package libsqlite3-dev || true
    [ -f /usr/include/sqlite3.h ] || die "no sqlite3.h found; run: apt install libsqlite3-dev"
}

# A real Chromium for the test of the dashboard; it is left out where that is absent.
ensure_chromium() {
    command -v chromium >/dev/null && return
    install_package chromium || say "no chromium; the test of the dashboard in a browser is left out"
}

# A real promtool for the test of what is served to Prometheus; it is left out where that is absent.
ensure_promtool() {
    command -v promtool >/dev/null && return
    say "installing prometheus for its promtool"
    install_package prometheus || say "no prometheus; the check by promtool is left out"
}

# A real etcd for the tests; they skip what needs it where it is absent.
ensure_etcd() {
    command -v etcd >/dev/null && return
    # Its service is none of ours.
    install_package etcd-server || say "no etcd-server; the tests that need it are skipped"
}

# A real Slurm for the tests, likewise; its services are none of ours.
ensure_slurm() {
    local package
    [ -x /usr/sbin/slurmctld ] && [ -x /usr/sbin/slurmd ] && [ -x /usr/sbin/munged ] &&
        command -v sbatch ip >/dev/null && return
    for package in munge slurmctld slurmd slurm-client iproute2; do
        install_package "$package" || { say "no $package; the test that needs Slurm is skipped"; return; }
    done
}

# Real ssh hosts in namespaces for the tests, which skip them where these are absent.
ensure_ssh_hosts() {
    [ -x /usr/sbin/sshd ] && command -v ip ssh >/dev/null && return
    # An ssh server of this machine is none of ours: the tests start their own.
    local policy=/usr/sbin/policy-rc.d
    if [ "$(id -u)" = 0 ] && [ ! -e "$policy" ]; then
        printf '#!/bin/sh\nexit 101\n' >"$policy" && chmod +x "$policy"
        trap 'rm -f /usr/sbin/policy-rc.d' EXIT
    fi
    { install_package openssh-server && install_package openssh-client && install_package iproute2; } ||
        say "no openssh-server or iproute2; the tests that need them are skipped"
}

# --- In order --------------------------------------------------------------------------------

check_swift
check_python
check_cxx
ensure_sqlite
say "tools: Swift $swift_version, $(python3 --version), C++ standard library"

if [ -n "${LIBTORCH:-}" ]; then
    [ -d "$LIBTORCH/include" ] && [ -d "$LIBTORCH/lib" ] ||
        die "LIBTORCH=$LIBTORCH has no include/ and lib/; unset it to use torch $torch_version"
    say "libtorch: $LIBTORCH (from the environment)"
fi
ensure_venv
if [ -z "${LIBTORCH:-}" ] || [ ${#lists[@]} -gt 0 ]; then
    ensure_torch
    link_libtorch
    found=$("$python" -c 'import importlib.metadata as m; print(m.version("torch"))')
    say "libtorch: torch $found at .libtorch"
fi
"$python" Scripts/corpus.py
for list in "${lists[@]}"; do
    ensure_tools "$list"
    say "$list: $(grep -c '==' "$list") Python packages in $venv"
done
if [ ${#lists[@]} -gt 1 ]; then
    ensure_etcd
    ensure_slurm
    ensure_ssh_hosts
    ensure_promtool
    ensure_chromium
fi
