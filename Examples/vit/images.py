"""Draws small pictures of discs, squares and crosses: `python images.py FOLDER`.

Writes pixel_values.npy, float32 [samples, 3, 32, 32], and labels.npy, int64 [samples]: the columns
that a model of image classification is trained on.
"""

import sys
from pathlib import Path

import numpy as np

SAMPLES, SIZE = 2048, 32


def picture(random: np.random.Generator, label: int) -> np.ndarray:
    """One picture of noise with a figure in a random colour, place and size."""
    pixels = random.normal(0.0, 0.3, (3, SIZE, SIZE))
    x, y = random.integers(10, SIZE - 10, 2)
    radius = random.integers(5, 9)
    across, down = np.meshgrid(np.arange(SIZE) - x, np.arange(SIZE) - y)
    figure = (
        across**2 + down**2 <= radius**2,
        np.maximum(abs(across), abs(down)) <= radius,
        np.minimum(abs(across), abs(down)) + (np.maximum(abs(across), abs(down)) > radius) * 9 <= 1,
    )[label]
    return pixels + figure * random.uniform(0.5, 1.5, (3, 1, 1))


def main() -> None:
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    random = np.random.default_rng(1)
    labels = random.integers(0, 3, SAMPLES)
    pictures = np.stack([picture(random, label) for label in labels])
    np.save(folder / "pixel_values.npy", pictures.astype(np.float32))
    np.save(folder / "labels.npy", labels)


if __name__ == "__main__":
    main()
