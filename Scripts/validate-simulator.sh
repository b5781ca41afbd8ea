#!/usr/bin/env bash
# A real training job under kills against the same trace in the simulator. Needs a release build
# (`make build`) and an idle machine with two cores. Options: Scripts/validate_simulator.py --help.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
exec python3 Scripts/validate_simulator.py "$@"
