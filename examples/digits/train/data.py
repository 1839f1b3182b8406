"""The digits of scikit-learn: the one split, what digits.npz holds, and augmentation."""

import numpy as np
from scipy.ndimage import affine_transform
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

HELD_OUT = 800


def load():
    """Training images and labels, then held-out ones; images are [N, 1, 8, 8] in 0..1."""
    digits = load_digits()
    images = (digits.images[:, None] / 16.0).astype(np.float32)
    labels = digits.target.astype(np.int64)
    x, held_x, y, held_y = train_test_split(
        images, labels, test_size=HELD_OUT, stratify=labels, random_state=7
    )
    return x, y, held_x, held_y


def save(path, images, labels):
    """Writes the held-out samples with the tercile of their ink: 0 light, 1 medium, 2 heavy."""
    ink = images.mean(axis=(1, 2, 3))
    density = np.searchsorted(np.quantile(ink, [1 / 3, 2 / 3]), ink)
    np.savez_compressed(
        path,
        image=np.ascontiguousarray(images, "<f4"),
        labels=labels.astype("<i8"),
        stroke_density=density.astype("<i8"),
    )


def augment(rng, images):
    """Shifts by part of a pixel, turns a little, changes the ink's strength and adds noise."""
    out = np.empty_like(images)
    centre = np.array([3.5, 3.5])
    for i, image in enumerate(images[:, 0]):
        angle, scale = rng.normal(0, 0.12), np.exp(rng.normal(0, 0.08))
        cos, sin = np.cos(angle), np.sin(angle)
        matrix = np.array([[cos, -sin], [sin, cos]]) / scale
        offset = centre - matrix @ centre + rng.uniform(-0.7, 0.7, 2)
        out[i, 0] = affine_transform(image, matrix, offset, order=1)
    out = out * rng.uniform(0.85, 1.15, (len(out), 1, 1, 1)) + rng.normal(0, 0.03, out.shape)
    return np.clip(out, 0, 1).astype(np.float32)
