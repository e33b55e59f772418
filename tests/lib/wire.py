"""A raw client of the MySQL protocol, for tests that look at bytes or send what no connector would.

Packets: 3 bytes of length, little-endian, 1 byte of sequence number, the payload; a payload of 0xffffff bytes goes on
in the next packet. (MySQL internals manual, "Protocol basics"; "Connection phase".)
"""
import hashlib
import socket
import struct

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding

LONG_PASSWORD, FOUND_ROWS, LONG_FLAG, CONNECT_WITH_DB, COMPRESS, PROTOCOL_41, SSL = 1, 2, 4, 8, 0x20, 0x200, 0x800
TRANSACTIONS, SECURE_CONNECTION, MULTI_STATEMENTS, MULTI_RESULTS = 0x2000, 0x8000, 0x10000, 0x20000
PLUGIN_AUTH, DEPRECATE_EOF, ZSTD_COMPRESSION = 0x80000, 0x1000000, 0x4000000
BASIC = (LONG_PASSWORD | LONG_FLAG | PROTOCOL_41 | TRANSACTIONS | SECURE_CONNECTION | MULTI_RESULTS | PLUGIN_AUTH)
COM_QUIT, COM_INIT_DB, COM_QUERY, COM_PING, COM_STMT_PREPARE = 1, 2, 3, 14, 22
BIGGEST = 0xFFFFFF


class Closed(Exception):
    """The peer closed the connection."""


class Err(Exception):
    """An ERR packet."""

    def __init__(self, payload):
        self.number = struct.unpack_from("<H", payload, 1)[0]
        rest = payload[3:]
        self.state, self.text = (rest[1:6].decode(), rest[6:]) if rest[:1] == b"#" else ("", rest)
        self.text = self.text.decode(errors="replace")
        super().__init__(f"{self.number} ({self.state}): {self.text}")


class Greeting:
    def __init__(self, payload):
        self.payload = payload
        assert payload[0] == 10, f"protocol version {payload[0]}"
        end = payload.index(0, 1)
        self.version = payload[1:end].decode()
        at = end + 1
        self.connection_id = struct.unpack_from("<I", payload, at)[0]
        scramble = payload[at + 4:at + 12]
        low, self.charset, self.status, high = struct.unpack_from("<HBHH", payload, at + 13)
        self.capabilities = low | high << 16
        length = payload[at + 20]
        self.mariadb_capabilities = struct.unpack_from("<I", payload, at + 27)[0]
        tail = payload[at + 31:]
        self.scramble = scramble + tail[:max(13, length - 8) - 1]
        rest = tail[max(13, length - 8):]
        self.plugin = rest.split(b"\0")[0].decode()


class Client:
    def __init__(self, host, port, deadline_s=30):
        self.socket = socket.create_connection((host, port), deadline_s)
        self.socket.settimeout(deadline_s)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.sequence = 0
        self.capabilities = 0

    # --- packets

    def read_exactly(self, count):
        parts, missing = [], count
        while missing:
            part = self.socket.recv(min(missing, 1 << 20))
            if not part:
                raise Closed()
            parts.append(part)
            missing -= len(part)
        return b"".join(parts)

    def read(self):
        """One payload, its packets joined."""
        payload = []
        while True:
            header = self.read_exactly(4)
            length = int.from_bytes(header[:3], "little")
            self.sequence = (header[3] + 1) & 0xFF
            payload.append(self.read_exactly(length))
            if length < BIGGEST:
                return b"".join(payload)

    def write(self, payload):
        start = 0
        while True:
            part = payload[start:start + BIGGEST]
            self.socket.sendall(len(part).to_bytes(3, "little") + bytes([self.sequence]))
            self.socket.sendall(part)
            self.sequence = (self.sequence + 1) & 0xFF
            start += BIGGEST
            if len(part) < BIGGEST:
                return

    def expect_ok(self):
        payload = self.read()
        if payload[:1] == b"\xff":
            raise Err(payload)
        return payload

    # --- the connection phase

    def greet(self):
        payload = self.read()
        if payload[:1] == b"\xff":
            raise Err(payload)
        self.greeting = Greeting(payload)
        return self.greeting

    def login(self, user, password, database=None, capabilities=BASIC, plugin=None, charset=45, mariadb=0):
        """The whole connection phase; returns the OK packet. `mariadb`: its extended capabilities, which need
        LONG_PASSWORD left out."""
        greeting = self.greet()
        plugin = plugin or greeting.plugin
        if plugin not in PROOFS:
            plugin = "mysql_native_password"  # the server will ask for another if it wants one
        self.capabilities = capabilities | (CONNECT_WITH_DB if database else 0)
        proof = PROOFS[plugin](password, greeting.scramble)
        self.write(struct.pack("<IIB19xI", self.capabilities, 1 << 28, charset, mariadb) + user.encode() + b"\0" +
                   bytes([len(proof)]) + proof + (database.encode() + b"\0" if database else b"") +
                   plugin.encode() + b"\0")
        return self._finish_login(password, plugin)

    def _finish_login(self, password, plugin):
        while True:
            payload = self.expect_ok()
            if payload[0] == 0:
                return payload
            if payload[0] == 0xFE:  # AuthSwitchRequest
                name, scramble = payload[1:].split(b"\0", 1)
                plugin = name.decode()
                self.greeting.scramble = scramble if plugin == "client_ed25519" else scramble[:20]
                self.write(PROOFS[plugin](password, self.greeting.scramble))
            elif payload[:2] == b"\x01\x03":
                continue  # fast authentication went well, an OK follows
            elif payload[:2] == b"\x01\x04":
                self._encrypt_password(password)
            else:
                raise AssertionError(f"{plugin} wants more than this client speaks: {payload!r}")

    def _encrypt_password(self, password):
        """Full caching_sha2_password authentication without TLS: the password under the server's RSA key."""
        self.write(b"\x02")
        key = serialization.load_pem_public_key(self.read()[1:])
        clear = password.encode() + b"\0"
        mask = (self.greeting.scramble * (len(clear) // 20 + 1))[:len(clear)]
        hidden = bytes(a ^ b for a, b in zip(clear, mask))
        self.write(key.encrypt(hidden, padding.OAEP(padding.MGF1(hashes.SHA1()), hashes.SHA1(), None)))

    # --- the command phase

    def command(self, code, payload=b""):
        self.sequence = 0
        self.write(bytes([code]) + payload)

    def query(self, text):
        """A statement's first answer packet (OK, or the column count)."""
        self.command(COM_QUERY, text if isinstance(text, bytes) else text.encode())
        return self.expect_ok()

    def result(self, text):
        """All payloads of a one-result answer without CLIENT_DEPRECATE_EOF, from column count to last EOF."""
        payloads, ends = [self.query(text)], 0
        if payloads[0][0] == 0:
            return payloads
        while ends < 2:
            payloads.append(self.expect_ok())
            ends += payloads[-1][0] == 0xFE and len(payloads[-1]) < 9
        return payloads

    def is_closed(self, deadline_s=30):
        """True when the peer closes; an ERR before that is passed over."""
        self.socket.settimeout(deadline_s)
        try:
            while self.socket.recv(65536):
                pass
            return True
        except ConnectionError:
            return True
        except socket.timeout:
            return False

    def close(self):
        self.socket.close()


def native_proof(password, scramble):
    if not password:
        return b""
    once = hashlib.sha1(password.encode()).digest()
    mask = hashlib.sha1(scramble + hashlib.sha1(once).digest()).digest()
    return bytes(a ^ b for a, b in zip(once, mask))


def sha2_proof(password, scramble):
    if not password:
        return b""
    once = hashlib.sha256(password.encode()).digest()
    mask = hashlib.sha256(hashlib.sha256(once).digest() + scramble).digest()
    return bytes(a ^ b for a, b in zip(once, mask))


def ed25519_proof(password, nonce):
    from pymysql import _auth  # needs PyNaCl, which few tests need
    return _auth.ed25519_password(password.encode(), nonce)


PROOFS = {"mysql_native_password": native_proof, "caching_sha2_password": sha2_proof, "client_ed25519": ed25519_proof}


def warnings_of(ok):
    """The warning count of an OK packet (protocol 4.1)."""
    at = 1
    for _ in range(2):
        at += {0xFC: 3, 0xFD: 4, 0xFE: 9}.get(ok[at], 1)
    return struct.unpack_from("<H", ok, at + 2)[0]
