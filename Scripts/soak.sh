#!/usr/bin/env bash
# N training runs with kills at random moments, all to end with the same state: soak.sh N SEED.
# Two hundred mixed ones, to be broken off and continued: soak.sh 200 1 --mixed --journal FILE.
# Needs a release build (`make build`). Options after the two: see Scripts/soak.py --help.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
exec python3 Scripts/soak.py "$@"
