"""Prepared statements over the binary protocol, byte by byte, on lib.wire's client (without CLIENT_DEPRECATE_EOF).

(MySQL internals manual, "Prepared Statements"; "Binary Protocol Resultset".)
"""
import struct

from lib.wire import Err

COM_STMT_PREPARE, COM_STMT_EXECUTE, COM_STMT_SEND_LONG_DATA, COM_STMT_CLOSE = 0x16, 0x17, 0x18, 0x19
COM_STMT_RESET, COM_STMT_FETCH, COM_STMT_BULK_EXECUTE = 0x1A, 0x1C, 0xFA
CURSOR_READ_ONLY = 1
STRING, LONGLONG = 0xFD, 0x08
LAST = 0xFFFFFFFF  # MariaDB: the statement that was prepared last


def is_eof(payload):
    return payload[0] == 0xFE and len(payload) < 9


def skip_definitions(client, count):
    if count:
        for _ in range(count):
            client.expect_ok()
        assert is_eof(client.read())


def read_prepared(client):
    """The answer to COM_STMT_PREPARE: (statement id, columns, parameters)."""
    _, statement, columns, parameters = struct.unpack_from("<BIHH", client.expect_ok())
    skip_definitions(client, parameters)
    skip_definitions(client, columns)
    return statement, columns, parameters


def prepare(client, text):
    client.command(COM_STMT_PREPARE, text.encode())
    return read_prepared(client)[0]


def execute_payload(statement, parameters=(), flags=0, new_types=True):
    """Parameters: None, int or str; a bytearray stands for long data that was sent before."""
    out = struct.pack("<IBI", statement, flags, 1)
    if not parameters:
        return out
    nulls, types, values = bytearray((len(parameters) + 7) // 8), b"", b""
    for at, value in enumerate(parameters):
        types += struct.pack("<H", LONGLONG if isinstance(value, int) else STRING)
        if value is None:
            nulls[at // 8] |= 1 << at % 8
        elif isinstance(value, int):
            values += struct.pack("<q", value)
        elif isinstance(value, str):
            values += bytes([len(value.encode())]) + value.encode()
    return out + bytes(nulls) + bytes([new_types]) + (types if new_types else b"") + values


def read_rows(client):
    """The rest of a binary result set as raw row payloads: (columns, rows, status of the last EOF)."""
    first = client.expect_ok()
    if first[0] == 0:
        return 0, [], None
    skip_definitions(client, first[0])
    rows, status = read_fetched(client)
    return first[0], rows, status


def read_fetched(client):
    rows = []
    while True:
        payload = client.expect_ok()
        if is_eof(payload):
            return rows, struct.unpack_from("<H", payload, 3)[0]
        rows.append(payload)


def execute(client, statement, parameters=(), **options):
    client.command(COM_STMT_EXECUTE, execute_payload(statement, parameters, **options))
    return read_rows(client)


def text_of(row):
    """The single column of a row, a string shorter than 251 bytes."""
    return None if row[1] & 4 else row[3:3 + row[2]].decode()


def number_of(row):
    """The single column of a row, a BIGINT."""
    return struct.unpack_from("<q", row, 2)[0]


def error_of(act):
    """The error that an action meets, or None."""
    try:
        act()
    except Err as error:
        return error
    return None
