"""MariaDB's newest C library, told to verify the server's certificate: logs in, and changes its user.

    verifying.py LIBRARY HOST PORT USER PASSWORD [USER PASSWORD ...]

Prints a line for the login and for each change of user: what SELECT CURRENT_USER() gives, or the error's number.
"""
import ctypes
import sys

VERIFY_SERVER_CERT = 21  # enum mysql_option


def bind(path):
    library = ctypes.CDLL(path)
    pointer, text = ctypes.c_void_p, ctypes.c_char_p
    for name, gives, takes in (("mysql_init", pointer, [pointer]), ("mysql_error", text, [pointer]),
                               ("mysql_errno", ctypes.c_uint, [pointer]),
                               ("mysql_options", ctypes.c_int, [pointer, ctypes.c_int, pointer]),
                               ("mysql_real_connect", pointer, [pointer, text, text, text, text, ctypes.c_uint, text, ctypes.c_ulong]),
                               ("mysql_change_user", ctypes.c_int, [pointer, text, text, text]),
                               ("mysql_get_ssl_cipher", text, [pointer]), ("mysql_query", ctypes.c_int, [pointer, text]),
                               ("mysql_store_result", pointer, [pointer]), ("mysql_free_result", None, [pointer]),
                               ("mysql_fetch_row", ctypes.POINTER(text), [pointer])):
        function = getattr(library, name)
        function.restype, function.argtypes = gives, takes
    return library


def main(path, host, port, *accounts):
    library = bind(path)
    connection = library.mysql_init(None)
    library.mysql_options(connection, VERIFY_SERVER_CERT, ctypes.byref(ctypes.c_char(1)))

    def tell(failed):
        failed = failed or library.mysql_query(connection, b"SELECT CURRENT_USER()")
        if failed:
            print(library.mysql_errno(connection), library.mysql_error(connection).decode())
            return
        result = library.mysql_store_result(connection)
        print(library.mysql_fetch_row(result)[0].decode())
        library.mysql_free_result(result)

    user, password, *rest = (one.encode() for one in accounts)
    tell(not library.mysql_real_connect(connection, host.encode(), user, password, None, int(port), None, 0))
    assert library.mysql_get_ssl_cipher(connection), "it is encrypted"
    for user, password in zip(rest[::2], rest[1::2]):
        tell(library.mysql_change_user(connection, user, password, None))


main(*sys.argv[1:])
