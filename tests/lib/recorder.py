"""A raw client that keeps every byte the server sends: played direct and through the proxy, the two can be compared.

It follows an answer to its end by the protocol's own rules (MySQL and MariaDB manuals: text and binary results,
several results, cursors, with and without CLIENT_DEPRECATE_EOF), and understands no more than it needs for that.
"""
import re
import struct

from lib.wire import CONNECT_WITH_DB, DEPRECATE_EOF, LONG_PASSWORD, PLUGIN_AUTH, PROOFS, ZSTD_COMPRESSION, Client, Err

LOCAL_FILES, CONNECT_ATTRS, LENENC_AUTH, SESSION_TRACK = 0x80, 1 << 20, 1 << 21, 1 << 23
OPTIONAL_METADATA, QUERY_ATTRIBUTES = 1 << 25, 1 << 27
PROGRESS, STMT_BULK, EXTENDED_METADATA, CACHE_METADATA, BULK_UNITS = (1 << bit for bit in (32, 34, 35, 36, 37))
MORE_RESULTS, CURSOR_EXISTS, PS_OUT_PARAMS = 0x08, 0x40, 0x1000
PROGRESS_REPORT = b"\xff\xff\xff"  # MariaDB's, in an ERR packet's clothes


def lenenc(text):
    text = text if isinstance(text, bytes) else text.encode()
    if len(text) < 251:
        return bytes([len(text)]) + text
    return b"\xfc" + struct.pack("<H", len(text)) + text


def take_lenenc(data, at):
    """(number, the place behind it)"""
    size = {0xFC: 2, 0xFD: 3, 0xFE: 8}.get(data[at], 0)
    return (int.from_bytes(data[at + 1:at + 1 + size], "little"), at + 1 + size) if size else (data[at], at + 1)


class Recorder(Client):
    """records: (what was asked, the packets that came, as (sequence, payload))."""

    def __init__(self, host, port, deadline_s=30):
        super().__init__(host, port, deadline_s)
        self.records, self.came = [], []
        self.statement_id = 0

    def read(self):
        payload = super().read()
        self.came.append((self.sequence - 1 & 0xFF, payload))
        return payload

    def record(self, what):
        self.records.append((what, [(at, without_counters(payload)) for at, payload in self.came]))
        self.came = []

    @property
    def eof_form(self):
        return not self.capabilities & DEPRECATE_EOF

    # --- logging in

    def log_in(self, user, password, database, capabilities, collation=45, attributes=b""):
        greeting = self.greet()
        self.came = []  # compared by itself
        self.capabilities = capabilities | PLUGIN_AUTH | (CONNECT_WITH_DB if database else 0)
        proof = PROOFS[greeting.plugin](password, greeting.scramble)
        extended = b"\0" * 4 if capabilities & LONG_PASSWORD else struct.pack("<I", capabilities >> 32)
        self.write(struct.pack("<IIH", self.capabilities & 0xFFFFFFFF, 1 << 28, collation) + b"\0" * 18 + extended +
                   user.encode() + b"\0" + bytes([len(proof)]) + proof + (database.encode() + b"\0" if database else b"") +
                   greeting.plugin.encode() + b"\0" + (lenenc(attributes) if capabilities & CONNECT_ATTRS else b"") +
                   (b"\x03" if capabilities & ZSTD_COMPRESSION else b""))
        return self.finish(password, "login")

    def finish(self, password, what):
        """Ends a login; false when it is refused."""
        try:
            self._finish_login(password, self.greeting.plugin)
            accepted = True
        except Err:
            accepted = False
        # MariaDB 11.4+ proves its certificate in a login's OK, with a hash that the challenge goes into; a pooled
        # connection's login has none, and without TLS it means nothing
        self.came = [(sequence, re.sub(rb"A\x01[0-9A-F]{64}", b"", payload)) for sequence, payload in self.came]
        self.record(what)
        return accepted

    # --- answers

    def ask(self, what, code, payload=b""):
        """Sends a command and reads its answer, whatever it is."""
        self.command(code, payload)
        self.read_results()
        self.record(what)

    def query(self, text):
        payload = text if isinstance(text, bytes) else text.encode()
        attributes = b"\x00\x01" if self.capabilities & QUERY_ATTRIBUTES else b""
        self.ask(text, 3, attributes + payload)

    def status(self, payload, is_eof):
        if is_eof:
            return struct.unpack_from("<H", payload, 3)[0]
        _, at = take_lenenc(payload, 1)
        _, at = take_lenenc(payload, at)
        return struct.unpack_from("<H", payload, at)[0]

    def read_results(self):
        more = True
        while more:
            first = self.read()
            if first[:3] == PROGRESS_REPORT:
                continue
            if first[0] == 0xFF:
                return
            if first[0] == 0x00 or first[0] == 0xFE:
                status = self.status(first, first[0] == 0xFE and self.eof_form)
            elif first[0] == 0xFB:
                self.write(b"1,one\n2,two\n")
                self.write(b"")
                continue
            else:
                status = self.read_result_set(first)
            more = status is not None and status & MORE_RESULTS

    def read_result_set(self, first):
        columns, at = take_lenenc(first, 0)
        described = not (at < len(first) and first[at] == 0)  # the optional and the cached metadata's marker
        for _ in range(columns if described else 0):
            self.read()
        if self.eof_form:
            status = self.status(self.read(), True)
            if status & CURSOR_EXISTS:
                return status
            if status & PS_OUT_PARAMS:  # the procedure's own OK follows, whatever the last EOF says
                self.read_rows()
                return MORE_RESULTS
        return self.read_rows()

    def read_rows(self):
        while True:
            packet = self.read()
            if packet[:3] == PROGRESS_REPORT:
                continue
            if packet[0] == 0xFF:
                return None
            if packet[0] == 0xFE and len(packet) < (9 if self.eof_form else 0xFFFFFF):
                return self.status(packet, self.eof_form)

    # --- prepared statements

    def prepare(self, text):
        self.command(22, text.encode())
        first = self.read()
        if first[0] == 0:
            self.statement_id, columns, parameters = struct.unpack_from("<IHH", first, 1)
            described = not (len(first) > 12 and first[12] == 0)
            for count in (parameters, columns):
                for _ in range(count + (1 if count and self.eof_form else 0) if described else 0):
                    self.read()
            # the server counts statements of all its connections
            self.came[0] = (self.came[0][0], first[:1] + b"(id)" + first[5:])
        self.record(f"prepare {text}")

    def execute(self, parameters=b"", cursor=0, what="execute"):
        self.ask(what, 23, struct.pack("<IBI", self.statement_id, cursor, 1) + parameters)

    def fetch(self, rows):
        self.command(28, struct.pack("<II", self.statement_id, rows))
        self.read_rows()
        self.record(f"fetch {rows}")

    def field_list(self, table):
        self.command(4, table.encode() + b"\0")
        self.read_rows()
        self.record(f"fields of {table}")


def without_counters(payload):
    """Without what counts the statements of all connections: two recordings have different numbers."""
    if payload[:1] == b"\xff":
        return re.sub(rb"(statement|handler) \(\d+\)", rb"\1 (id)", payload)
    if payload[:1] in (b"\x00", b"\xfe") and b"\x0cstatement_id" in payload:  # tracked by MySQL
        _, at = take_lenenc(payload, 1)
        _, at = take_lenenc(payload, at)
        size, info = take_lenenc(payload, at + 4)
        _, states = take_lenenc(payload, info + size)
        return payload[:info + size] + re.sub(rb"[\x0e-\x16]\x0cstatement_id.\d+", b"(id)", payload[states:])
    return payload


def typed(*values):
    """Parameters of COM_STMT_EXECUTE: NULL, integers as BIGINT, texts as VARCHAR; with their types."""
    nulls = bytearray((len(values) + 7) // 8)
    types, data = b"", b""
    for at, value in enumerate(values):
        if value is None:
            nulls[at // 8] |= 1 << at % 8
        types += b"\x08\x00" if isinstance(value, int) else b"\xfd\x00"
        data += b"" if value is None else struct.pack("<q", value) if isinstance(value, int) else lenenc(value)
    return bytes(nulls) + b"\x01" + types + data
