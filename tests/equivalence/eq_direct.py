"""The direct side: what Holdwater has acknowledged, executed at the server itself, statement for statement, and compared."""
import re
from collections import Counter, namedtuple

from eq_link import IN_TRANSACTION, Link, is_ours, rows_of, unit_of
from eq_writes import UPSERT

TRANSACTION_LOST, UNKNOWN_STATEMENT = 1213, (1210, 1243, 1615)  # 1210: other words for a bound value that does not fit
SLACK_S = 0.05  # between this program's clock readings and the proxy's
BEGINS = re.compile(rb"\s*(/\*.*?\*/\s*)?(BEGIN|START)", re.IGNORECASE)
ENDS = re.compile(rb"\s*(/\*.*?\*/\s*)?(COMMIT|BEGIN|START|SET autocommit = 1)", re.IGNORECASE)
Played = namedtuple("Played", "step answers sent answered")


def answer_id(answer):
    return answer.insert_id or (answer.what == "rows" and answer.rows)


def is_rollback(step):
    if step.do == "reset_connection":
        return True
    return step.do == "query" and step.text.upper().lstrip().startswith(b"ROLLBACK") and not step.savepoint


class Direct:
    def __init__(self, server, account, units, dead, say):
        self.server, self.account, self.units, self.dead, self.say = server, account, units, dead, say
        self.mariadb = server.kind != "mysql"
        self.links, self.open, self.unprepared = {}, {}, {}
        self.unsure = set()  # sessions whose last write was an upsert, or failed at its second row: nobody was told its id
        self.failed = set()  # sessions whose last write failed, which may have begun a transaction: no error tells of it
        self.counts, self.seen_dead, self.trace = Counter(), set(), None

    def close(self):
        for link in self.links.values():
            link.close()

    # --- what was acknowledged, and what belongs together

    def feed(self, played):
        step, answers = played.step, played.answers
        refused = bool(answers) and answers[-1].what == "error" and (not step.live or is_ours(answers[-1]) or answers[-1].number == TRANSACTION_LOST)
        if refused:
            self.counts["refused"] += 1
            if step.do == "execute":  # its long data is used up
                self.links[step.session].long_data.pop(step.name, None)
                group = self.open.get(step.session, [])
                group[:] = [each for each in group if each.step.do != "long" or each.step.name != step.name]
            if answers[-1].number == TRANSACTION_LOST or ENDS.match(step.text):
                self.carry_out(step.session, undone=True)
            if len(answers) == 1:
                return
        if BEGINS.match(step.text) and self.open.get(step.session):  # it commits what is open
            self.carry_out(step.session, number=next((unit_of(each) for each in answers), None) or -1)
        group = self.open.setdefault(step.session, [])
        group.append(played)
        states = [each.status for each in answers if each.what in ("ok", "rows")]
        inside = bool(states[-1] & IN_TRANSACTION) if states else len(group) > 1
        if not inside:
            self.carry_out(step.session)

    def end(self):
        for session in list(self.open):
            self.carry_out(session, undone=True)

    def surviving(self, group):
        """(place in the group, part) of each write that is in the transaction at its end."""
        kept, savepoints = [], []
        for at, each in enumerate(group):
            if each.step.savepoint and each.answers[-1].what == "ok":
                what, name = each.step.savepoint
                if what == "set":
                    savepoints = [one for one in savepoints if one[0] != name] + [(name, len(kept))]
                else:
                    place = next((i for i, one in enumerate(savepoints) if one[0] == name), None)
                    if place is not None:
                        if what == "to":
                            kept = kept[:savepoints[place][1]]
                            savepoints = savepoints[:place + 1]
                        else:
                            savepoints = savepoints[:place]
            for part, answer in enumerate(each.answers[:len(each.step.writes)]):
                if answer.what != "error":
                    kept.append((at, part))
        return kept

    def carry_out(self, session, undone=False, number=None):
        group = self.open.pop(session, [])
        if not group:
            return
        given_up = undone
        undone = undone or is_rollback(group[-1].step)
        together = len(group) > 1 or number is not None
        kept = [] if undone else self.surviving(group)
        if together and not undone:
            numbers = [number] if number and number > 0 else [unit_of(answer) for each in group[1:] for answer in each.answers if unit_of(answer)]
            context = {}
            if numbers:
                self.check(len(numbers) == 1, group[-1], f"a transaction is several units: {numbers}")
                listed = self.units.get(numbers[0])
                self.check(listed is None or len(listed) == len(kept), group[-1],
                    f"unit {numbers[0]} has {listed and len(listed)} statements, {len(kept)} were acknowledged")
                context = dict(zip(kept, listed or ()))
            self.transaction(session, group, kept, context, numbers[0] if numbers else None)
            if number:  # the BEGIN behind it is carried out with what it begins
                self.link(session).ask("COMMIT")
        elif together or given_up and group[0].step.do != "connect":
            self.transaction(session, group, [], {}, None)
            self.link(session).ask("ROLLBACK")
        else:
            self.alone(session, group[0])
        begun = self.link(session).status & IN_TRANSACTION and session not in self.failed
        self.check(not begun, group[-1], "directly a transaction is open behind it")

    # --- carrying out

    def link(self, session):
        return self.links[session]

    def alone(self, session, each):
        step = each.step
        if step.do == "connect":
            self.links[session] = Link("127.0.0.1", self.server.port, self.account, direct=True)
            self.links[session].play(step)
            return
        if not step.writes:
            self.one(session, each, None, None)
            return
        for part, answer in enumerate(each.answers[:len(step.writes)]):
            if answer.what == "error" and not step.live:
                continue
            number = unit_of(answer)
            listed = self.units.get(number)
            context = listed[0] if listed else None
            if listed is not None:
                self.check(len(listed) == 1, each, f"unit {number} has {len(listed)} statements, not one")
            self.check(step.live or number is not None or not self.units, each,
                f"a write is acknowledged and not queued: {answer}")
            failed = self.one(session, each, context, part)
            self.judge_dead(each, number, failed, step.live)
            if failed and answer.insert_id and step.writes[part].generates:
                self.link(session).ask(f"SET last_insert_id = {answer.insert_id}")

    def transaction(self, session, group, kept, context, number):
        failed, told = None, 0
        for at, each in enumerate(group):
            step = each.step
            parts = range(len(step.writes)) if step.writes else [None]
            for part in parts:
                if part is not None:
                    answer = each.answers[part] if part < len(each.answers) else None
                    if answer is None or (answer.what == "error" and not step.live):
                        continue
                    told = answer.insert_id if answer.insert_id and step.writes[part].generates else told
                    if failed:
                        self.link(session).long_data.pop(step.name, None)
                        continue
                if failed and (step.savepoint or ENDS.match(step.text) or step.asks):
                    continue
                trouble = self.one(session, each, context.get((at, part)), part, inside=True)
                if trouble and (at, part) in kept and not step.live:
                    failed = trouble
                    self.link(session).ask("ROLLBACK")
        if number is not None or failed:
            self.judge_dead(group[-1], number, failed, group[-1].step.live)
        if failed and told:
            self.link(session).ask(f"SET last_insert_id = {told}")
        if failed and group[-1].step.text.startswith(b"SET autocommit"):
            self.link(session).ask("SET autocommit = 1")

    def judge_dead(self, each, number, failed, live):
        if live:
            return
        self.counts["dead"] += number in self.dead
        if number is not None:
            self.seen_dead.add(number)
        wrong = self.dead.get(number)
        if failed is None:
            self.check(wrong is None, each, f"unit {number} is a dead letter ({wrong}), and the server takes it directly")
        elif failed not in UNKNOWN_STATEMENT:
            self.check(wrong is not None, each, f"unit {number} was applied, and directly the server refuses it: {failed}")
            self.check(wrong in (None, failed), each,
                f"unit {number} is a dead letter for {wrong}, and directly the error is {failed}")

    def one(self, session, each, context, part, inside=False):
        """Plays one step, or one write of several. The number of the server's error, or None."""
        step, link = each.step, self.link(session)
        answer = each.answers[part or 0] if each.answers else None
        write = step.writes[part] if part is not None else None
        forced = self.prepare_context(link, each, answer, write, context)
        if write is not None and len(step.writes) > 1:
            answers = link.send_text(write.data)
        elif step.do == "execute" and step.name in self.unprepared.get(session, {}):
            return self.unprepared[session][step.name]
        else:
            answers = link.play(step)
        mine = answers[-1] if answers else None
        if write is not None:
            (self.failed.add if mine.what == "error" else self.failed.discard)(session)
        if self.trace:
            self.trace(step, part, context, answers)
        if step.do == "prepare":
            self.unprepared.setdefault(session, {}).pop(step.name, None)
            if mine.what == "error":
                self.unprepared[session][step.name] = mine.number
        if forced and (mine.what == "error" or mine.insert_id != forced):
            self.drop_forced(link, forced)
        if write is not None and mine.what == "error" and not step.live and write.generates and answer.insert_id:
            link.ask(f"SET last_insert_id = {answer.insert_id}")  # as it was told
        self.counts["writes" if write else "others"] += 1
        self.compare(each, answer, mine, write, inside)
        return mine.number if mine is not None and mine.what == "error" else None

    def prepare_context(self, link, each, answer, write, context):
        """The moment that NOW() is, and the id that comes next. Returns that id."""
        if write is None:
            return None
        forced = 0
        if write.generates:
            forced = int(rows_of(answer)[0][0]) if answer.what == "rows" and answer.rows else answer.insert_id
        if context:
            timestamp, insert_id = context
            at = float(timestamp)
            self.check(each.sent - SLACK_S <= at <= each.answered + SLACK_S, each,
                f"its time is {timestamp}, it was sent at {each.sent:.6f} and answered at {each.answered:.6f}")
            if insert_id and answer.insert_id and write.generates:
                self.check(insert_id == answer.insert_id, each, f"the id {answer.insert_id} was told, and {insert_id} is queued")
            forced = insert_id or 0
            link.ask(f"SET timestamp = {timestamp}" + (f", insert_id = {forced}" if forced else ""))
        elif forced:
            link.ask(f"SET insert_id = {forced}")
        return forced

    def drop_forced(self, link, forced):
        """An id that no row has taken is not to be taken by a later one."""
        left = rows_of(link.ask("SELECT @@insert_id, LAST_INSERT_ID()"))[0]
        if left[0] != str(forced).encode():
            return
        if self.mariadb:
            link.ask("SET insert_id = 0")
        else:
            link.ask("INSERT INTO eqd1.scratch VALUES (NULL)")
            link.ask(f"SET last_insert_id = {left[1].decode()}")

    # --- comparing

    def check(self, right, each, words):
        if not right:
            self.say(each.step, words)

    def compare(self, each, told, mine, write, inside):
        step = each.step
        if told is None or mine is None:
            return
        if write is not None and write.generates and answer_id(told):
            self.unsure.discard(step.session)
        elif write is not None and (write.generates and mine.what == "error" if step.live else UPSERT.search(write.text)):
            self.unsure.add(step.session)
        if step.asks and b"LAST_INSERT_ID" in step.text and step.session in self.unsure:
            return
        if step.asks or step.live:
            self.counts["compared answers"] += 1
            same = told.what == mine.what and told.number == mine.number
            if told.what == "rows" and same:
                same = rows_of(told) == rows_of(mine)
                self.check(same, each, f"answered {rows_of(told)}, directly {rows_of(mine)}")
                return
            self.check(same, each, f"answered {told}, directly {mine}")
            if step.live and same and write is not None:
                self.check(told.affected == mine.affected, each, f"answered {told}, directly {mine}")
            return
        if write is None:
            self.check(told.what == mine.what and (told.what != "prepared" or told.affected == mine.affected) or step.do == "prepare" or not step.text.upper().startswith(b"SET"), each,
                       f"answered {told}, directly {mine}")
            return
        if mine.what == "error":
            return
        if write.rows is not None:
            self.check(told.affected == mine.affected, each, f"{told.affected} rows were told, directly {mine.affected}")
        # what the OK of rows that name their ids themselves says is documented as 0
        if not (told.insert_id == 0 and (UPSERT.search(write.text) or not write.generates)):
            self.check(told.insert_id == mine.insert_id, each, f"the id {told.insert_id} was told, directly {mine.insert_id}")
