"""Runs the command line: `python -m oobleck`."""

import sys

from oobleck.command import main

sys.exit(main())
