"""Seeded, plausible inputs of a model by the kind of their content."""

import numpy as np

WORDS = b"the of a def return import class int for in if else { } ( ) ; = + 0 1 <p> </p> name: - , . \n # select from while"


def normal(draw, shape):
    return draw.normal(size=shape)


def wide(draw, shape):
    """Features as an embedding network gives them: centred, of some tens."""
    return 20 * draw.normal(size=shape) * draw.gamma(1.0, 1.0, size=shape[:1] + (1,) * (len(shape) - 1))


def state(draw, shape):
    return 0.1 * draw.normal(size=shape)


def audio(draw, shape):
    """A few decaying tones in noise, along the longest axis."""
    longest = int(np.argmax(shape[1:])) + 1
    time = np.arange(shape[longest]) / 16000
    rows = []
    for _ in range(shape[0]):
        tone = 0.01 * draw.normal(size=time.shape)
        for _ in range(4):
            level, pitch, begin = draw.uniform(0.05, 0.3), draw.uniform(80, 3000), draw.uniform(0, time[-1])
            tone += level * np.sin(2 * np.pi * pitch * time) * np.exp(-8 * np.abs(time - begin))
        sizes = [1] * (len(shape) - 1)
        sizes[longest - 1] = len(time)
        rows.append(np.broadcast_to(tone.reshape(sizes), shape[1:]))
    return np.stack(rows)


def image(draw, shape):
    """Soft stripes, blocks of dark strokes and a little noise, between -1 and 1."""
    down, across = np.mgrid[0 : shape[-2], 0 : shape[-1]]
    rows = []
    for _ in range(shape[0]):
        angle, period, phase = draw.uniform(0, np.pi), draw.uniform(6, 60), draw.uniform(0, 6)
        plane = 0.3 * np.sin((np.cos(angle) * down + np.sin(angle) * across) * 2 * np.pi / period + phase) + 0.4
        for _ in range(12):
            y, x = draw.integers(shape[-2]), draw.integers(shape[-1])
            plane[y : y + draw.integers(1, 14), x : x + draw.integers(1, 6)] = draw.uniform(-1, 1)
        colours = draw.uniform(0.6, 1.0, size=(shape[1], 1, 1))
        rows.append(np.clip(colours * plane + 0.02 * draw.normal(size=shape[1:]), -1, 1))
    return np.stack(rows)


def page(draw, shape):
    """Lines of dark strokes on white paper, between -1 and 1."""
    rows = np.ones(shape) - 0.02 * np.abs(draw.normal(size=shape))
    for plane in rows:
        size = int(draw.integers(10, 20))
        for top in range(4, shape[-2] - size, size + 8):
            left = 4
            while left < shape[-1] - size:
                for _ in range(3):
                    y, x = top + draw.integers(size - 3), left + draw.integers(size - 6)
                    tall = draw.random() < 0.5
                    plane[..., y : y + (size // 2 if tall else 2), x : x + (2 if tall else size // 2)] = draw.uniform(-1, -0.5)
                left += size - 2 if draw.random() < 0.85 else 2 * size
    return rows


def image01(draw, shape):
    return 0.5 * image(draw, shape) + 0.5


def pixels(draw, shape):
    return np.round(255 * image01(draw, shape))


def letters(draw, shape):
    """Text of many kinds, as byte values; short ones are padded with 256."""
    words = WORDS.split(b" ")
    rows = []
    for _ in range(shape[0]):
        own = [words[i] for i in draw.integers(len(words), size=draw.integers(3, len(words)))]
        text = b" ".join(own[i] for i in draw.integers(len(own), size=draw.integers(20, shape[1] // 3)))
        if draw.random() < 0.2:
            text = bytes(draw.integers(0, 256, size=shape[1], dtype=np.uint8))
        row = np.full(shape[1], 256)
        row[: min(len(text), shape[1])] = list(text[: shape[1]])
        rows.append(row)
    return np.stack(rows)


KINDS = {
    "normal": normal,
    "wide": wide,
    "state": state,
    "audio": audio,
    "image": image,
    "image01": image01,
    "pixels": pixels,
    "pixels-last": lambda draw, shape: np.moveaxis(pixels(draw, (shape[0], shape[-1], *shape[1:-1])), 1, -1),
    "page": page,
    "whole": lambda draw, shape: np.clip(np.round(40 * draw.normal(size=shape)), -128, 127),
    "bytes": letters,
    "ones": lambda draw, shape: np.ones(shape),
    "tokens": lambda draw, shape, most: draw.integers(0, int(most), size=shape),
    "codes": lambda draw, shape, most: draw.integers(0, int(most), size=shape),
    "constant": lambda draw, shape, value: np.full(shape, int(value)),
}


def made(draw, kind, shape, dtype):
    """An array of one kind of content, `tokens:90` say, in the element type that the model takes."""
    name, _, argument = kind.partition(":")
    arguments = [argument] if argument else []
    return KINDS[name](draw, tuple(shape), *arguments).astype(dtype)
