"""`python -m oobleck`."""

import os
import sys
import threading

from oobleck.command import main


def end_with_parent() -> None:
    """Ends this process when its input does: the program that started it holds the other end."""
    while os.read(0, 4096):
        pass
    os._exit(1)


if __name__ == "__main__":
    if os.environ.get("OOBLECK_PARENT"):
        threading.Thread(target=end_with_parent, daemon=True).start()
    sys.exit(main())
