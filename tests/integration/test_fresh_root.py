"""The Debian package on a Debian of its own: apt brings what it needs, the unit's command plays the story of the quickstart, a
purge leaves what the manual says. With --long, as root: some 100 MB are downloaded into a folder, and chroot(8) goes there.

HOLDWATER_FRESH_ROOT names a folder in which `debootstrap --variant=minbase bookworm` has been; otherwise one is made.
"""
import configparser
import os
import shutil
import subprocess

import pytest

from conftest import LONG, make_database
from lib.proxy import Proxy
from lib.sql import run, spooled_seq

pytestmark = [pytest.mark.limit(1800), pytest.mark.skipif(not LONG, reason="with --long"),
              pytest.mark.skipif(os.geteuid() != 0, reason="chroot(8) needs root")]


class FreshRoot:
    def __init__(self, folder):
        self.folder = folder

    def run(self, *command):
        done = subprocess.run(["chroot", self.folder, *command], capture_output=True, text=True,
                              env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C.UTF-8"})
        assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
        return done.stdout

    def path(self, inside):
        return self.folder + inside

    def files(self):
        """All but what the package manager writes for itself."""
        kept = ("/proc/", "/sys/", "/dev/", "/tmp/", "/var/lib/apt/", "/var/cache/", "/var/log/", "/var/lib/dpkg/", "/run/")
        return {name for name in self.run("find", "/", "-xdev").split("\n") if name and not name.startswith(kept)}

    def unit(self):
        parser = configparser.ConfigParser(strict=False, interpolation=None)
        parser.optionxform = str
        parser.read(self.path("/usr/lib/systemd/system/holdwater.service"))
        return parser["Service"]


@pytest.fixture(scope="module")
def fresh_root(tmp_path_factory):
    folder = os.environ.get("HOLDWATER_FRESH_ROOT")
    if not folder:
        assert shutil.which("debootstrap"), "debootstrap is not installed"
        folder = str(tmp_path_factory.mktemp("debian"))
        done = subprocess.run(["debootstrap", "--variant=minbase", "bookworm", folder], capture_output=True, text=True)
        assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    shutil.copy("/etc/resolv.conf", folder + "/etc/resolv.conf")
    yield FreshRoot(folder)


class Service(Proxy):
    """The unit's own command, as its user, with its variables."""

    def __init__(self, root, fresh, server, account, database):
        super().__init__(root, server, account, database)
        unit = fresh.unit()
        words = unit["ExecStart"].split()
        assert words[0] == "/usr/bin/holdwater" and unit["User"] == "holdwater"
        for kind, place in (("StateDirectory", "/var/lib/"), ("LogsDirectory", "/var/log/")):
            fresh.run("install", "-d", "-o", unit["User"], "-g", unit["Group"], "-m", unit[kind + "Mode"], place + unit[kind])
        self.launcher = ["chroot", f"--userspec={unit['User']}:{unit['Group']}", fresh.folder, "sh", "-c",
                         f"umask {unit['UMask']}; set -a; . /etc/default/holdwater; exec {' '.join(words)}", "sh"]
        self.data = fresh.path("/var/lib/" + unit["StateDirectory"])
        with open(fresh.path("/etc/default/holdwater"), "w", encoding="utf-8") as file:
            for name, value in {**self.settings, "HOLDWATER_LISTEN": f"{self.host}:{self.port}",
                                "HOLDWATER_ADMIN_LISTEN": f"{self.host}:{self.admin_port}"}.items():
                file.write(f"{name}={value}\n")
        self.settings = {}


def test_the_package_plays_the_story_on_a_fresh_root(fresh_root, package, mariadb, root, request):
    shutil.copy(package, fresh_root.path("/tmp/holdwater.deb"))
    fresh_root.run("apt-get", "update", "-q")
    before = fresh_root.files()
    fresh_root.run("apt-get", "install", "-y", "--no-install-recommends", "/tmp/holdwater.deb")
    assert "the configuration is valid" in fresh_root.run("holdwater", "--config", "/etc/holdwater/holdwater.toml", "--check-config")

    database, account = make_database(mariadb)
    service = Service(root, fresh_root, mariadb, account, database)
    service.start()
    status = None
    try:
        connection = service.connect()
        run(connection, "CREATE TABLE story (id INT PRIMARY KEY AUTO_INCREMENT, said VARCHAR(40)) ENGINE=InnoDB")
        run(connection, "INSERT INTO story (said) VALUES ('the server is up')")
        service.wait_ids_reserved("story")
        mariadb.stop()
        service.wait_state("down")
        spooled_seq(connection, "INSERT INTO story (said) VALUES ('the server is away')")
        status = fresh_root.run("sh", "-c", f"holdwater status --json --admin http://127.0.0.1:{service.admin_port} || test $? = 1")
        assert '"pending": 1' in status or '"pending":1' in status, status
        service.kill()
        service.start()
        mariadb.start()
        service.wait_drained()
        assert [said for said, in mariadb.run(f"SELECT said FROM {database}.story ORDER BY id")] == ["the server is up", "the server is away"]
    finally:
        if service.child:
            status = service.stop()
    assert status == 0
    fresh_root.run("dpkg", "--purge", "holdwater")
    left = {name for name in fresh_root.files() - before if "holdwater" in name}
    assert left and all(name.startswith(("/var/lib/holdwater", "/etc/default/holdwater")) for name in left), left
    assert "/var/lib/holdwater/spool.db" in left, "a queue is never removed"
    shutil.rmtree(fresh_root.path("/var/lib/holdwater"))
    os.unlink(fresh_root.path("/etc/default/holdwater"))
    fresh_root.run("apt-get", "install", "-y", "--no-install-recommends", "/tmp/holdwater.deb")
    fresh_root.run("dpkg", "--purge", "holdwater")
    assert not {name for name in fresh_root.files() - before if "holdwater" in name}
