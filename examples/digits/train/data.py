"""The digits of scikit-learn, split once: what training sees, and what digits.npz holds."""

import io
import zipfile

import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

HELD_OUT = 800


def load():
    """Training images and labels, then held-out images and labels; images are [N, 1, 8, 8] in 0..1."""
    digits = load_digits()
    images = (digits.images[:, None] / 16.0).astype(np.float32)
    labels = digits.target.astype(np.int64)
    x, held_x, y, held_y = train_test_split(
        images, labels, test_size=HELD_OUT, stratify=labels, random_state=7
    )
    return x, y, held_x, held_y


def save(path, images, labels):
    """Writes the held-out samples; the same samples give the same bytes."""
    ink = images.mean(axis=(1, 2, 3))
    density = np.searchsorted(np.quantile(ink, [1 / 3, 2 / 3]), ink).astype(np.int64)
    arrays = {"image": images, "labels": labels, "stroke_density": density}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, array in arrays.items():
            buffer = io.BytesIO()
            np.lib.format.write_array(buffer, np.ascontiguousarray(array), allow_pickle=False)
            # A fixed date: NumPy would write today's, and the file would differ every time.
            entry = zipfile.ZipInfo(name + ".npy", date_time=(1980, 1, 1, 0, 0, 0))
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, buffer.getvalue())


def augment(rng, images):
    """Shifts by part of a pixel, turns a little, changes the ink's strength and adds noise."""
    from scipy.ndimage import affine_transform

    out = np.empty_like(images)
    for i, image in enumerate(images[:, 0]):
        angle, scale = rng.normal(0, 0.12), np.exp(rng.normal(0, 0.08))
        matrix = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]) / scale
        offset = np.array([3.5, 3.5]) - matrix @ np.array([3.5, 3.5]) + rng.uniform(-0.7, 0.7, 2)
        out[i, 0] = affine_transform(image, matrix, offset, order=1)
    out = out * rng.uniform(0.85, 1.15, (len(out), 1, 1, 1)) + rng.normal(0, 0.03, out.shape)
    return np.clip(out, 0, 1).astype(np.float32)
