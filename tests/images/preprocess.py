"""Images and what Pillow and NumPy make of them: writes a folder of files and, for each case, the arrays
that a model would be given.

    preprocess.py FOLDER
"""

import json
import sys
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

folder = Path(sys.argv[1])
rng = np.random.default_rng(7)


def scene(height, width, channels):
    """Smooth shapes with an edge and some noise: neither flat nor only noise."""
    y, x = np.mgrid[0:height, 0:width]
    planes = []
    for c in range(channels):
        wave = 127 + 90 * np.sin(x / (5 + 3 * c)) * np.cos(y / (7 + c))
        wave += 40 * ((x + y * (c + 1)) % 17 < 5) + rng.normal(0, 12, (height, width))
        planes.append(wave)
    return np.clip(np.stack(planes, -1), 0, 255).astype(np.uint8)


files = {}
for index, (height, width) in enumerate([(61, 47), (47, 61), (64, 64)]):
    colour = Image.fromarray(scene(height, width, 3))
    colour.save(folder / f"colour{index}.png")
    grey = Image.fromarray(scene(height, width, 1)[:, :, 0])
    grey.save(folder / f"grey{index}.bmp")
    colour.save(folder / f"lossless{index}.webp", lossless=True, exact=True)
    alpha = Image.fromarray(np.concatenate([np.asarray(colour), scene(height, width, 1)], -1))
    alpha.save(folder / f"alpha{index}.png")
    colour.quantize(64).save(folder / f"palette{index}.png")
    exif = Image.Exif()
    exif[0x0112] = 6
    colour.save(folder / f"turned{index}.webp", lossless=True, exact=True, exif=exif)
    colour.save(folder / f"photo{index}.jpg", quality=95, exif=exif)
    deep = scene(height, width, 1)[:, :, 0].astype(np.uint16) * 257
    deep = np.clip(deep.astype(int) + rng.integers(-100, 100, deep.shape), 0, 65535)
    Image.fromarray(deep.astype(np.uint16)).save(folder / f"deep{index}.png")


FILTERS = {
    "nearest": Image.Resampling.NEAREST,
    "bilinear": Image.Resampling.BILINEAR,
    "bicubic": Image.Resampling.BICUBIC,
    "lanczos": Image.Resampling.LANCZOS,
}


def shorter_side(image, side):
    """torchvision's Resize with one number."""
    width, height = image.size
    if width <= height:
        return side, int(side * height / width)
    return int(side * width / height), side


def centre(image, height, width):
    """torchvision's CenterCrop."""
    top = int(round((image.height - height) / 2.0))
    left = int(round((image.width - width) / 2.0))
    return image.crop((left, top, left + width, top + height))


def made(path, case):
    image = ImageOps.exif_transpose(Image.open(path))
    deep = image.mode.startswith("I")
    if deep:
        image = Image.fromarray(np.asarray(image).astype(np.float32))
    else:
        image = image.convert("L" if case["grey"] else "RGB")
    resample = FILTERS[case.get("interpolation", "bilinear")]
    size = case.get("resize")
    if isinstance(size, int):
        image = image.resize(shorter_side(image, size), resample)
    elif size:
        image = image.resize((size[1], size[0]), resample)
    if "crop" in case:
        side = case["crop"]
        image = centre(image, *(side if isinstance(side, list) else (side, side)))
    pixels = np.asarray(image).astype(np.float32) / np.float32(65535 if deep else 255)
    pixels = pixels[:, :, None] if case["grey"] else pixels
    if case.get("channels") == "bgr":
        pixels = pixels[:, :, ::-1]
    pixels = (pixels - np.float32(case.get("mean", [0]))) / np.float32(case.get("std", [1]))
    if case.get("layout", "nchw") == "nchw":
        pixels = pixels.transpose(2, 0, 1)
    return pixels.astype(np.float32)


IMAGENET = {"mean": [0.485, 0.456, 0.406], "std": [0.229, 0.224, 0.225]}
CASES = [
    {"files": "colour", "resize": 32, "crop": 24, **IMAGENET},
    {"files": "colour", "resize": [40, 40], "interpolation": "bicubic"},
    {"files": "colour", "resize": [90, 75], "interpolation": "bicubic"},
    {"files": "colour", "resize": 24, "crop": [20, 23], "interpolation": "lanczos"},
    {"files": "colour", "resize": [33, 50], "interpolation": "nearest"},
    {"files": "colour", "crop": 41, "channels": "bgr", "layout": "nhwc", **IMAGENET},
    {"files": "grey", "resize": 28, "crop": 28, "grey": True, "mean": [0.1307], "std": [0.3081]},
    {"files": "colour", "crop": 40, "grey": True},
    {"files": "lossless", "crop": 45},
    {"files": "alpha", "crop": 45, "layout": "nhwc"},
    {"files": "palette", "crop": 45},
    {"files": "turned", "resize": [47, 61], "interpolation": "nearest"},
    {"files": "photo", "resize": 30, "crop": 30, "tolerance": 4},
    {"files": "deep", "crop": 45, "grey": True},
    {"files": "deep", "resize": [30, 30], "grey": True},
]
for number, case in enumerate(CASES):
    case.setdefault("grey", False)
    own = sorted(path.name for path in folder.iterdir() if path.name.startswith(case["files"]))
    case["files"] = own
    arrays = np.stack([made(folder / name, case) for name in own])
    np.savez(folder / f"expected{number}.npz", x=arrays)
    case["shape"] = list(arrays.shape[1:])
print(json.dumps(CASES))
