#!/usr/bin/env bash
# Makes dist/oobleck-VERSION-py3-none-manylinux_2_35_ARCHITECTURE.whl.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
Scripts/package/link.sh dist/bin
.venv/bin/python Scripts/package/check_programs.py dist/bin/oobleck dist/bin/oobleck-worker
.venv/bin/python Scripts/package/wheel.py --programs dist/bin --to dist
