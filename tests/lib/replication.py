"""One server of the tests that follows another."""
from lib.proxy import Account

REPLICATOR = Account("replicator", "secret")


def source_of_replication(server, rights_on):
    """Makes the account that replicas come with; the server must have been started with --log-bin and a --server-id."""
    server.create_account(REPLICATOR.user, REPLICATOR.password, rights_on)
    server.run(f"GRANT REPLICATION SLAVE ON *.* TO {REPLICATOR.user}")


def word(server):
    """What a replica is called in the server's own statements."""
    return "SLAVE" if server.kind == "mariadb" else "REPLICA"


def position(server):
    return server.run("SHOW MASTER STATUS" if server.kind == "mariadb" else "SHOW BINARY LOG STATUS")[0][:2]


def follow(replica, source, begin):
    """From `begin` on, a position of the source."""
    mariadb = source.kind == "mariadb"
    master = "MASTER" if mariadb else "SOURCE"
    replica.run(f"CHANGE {'MASTER' if mariadb else 'REPLICATION SOURCE'} TO {master}_HOST='{source.host}', {master}_PORT={source.port}, "
                f"{master}_USER='{REPLICATOR.user}', {master}_PASSWORD='{REPLICATOR.password}', {master}_CONNECT_RETRY=1, "
                f"{master}_LOG_FILE='{begin[0]}', {master}_LOG_POS={begin[1]}" + ("" if mariadb else ", SOURCE_SSL=0, GET_SOURCE_PUBLIC_KEY=1"),
                f"START {word(replica)}")


def promote(replica):
    """It follows nobody any more, and takes writes."""
    replica.run(f"STOP {word(replica)}", f"RESET {word(replica)} ALL", "SET GLOBAL read_only = 0")
