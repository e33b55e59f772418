"""Strikes over a connection of the server's administrator, past the proxy."""
import pymysql


class AdminStrikes:
    def flip_read_only(self):
        variable = "super_read_only" if self.server.kind == "mysql" and self.rng.random() < 0.5 else "read_only"
        admin = self.server.admin(read_timeout=30)
        try:
            run(admin, "SET lock_wait_timeout = 3")
            run(admin, f"SET GLOBAL {variable} = 1")
            self.say(f"{variable} is on")
            self.pause(0.1, 3)
        except pymysql.err.MySQLError as error:
            self.say(f"{variable} cannot be set: {error}")
        run(admin, "SET GLOBAL read_only = 0")
        admin.close()
        self.say("the server takes writes")

    def kill_connections(self):
        self.kill_some("KILL CONNECTION")

    def kill_queries(self):
        self.kill_some("KILL QUERY")

    def kill_some(self, how):
        admin = self.server.admin(read_timeout=30)
        for _ in range(self.rng.randrange(1, 6)):
            # information_schema's list is no use: MySQL 9.7 fails on a statement in it that has an emoji (error 3854)
            ids = sorted(row[0] for row in run(admin, "SHOW PROCESSLIST") if row[1] == "chaos")
            for one in self.rng.sample(ids, min(len(ids), self.rng.randrange(1, 5))):
                try:
                    run(admin, f"{how} {one}")
                    self.say(f"{how} {one}")
                except pymysql.err.MySQLError:
                    pass  # it has gone by itself
            self.pause(0.01, 0.3)
        admin.close()


def run(connection, statement):
    with connection.cursor() as cursor:
        cursor.execute(statement)
        return cursor.fetchall()
