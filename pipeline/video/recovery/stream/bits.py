"""Reads the bits of a NAL unit: fixed widths and Exp-Golomb codes (ITU-T H.264, clause 9.1)."""

from __future__ import annotations

#: Zeros that an Exp-Golomb code may begin with: no value of a header is longer.
_MOST_ZEROS = 31


class Bits:
    """The payload of a NAL unit, without the bytes that keep it from looking like a start code.

    Whatever reads past the end raises ValueError, as does a code that is too long.
    """

    def __init__(self, data: bytes) -> None:
        plain = data.replace(b"\0\0\3", b"\0\0")
        self._value = int.from_bytes(plain, "big")
        self._left = 8 * len(plain)

    @property
    def left(self) -> int:
        """Bits that are not read yet."""
        return self._left

    def u(self, width: int) -> int:
        """An unsigned number of so many bits."""
        if width > self._left:
            raise ValueError("the unit ends early")
        self._left -= width
        return (self._value >> self._left) & ((1 << width) - 1)

    def flag(self) -> bool:
        return bool(self.u(1))

    def ue(self) -> int:
        """An unsigned Exp-Golomb code."""
        zeros = 0
        while not self.u(1):
            zeros += 1
            if zeros > _MOST_ZEROS:
                raise ValueError("no Exp-Golomb code")
        return (1 << zeros) - 1 + self.u(zeros)

    def se(self) -> int:
        """A signed Exp-Golomb code."""
        code = self.ue()
        return (code + 1) // 2 if code % 2 else -(code // 2)


class Written:
    """Puts a payload together, bit by bit."""

    def __init__(self) -> None:
        self._bits = ""

    def u(self, width: int, value: int) -> Written:
        self._bits += f"{value:0{width}b}" if width else ""
        return self

    def ue(self, value: int) -> Written:
        code = f"{value + 1:b}"
        self._bits += "0" * (len(code) - 1) + code
        return self

    def se(self, value: int) -> Written:
        return self.ue(2 * value - 1 if value > 0 else -2 * value)

    def payload(self) -> bytes:
        """With the stop bit, and the bytes that keep it from looking like a start code."""
        bits = self._bits + "1"
        bits += "0" * (-len(bits) % 8)
        plain = int(bits, 2).to_bytes(len(bits) // 8, "big")
        data = bytearray()
        for byte in plain:
            if byte <= 3 and data[-2:] == b"\0\0":
                data.append(3)
            data.append(byte)
        return bytes(data)
