"""Unpack a Linux kernel image for QEMU, which starts an unpacked one seconds sooner.

Usage: usb_rig_kernel.py VMLINUZ VMLINUX
"""

from compression import zstd
import gzip
import lzma
from pathlib import Path
import struct
import sys

# Linux, Documentation/arch/x86/boot.rst
SETUP_SECTORS = 0x1F1
DEFAULT_SETUP_SECTORS = 4
SECTOR_BYTES = 512
PAYLOAD_OFFSET_AND_LENGTH = 0x248
ELF = b"\x7fELF"


def unpacked(image: bytes) -> bytes:
    """Return the ELF file inside a kernel image; ValueError where there is none."""
    start = ((image[SETUP_SECTORS] or DEFAULT_SETUP_SECTORS) + 1) * SECTOR_BYTES
    offset, length = struct.unpack_from("<II", image, PAYLOAD_OFFSET_AND_LENGTH)
    payload = image[start + offset : start + offset + length]
    if payload.startswith(b"\xfd7zXZ\0"):
        # Other data follows the stream, which lzma.decompress() would refuse.
        kernel = lzma.LZMADecompressor().decompress(payload)
    elif payload.startswith(b"\x28\xb5\x2f\xfd"):
        kernel = zstd.ZstdDecompressor().decompress(payload)
    elif payload.startswith(b"\x1f\x8b"):
        kernel = gzip.decompress(payload)
    else:
        raise ValueError(f"unknown compression: {payload[:6].hex()}")
    if not kernel.startswith(ELF):
        raise ValueError("there is no ELF file in the kernel image")
    return kernel


if __name__ == "__main__":
    Path(sys.argv[2]).write_bytes(unpacked(Path(sys.argv[1]).read_bytes()))
