"""What a shared library exports and needs, read from its bytes: ELF, Mach-O, PE, WebAssembly."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field


@dataclass
class Binary:
    """A library, as a loader sees it.

    Attributes
    ----------
    machine : str
    exports, undefined, needed : set of str
        Names that it gives, names that others must give, libraries that it asks for.
    alignment : int
        Smallest alignment of the segments that are loaded; 0 where the format has none.
    oldest : str
        Oldest version of the system that it claims to run on.
    signed : bool
    """

    machine: str
    exports: set[str] = field(default_factory=set)
    undefined: set[str] = field(default_factory=set)
    needed: set[str] = field(default_factory=set)
    alignment: int = 0
    oldest: str = ""
    signed: bool = False


def read_binary(content: bytes) -> Binary:
    """Read any of the four."""
    if content[:4] == b"\x7fELF":
        return _elf(content)
    if content[:4] == b"\xcf\xfa\xed\xfe":
        return _mach_o(content)
    if content[:2] == b"MZ":
        return _pe(content)
    assert content[:8] == b"\0asm\1\0\0\0"
    return _wasm(content)


def _text(content: bytes, start: int) -> str:
    return content[start : content.index(b"\0", start)].decode()


def _leb(content: bytes, at: int) -> tuple[int, int]:
    """Return an unsigned LEB128 number and the place after it."""
    value = shift = 0
    while True:
        byte = content[at]
        value |= (byte & 127) << shift
        at, shift = at + 1, shift + 7
        if byte < 128:
            return value, at


def _elf(content: bytes) -> Binary:
    """System V ABI: program headers, section headers, the dynamic section and its symbols."""
    wide = content[4] == 2
    machine = {62: "x86_64", 183: "aarch64", 40: "arm"}[struct.unpack_from("<H", content, 18)[0]]
    binary = Binary(machine)
    header = "<QQQIHHHHHH" if wide else "<IIIIHHHHHH"
    (_, programs, sections, _, _, program_size, n_programs, section_size, n_sections, _) = (
        struct.unpack_from(header, content, 24)
    )
    aligns = []
    for i in range(n_programs):
        at = programs + i * program_size
        if struct.unpack_from("<I", content, at)[0] == 1:  # PT_LOAD
            form, place = ("<Q", 48) if wide else ("<I", 28)
            aligns.append(struct.unpack_from(form, content, at + place)[0])
    binary.alignment = min(aligns)
    table = []
    for i in range(n_sections):
        at = sections + i * section_size
        _, kind, *rest = struct.unpack_from("<IIQQQQIIQQ" if wide else "<IIIIIIIIII", content, at)
        table.append((kind, rest[2], rest[3], rest[4]))  # kind, offset, size, link
    for kind, offset, size, link in table:
        names = table[link][1] if link < len(table) else 0
        if kind == 11:  # SHT_DYNSYM
            for at in range(offset, offset + size, 24 if wide else 16):
                name, info, of_section = (
                    struct.unpack_from("<IBxH", content, at)
                    if wide
                    else struct.unpack_from("<I8xBxH", content, at)
                )
                if name and info >> 4:  # not local
                    (binary.exports if of_section else binary.undefined).add(
                        _text(content, names + name)
                    )
        if kind == 6:  # SHT_DYNAMIC
            for at in range(offset, offset + size, 16 if wide else 8):
                tag, value = struct.unpack_from("<qQ" if wide else "<iI", content, at)
                if tag == 1:  # DT_NEEDED
                    binary.needed.add(_text(content, names + value))
    return binary


def _mach_o(content: bytes) -> Binary:
    """mach-o/loader.h: load commands; the exports are a trie."""
    machine = {0x01000007: "x86_64", 0x0100000C: "aarch64"}[struct.unpack_from("<I", content, 4)[0]]
    binary = Binary(machine)
    (n_commands,) = struct.unpack_from("<I", content, 16)
    at = 32
    for _ in range(n_commands):
        command, size = struct.unpack_from("<II", content, at)
        command &= 0x7FFFFFFF
        if command == 0xC:  # LC_LOAD_DYLIB
            binary.needed.add(_text(content, at + struct.unpack_from("<I", content, at + 8)[0]))
        elif command == 0x1D:
            binary.signed = True
        elif command == 0x32:  # LC_BUILD_VERSION
            (minimum,) = struct.unpack_from("<I", content, at + 12)
            binary.oldest = f"{minimum >> 16}.{minimum >> 8 & 255}"
        elif command == 0x22:  # LC_DYLD_INFO
            start, length = struct.unpack_from("<II", content, at + 40)
            binary.exports = set(_trie(content[start : start + length], 0, b""))
        elif command == 2:  # LC_SYMTAB
            symbols, n, names, _ = struct.unpack_from("<IIII", content, at + 8)
            for i in range(n):
                name, kind, section = struct.unpack_from("<IBB", content, symbols + 16 * i)
                if not section and kind & 1:
                    binary.undefined.add(_text(content, names + name))
        at += size
    return binary


def _trie(trie: bytes, at: int, prefix: bytes) -> Iterator[str]:
    size, here = _leb(trie, at)
    if size:
        yield prefix.decode()
    here += size
    n_children = trie[here]
    here += 1
    for _ in range(n_children):
        end = trie.index(b"\0", here)
        child, following = _leb(trie, end + 1)
        yield from _trie(trie, child, prefix + trie[here:end])
        here = following


def _pe(content: bytes) -> Binary:
    """Microsoft's PE format: the directories of exports and imports."""
    (start,) = struct.unpack_from("<I", content, 60)
    assert content[start : start + 4] == b"PE\0\0"
    machine, n_sections, _, _, _, optional = struct.unpack_from("<HHIIIH", content, start + 4)
    binary = Binary({0x8664: "x86_64", 0xAA64: "aarch64"}[machine])
    options = start + 24
    sections = [
        struct.unpack_from("<8sIIII", content, options + optional + 40 * i)
        for i in range(n_sections)
    ]

    def place(address: int) -> int:
        for _, size, virtual, stored, offset in sections:
            if virtual <= address < virtual + max(size, stored):
                return int(address - virtual + offset)
        raise AssertionError(f"address {address} in no section")

    exports, _, imports, _ = struct.unpack_from("<IIII", content, options + 112)
    if exports:
        (n_names,) = struct.unpack_from("<I", content, place(exports) + 24)
        (names,) = struct.unpack_from("<I", content, place(exports) + 32)
        for i in range(n_names):
            (name,) = struct.unpack_from("<I", content, place(names) + 4 * i)
            binary.exports.add(_text(content, place(name)))
    at = place(imports) if imports else None
    while at is not None:
        (library,) = struct.unpack_from("<I", content, at + 12)
        if not library:
            break
        binary.needed.add(_text(content, place(library)))
        at += 20
    return binary


def _wasm(content: bytes) -> Binary:
    """WebAssembly's binary format: the sections of imports and exports."""
    binary, at = Binary("wasm32"), 8
    while at < len(content):
        section = content[at]
        size, body = _leb(content, at + 1)
        at = body + size
        if section not in (2, 7):
            continue
        n, here = _leb(content, body)
        for _ in range(n):
            names = []
            for _ in range(2 if section == 2 else 1):
                length, here = _leb(content, here)
                names.append(content[here : here + length].decode())
                here += length
            if section == 2:  # what it is follows; nothing here is meant to have any
                binary.undefined.add(".".join(names))
                break
            binary.exports.add(names[0])
            _, here = _leb(content, here + 1)
    return binary
