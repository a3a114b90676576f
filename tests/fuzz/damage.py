"""Ways to damage a file: cut short, bits flipped, numbers in the header made to lie, pieces swapped."""

from collections.abc import Iterator

import numpy as np

_HEADER = 600  # bytes in which most lies are told
# What a size, a count or an offset may be made to say.
_LIES = (0, 1, 0x7F, 0x80, 0xFF, 0x7FFF, 0x8000, 0xFFFF, 0x10000, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)


def cuts(data: bytes, count: int) -> Iterator[tuple[str, bytes]]:
    """The file cut at `count` lengths, evenly spread, or at each of its lengths where that is fewer."""
    for length in sorted(set(np.linspace(0, len(data) - 1, count).astype(int).tolist())):
        yield f"cut at {length}", data[:length]


def flips(data: bytes, count: int) -> Iterator[tuple[str, bytes]]:
    """Single bits flipped: half of them at each place of the header in turn, half over the whole file."""
    in_header = np.linspace(0, 8 * min(len(data), _HEADER) - 1, count // 2)
    over_all = np.linspace(0, 8 * len(data) - 1, count - count // 2)
    for bit in sorted(set(np.concatenate([in_header, over_all]).astype(int).tolist())):
        changed = bytearray(data)
        changed[bit // 8] ^= 1 << bit % 8
        yield f"bit {bit} flipped", bytes(changed)


def lies(data: bytes, count: int, seed: int) -> Iterator[tuple[str, bytes]]:
    """A number of one, two or four bytes in the header, in either byte order, replaced by an extreme one."""
    random = np.random.default_rng(seed)
    for _ in range(count):
        place, width = int(random.integers(min(len(data), _HEADER))), int(random.choice([1, 2, 4]))
        order = ("little", "big")[int(random.integers(2))]
        number = int(random.choice(_LIES)) & (256**width - 1)
        changed = data[:place] + number.to_bytes(width, order) + data[place + width :]
        yield f"{number} written at {place} ({width} bytes, {order})", changed


def mixtures(data: bytes, others: list[bytes], count: int, seed: int) -> Iterator[tuple[str, bytes]]:
    """Several damages at once: noise, deleted and repeated pieces, pieces of another file, a new length."""
    random = np.random.default_rng(seed)
    for number in range(count):
        changed = data
        for _ in range(int(random.integers(1, 5))):
            other = others[int(random.integers(len(others)))]
            changed = _mix(changed, other, random)
        yield f"mixture {number} of seed {seed}", changed


def _mix(data: bytes, other: bytes, random: np.random.Generator) -> bytes:
    start, end = sorted(int(place) for place in random.integers(0, len(data) + 1, 2))
    end = min(end, start + int(random.choice([1, 4, 40, 4000])))
    match int(random.integers(5)):
        case 0:
            return data[:start] + random.bytes(end - start) + data[end:]
        case 1:
            return data[:start] + data[end:]
        case 2:
            return data[:end] + data[start:]
        case 3:
            return data[:start] + other[start : start + 200] + data[end:]
        case _:
            return data[:end]
