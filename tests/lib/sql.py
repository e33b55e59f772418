"""Small words for tests that talk SQL through PyMySQL."""
import re

import pymysql

IN_DOUBT_OR_GONE = (pymysql.err.OperationalError, pymysql.err.InternalError, pymysql.err.InterfaceError)


def run(connection, statement, args=None):
    """Runs one statement; returns its rows, or () when it has none."""
    with connection.cursor() as cursor:
        cursor.execute(statement, args)
        return cursor.fetchall()


def affected(connection, statement, args=None):
    with connection.cursor() as cursor:
        return cursor.execute(statement, args)


def value(connection, statement, args=None):
    return run(connection, statement, args)[0][0]


def error_number(connection, statement):
    """The error that a statement must meet: (number, text)."""
    try:
        answer = run(connection, statement)
    except pymysql.err.MySQLError as error:
        return error.args[0], str(error.args[1])
    raise AssertionError(f"{statement!r} was accepted: {answer!r}")


def spooled_seq(connection, statement, args=None):
    """Runs a write that must be spooled: an OK with one warning, whose Note names the seq. Returns the seq."""
    with connection.cursor() as cursor:
        cursor.execute(statement, args)
        warnings = cursor._result.warning_count
        cursor.execute("SHOW WARNINGS")
        notes = cursor.fetchall()
    assert warnings == 1, f"{statement!r} came back with {warnings} warnings, so it was not spooled"
    assert len(notes) == 1 and notes[0][0] == "Note", notes
    numbers = re.findall(r"\d+", notes[0][2])
    assert numbers, f"the note names no seq: {notes[0][2]!r}"
    return int(numbers[-1])


def was_spooled(connection, statement):
    with connection.cursor() as cursor:
        cursor.execute(statement)
        return cursor._result.warning_count == 1


def was_refused_for_outage(connection, statement):
    """The statement must meet a clear error that is no broken connection."""
    number, text = error_number(connection, statement)
    assert number not in (2006, 2013, 0), f"{statement!r}: connection lost: {number} {text}"
    assert text, "an error without words"
    return number, text
