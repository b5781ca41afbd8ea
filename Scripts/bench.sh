#!/usr/bin/env bash
# Compares the training speed of one process and one thread with eager Python's on the same
# libtorch, in alternating runs: Scripts/bench.sh [SIZE] [PAIRS], see Scripts/bench.py for sizes.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
exec .venv/bin/python Scripts/bench.py "$@"
