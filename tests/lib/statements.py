"""Prepared statements over the raw client: what connectors do, with every byte in the test's hand.

(MySQL manual, "COM_STMT_PREPARE", "COM_STMT_EXECUTE", "Binary Protocol Resultset"; MariaDB's "COM_STMT_BULK_EXECUTE".)
"""
import struct

from lib.wire import BASIC, MULTI_STATEMENTS, Client, Err

COM_STMT_PREPARE, COM_STMT_EXECUTE, COM_STMT_SEND_LONG_DATA, COM_STMT_CLOSE = 0x16, 0x17, 0x18, 0x19
COM_STMT_RESET, COM_STMT_FETCH, COM_STMT_BULK_EXECUTE = 0x1A, 0x1C, 0xFA
LONG, LONGLONG, VARCHAR = 0x03, 0x08, 0xFD
CURSOR = 1
LAST = 0xFFFFFFFF  # MariaDB: the statement that was prepared last


class Statement:
    def __init__(self, number, parameters, columns):
        self.id, self.parameters, self.columns = number, parameters, columns


def lenenc(data):
    size = len(data)
    head = bytes([size]) if size < 251 else b"\xfc" + struct.pack("<H", size) if size < 1 << 16 else \
        b"\xfd" + struct.pack("<I", size)[:3] if size < 1 << 24 else b"\xfe" + struct.pack("<Q", size)
    return head + data


def execute_payload(number, parameters, types=True, flags=0):
    """COM_STMT_EXECUTE's payload behind the command byte. A parameter is (type, value): an int, bytes, None for NULL,
    `...` for long data."""
    def packed(kind, value):
        if value is None or value is ...:
            return None if value is None else b""
        return struct.pack("<q", value) if kind == LONGLONG else lenenc(value)
    return packed_execute(number, [(kind, packed(kind, value)) for kind, value in parameters], types, flags)


def packed_execute(number, parameters, types=True, flags=0):
    """The same of values that are packed already, None for NULL."""
    payload = struct.pack("<IBI", number, flags, 1)
    if not parameters:
        return payload
    nulls = bytearray((len(parameters) + 7) // 8)
    for at, (_, value) in enumerate(parameters):
        if value is None:
            nulls[at // 8] |= 1 << at % 8
    payload += bytes(nulls) + bytes([types])
    if types:
        payload += b"".join(struct.pack("<H", kind) for kind, _ in parameters)
    return payload + b"".join(value for _, value in parameters if value is not None)


class Session:
    """A login, and statements over it. Results are lists of rows; text is bytes."""

    CAPABILITIES = BASIC | MULTI_STATEMENTS

    def __init__(self, proxy, capabilities=CAPABILITIES, mariadb=0):
        self.raw = Client(proxy.host, proxy.port)
        self.raw.login(proxy.account.user, proxy.account.password, proxy.database, capabilities=capabilities, mariadb=mariadb)

    def close(self):
        self.raw.close()

    # --- text

    def query(self, text):
        return self.raw.result(text)

    def scalar(self, text):
        row = self.query(text)[-2]
        return None if row == b"\xfb" else _take_lenenc(row, 0)[0]

    # --- binary

    def prepare(self, text):
        self.raw.command(COM_STMT_PREPARE, text if isinstance(text, bytes) else text.encode())
        return self.read_prepared()

    def read_prepared(self):
        head = self.raw.expect_ok()
        number, columns, parameters = struct.unpack_from("<IHH", head, 1)
        for count in (parameters, columns):
            for _ in range(count + 1 if count else 0):  # the definitions and their EOF
                self.raw.read()
        return Statement(number, parameters, columns)

    def execute(self, statement, parameters, types=True, flags=0):
        self.raw.command(COM_STMT_EXECUTE, execute_payload(statement.id, parameters, types, flags))
        return self.read_rows(cursor=flags)

    def read_rows(self, cursor=0):
        """One binary result; nothing for an OK. With a cursor the rows come by fetch()."""
        head = self.raw.expect_ok()
        if head[0] == 0:
            return []
        kinds = []
        for _ in range(head[0]):
            kinds.append(_column_type(self.raw.read()))
        self.kinds = kinds
        end = self.raw.read()
        if cursor and struct.unpack_from("<H", end, 3)[0] & 0x40:
            return []
        return self._rows(kinds)

    def fetch(self, statement, count):
        self.raw.command(COM_STMT_FETCH, struct.pack("<II", statement.id, count))
        return self._rows(self.kinds)

    def _rows(self, kinds):
        rows = []
        while True:
            packet = self.raw.expect_ok()
            if packet[0] == 0xFE and len(packet) < 9:
                self.status = struct.unpack_from("<H", packet, 3)[0]
                return rows
            rows.append(_binary_row(packet, kinds))

    def send_long_data(self, statement, parameter, data):
        self.raw.command(COM_STMT_SEND_LONG_DATA, struct.pack("<IH", statement.id, parameter) + data)

    def reset(self, statement):
        self.raw.command(COM_STMT_RESET, struct.pack("<I", statement.id))
        self.raw.expect_ok()

    def close_statement(self, statement):
        self.raw.command(COM_STMT_CLOSE, struct.pack("<I", statement.id))


def _take_lenenc(data, at):
    first = data[at]
    if first < 251:
        return data[at + 1:at + 1 + first], at + 1 + first
    width = {0xFC: 2, 0xFD: 3, 0xFE: 8}[first]
    size = int.from_bytes(data[at + 1:at + 1 + width], "little")
    return data[at + 1 + width:at + 1 + width + size], at + 1 + width + size


def _column_type(definition):
    at = 0
    for _ in range(6):
        _, at = _take_lenenc(definition, at)
    return definition[at + 7]  # the fixed part: its length, charset, column length, type


FIXED = {0x01: "<b", 0x02: "<h", 0x03: "<i", 0x09: "<i", 0x08: "<q", 0x04: "<f", 0x05: "<d"}


def _binary_row(packet, kinds):
    nulls, at = packet[1:1 + (len(kinds) + 9) // 8], 1 + (len(kinds) + 9) // 8
    row = []
    for column, kind in enumerate(kinds):
        if nulls[(column + 2) // 8] >> (column + 2) % 8 & 1:
            row.append(None)
        elif kind in FIXED:
            row.append(struct.unpack_from(FIXED[kind], packet, at)[0])
            at += struct.calcsize(FIXED[kind])
        else:
            value, at = _take_lenenc(packet, at)
            row.append(value)
    return tuple(row)
