"""Plays steps over one connection each, and says what was answered."""
import re
import struct
from collections import namedtuple

from eq_bound import LONG_DATA
from eq_schema import other_side

from lib.statements import (COM_STMT_CLOSE, COM_STMT_EXECUTE, COM_STMT_PREPARE, COM_STMT_RESET, COM_STMT_SEND_LONG_DATA,
    packed_execute)
from lib.wire import BASIC, COM_INIT_DB, COM_QUERY, FOUND_ROWS, MULTI_STATEMENTS, Client

COM_RESET_CONNECTION = 0x1F
IN_TRANSACTION, MORE_RESULTS = 1, 8
Answer = namedtuple("Answer", "what affected insert_id status warnings info rows number text", defaults=(0, 0, 0, 0, "", None, 0,
    ""))
UNIT = re.compile(r"is queued as unit (\d+)")


def take_number(data, at):
    first = data[at]
    if first < 251:
        return first, at + 1
    width = {0xFC: 2, 0xFD: 3, 0xFE: 8}[first]
    return int.from_bytes(data[at + 1:at + 1 + width], "little"), at + 1 + width


def take_row(data):
    row, at = [], 0
    while at < len(data):
        if data[at] == 0xFB:
            row.append(None)
            at += 1
        else:
            size, at = take_number(data, at)
            row.append(data[at:at + size])
            at += size
    return tuple(row)


class Link:
    def __init__(self, host, port, account, direct=False):
        self.host, self.port, self.account, self.direct = host, port, account, direct
        self.raw, self.statements, self.status = None, {}, 0
        self.texts, self.fresh, self.long_data = {}, set(), {}
        self.homes, self.types = {}, {}  # of each statement: the database in which it was prepared, and what was bound last

    def own(self, data):
        return other_side(data) if self.direct else data

    def close(self):
        if self.raw:
            self.raw.close()

    def play(self, step):
        """The answers; none for what has none."""
        return getattr(self, "do_" + step.do)(step)

    def ask(self, text):
        """One statement of the test's own."""
        self.raw.command(COM_QUERY, text if isinstance(text, bytes) else text.encode())
        return self.answers()[-1]

    # --- steps

    def do_connect(self, step):
        self.raw = Client(self.host, self.port, deadline_s=60)
        charset, found_rows = step.values
        ok = self.raw.login(self.account.user, self.account.password, self.own(step.name.encode()).decode(),
                            capabilities=BASIC | MULTI_STATEMENTS | (FOUND_ROWS if found_rows else 0), charset=charset)
        return [self.answer_ok(ok)]

    def do_query(self, step):
        return self.send_text(step.text)

    def send_text(self, text):
        self.raw.command(COM_QUERY, self.own(text))
        return self.answers()

    def do_init_db(self, step):
        self.raw.command(COM_INIT_DB, self.own(step.name.encode()))
        return self.answers()

    def do_reset_connection(self, step):
        self.raw.command(COM_RESET_CONNECTION)
        self.statements.clear()
        self.texts.clear()
        self.long_data.clear()
        return self.answers()

    def do_prepare(self, step):
        self.raw.command(COM_STMT_PREPARE, self.own(step.text))
        head = self.raw.read()
        if head[:1] == b"\xff":
            return [self.answer_error(head)]
        number, columns, parameters = struct.unpack_from("<IHH", head, 1)
        for count in (parameters, columns):
            for _ in range(count + 1 if count else 0):
                self.raw.read()
        self.statements[step.name] = number
        self.texts[step.name] = step
        self.fresh.add(step.name)
        self.types.pop(step.name, None)
        if self.direct:
            self.homes[step.name] = self.database()
        return [Answer("prepared", affected=parameters)]

    def number_of(self, step):
        return self.statements.get(step.name, 0xFFFFFF)

    def prepare_anew(self, step):
        """Directly each execution has a statement of its own: servers bind the types of an earlier one to later values (MySQL converts to
        them, MariaDB 10.11 takes long data for a number)."""
        if self.direct and not step.live and step.name in self.texts and step.name not in self.fresh:
            self.prepare_at_home(self.texts[step.name])
        self.fresh.discard(step.name)
        for part in self.long_data.pop(step.name, ()):
            self.send_long(part)

    def prepare_at_home(self, step):
        """A statement's names mean what they meant where it was prepared, whatever database is chosen since."""
        home, chosen = self.homes[step.name], self.database()
        self.ask(b"USE " + home)
        self.do_prepare(step)
        self.ask(b"USE " + chosen)

    def database(self):
        status = self.status  # as the step's own answers say it
        row = take_row(self.ask("SELECT DATABASE()").rows[0])
        self.status = status
        return row[0]

    def send_long(self, step):
        self.raw.command(COM_STMT_SEND_LONG_DATA, struct.pack("<IH", self.number_of(step), step.values[0]) + step.text)

    def do_execute(self, step):
        self.prepare_anew(step)
        values = [(kind, b"" if value is LONG_DATA else value) for kind, value in step.values]
        kinds = [kind for kind, _ in values]
        types = step.types or self.direct and self.types.get(step.name) != kinds  # after one that Holdwater has refused
        self.types[step.name] = kinds
        self.raw.command(COM_STMT_EXECUTE, packed_execute(self.number_of(step), values, types))
        return self.answers()

    def do_long(self, step):
        if self.direct:
            self.long_data.setdefault(step.name, []).append(step)  # an execution that was refused has used it up
        else:
            self.send_long(step)
        return []

    def do_reset(self, step):
        self.long_data.pop(step.name, None)
        self.raw.command(COM_STMT_RESET, struct.pack("<I", self.number_of(step)))
        return self.answers()

    def do_close(self, step):
        self.raw.command(COM_STMT_CLOSE, struct.pack("<I", self.statements.pop(step.name, 0xFFFFFF)))
        return []

    # --- answers

    def answers(self):
        out = []
        while True:
            out.append(self.one_answer())
            self.status = out[-1].status if out[-1].what != "error" else self.status
            if out[-1].what == "error" or not out[-1].status & MORE_RESULTS:
                return out

    def one_answer(self):
        head = self.raw.read()
        if head[:1] == b"\xff":
            return self.answer_error(head)
        if head[:1] == b"\0":
            return self.answer_ok(head)
        for _ in range(take_number(head, 0)[0] + 1):
            self.raw.read()
        rows = []
        while True:
            packet = self.raw.read()
            if packet[:1] == b"\xff":
                return self.answer_error(packet)
            if packet[:1] == b"\xfe" and len(packet) < 9:
                warnings, status = struct.unpack_from("<HH", packet, 1)
                return Answer("rows", status=status, warnings=warnings, rows=rows)
            rows.append(packet)

    @staticmethod
    def answer_ok(packet):
        affected, at = take_number(packet, 1)
        insert_id, at = take_number(packet, at)
        status, warnings = struct.unpack_from("<HH", packet, at)
        return Answer("ok", affected, insert_id, status, warnings, packet[at + 4:].decode(errors="replace"))

    @staticmethod
    def answer_error(packet):
        number = struct.unpack_from("<H", packet, 1)[0]
        return Answer("error", number=number, text=packet[3:].decode(errors="replace"))


def rows_of(answer):
    return [take_row(each.replace(b"eqd", b"eqq")) for each in answer.rows]


def unit_of(answer):
    found = UNIT.search(answer.info)
    return int(found.group(1)) if found else None


def is_ours(answer):
    return answer.what == "error" and "Holdwater: " in answer.text
