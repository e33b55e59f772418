"""Real applications for test_browsing.py: how each is installed through a proxy and served, which pages are visited, and what it
writes. `ever_new` are the patterns of what such an application makes anew for each request; everything else of a page has to be
the same, byte for byte."""
import os

from lib.browsing import Browser, WebServer
from lib.clients import FOLDER, PYTHON, Missing, need, need_module, tool
from lib.process import tail

PASSWORD = "a long secret 7"


class SiteBase:
    settles_s = 0  # after a write, until what a page asks is what it always asks
    def __init__(self, proxy, folder):
        self.proxy, self.folder, self.web = proxy, str(folder), None

    def close(self):
        if self.web:
            self.web.close()

    def log(self):
        return tail(self.web.log, 60)

    def visitors(self):
        """[(browser, paths)]: who has logged in, and who has not."""
        raise NotImplementedError

    def write(self, browser, number):
        """Writes something, the number-th time; each time something that it can write without its server too."""
        raise NotImplementedError

    def check_written(self, server, count):
        """All that write() has written is on the server, once each, and in its order."""
        raise NotImplementedError


class DjangoAdmin(SiteBase):
    """Debian's Django with its admin; `sessions`: where they are, Django's SESSION_ENGINE."""
    timed = ("django_session",)  # the tables for a rule with times_are_now
    ever_new = [rb'name="csrfmiddlewaretoken" value="[^"]*"']
    sessions = "signed_cookies"
    BOOKS = "/admin/shop/book/"
    PATHS = ["/admin/", "/admin/shop/", BOOKS, BOOKS + "?p=2", BOOKS + "?q=7", BOOKS + "?o=-1.2", BOOKS + "?author__id__exact=2",
             BOOKS + "?published__year=2021", BOOKS + "add/", BOOKS + "3/change/", BOOKS + "3/history/", BOOKS + "3/delete/",
             "/admin/shop/author/", "/admin/shop/author/1/change/", "/admin/auth/user/", "/admin/auth/user/1/change/",
             "/admin/auth/group/", "/admin/password_change/", "/admin/jsi18n/"]

    @staticmethod
    def check():
        need_module("django")
        need_module("MySQLdb")

    def start(self):
        proxy = self.proxy
        command = [PYTHON, os.path.join(FOLDER, "sites", "django_admin.py"), proxy.host, str(proxy.port), proxy.account.user,
                   proxy.account.password, proxy.database, self.sessions]
        tool([*command, "fill", PASSWORD])
        self.web = WebServer(lambda port: [*command, "serve", str(port)], self.folder)

    def log_in(self):
        browser, path = Browser(self.web.port), "/admin/login/?next=/admin/"
        form = browser.get(path)
        done = browser.post(path, username="keeper", password=PASSWORD, csrfmiddlewaretoken=form.field("csrfmiddlewaretoken"))
        assert done.status == 302, f"{done}\n{self.log()}"
        return browser

    def visitors(self):
        return [(self.log_in(), self.PATHS), (Browser(self.web.port), ["/admin/login/"])]

    def write(self, browser, number):
        """A book is added and another one changed, as Django does it: in a transaction, with an entry in its log."""
        for path in (self.BOOKS + "add/", self.BOOKS + "5/change/"):
            form = browser.get(path)
            done = browser.post(path, title=f"{path.split('/')[-2]} {number}", author="2", price="7.50", published="2024-02-29",
                                csrfmiddlewaretoken=form.field("csrfmiddlewaretoken"))
            assert done.status == 302, f"{path}: {done}\n{self.log()}"
            assert b"successfully" in browser.get(done.location).body

    def check_written(self, server, count):
        # not by their ids: one that was made in an outage is from a block that was reserved before
        def same(question, expected):
            found = [row for row, in server.run(question, database=self.proxy.database)]
            assert found == expected, f"{question}: {found}"
        same("SELECT title FROM shop_book WHERE title LIKE 'add %' ORDER BY title", [f"add {n}" for n in range(count)])
        same("SELECT title FROM shop_book WHERE id = 5", [f"change {count - 1}"])
        same("SELECT object_repr FROM django_admin_log ORDER BY action_time",
             [f"{what} {n}" for n in range(count) for what in ("add", "change")])


class DjangoAdminWithSessionsInTheDatabase(DjangoAdmin):
    sessions = "db"  # Django's default


class MediaWiki(SiteBase):
    """Debian's MediaWiki, as its own installer sets it up where PHP has APCu; jobs are left to cron, as on any busy wiki."""
    timed = ("recentchanges", "objectcache")
    settles_s = 12  # it keeps what was just written out of its caches for 11 s (WANObjectCache::HOLDOFF_TTL), and asks otherwise then
    ever_new = [rb'"wgRequestId":"[^"]*"', rb'"wgBackendResponseTime":\d+', rb'"(patrol|watch|csrf)Token":"[^"]*"',
                rb'value="[0-9a-f]*\+\\\\?" name="(?:wp\w*T|t)oken"', rb'name="wp\w*Token"[^>]*value="[0-9a-f]*\+\\\\?"',
                rb'value="\d{14}" name="wpStarttime"', rb'<a [^>]*;from=\d{14}[^>]*>[^<]*</a>',
                rb'<span class="wlinfo".*?</span>']
    ITEM = "/index.php?title="
    FOR_ALL = [ITEM + "Main_Page", ITEM + "Umbrella", ITEM + "Boots", ITEM + "Category:Rain", ITEM + "Template:Note", ITEM + "Nowhere",
               ITEM + "Umbrella&action=history", ITEM + "Umbrella&action=info", ITEM + "Umbrella&action=edit",
               ITEM + "Umbrella&action=raw", "/index.php?search=rubber&title=Special:Search&fulltext=1",
               ITEM + "Special:RecentChanges", ITEM + "Special:AllPages", ITEM + "Special:Version", ITEM + "Special:Statistics",
               ITEM + "Special:Log", ITEM + "Special:WhatLinksHere/Boots", ITEM + "Special:Contributions/Keeper",
               ITEM + "Special:ListUsers", "/api.php?action=query&list=allpages&format=json",
               "/api.php?action=parse&page=Umbrella&format=json", "/load.php?lang=en&modules=startup&only=scripts&raw=1&skin=vector"]
    FOR_MEMBERS = [ITEM + "Special:Watchlist", ITEM + "Special:EditWatchlist", ITEM + "Boots&action=watch"]
    TEXTS = {"Umbrella": "An [[umbrella]] is waterproof, see [[Boots]]. {{Note}} [[Category:Rain]]",
             "Boots": "Of rubber, waterproof. {{Note}} [[Category:Rain]]", "Template:Note": "'''Keep dry.'''"}

    @staticmethod
    def home():
        return os.path.join(os.environ.get("HOLDWATER_MEDIAWIKI_HOME", os.path.expanduser("~/.cache/holdwater-mediawiki")),
                            "root/usr/share/mediawiki")

    @classmethod
    def check(cls):
        need("php")
        if not os.path.exists(cls.home()):
            raise Missing("MediaWiki is not there: run tests/servers/mediawiki.sh")
        have = tool(["php", "-m"]).lower().split()
        for module in ("apcu", "intl", "mbstring", "mysqli", "xml"):
            if module not in have:
                raise Missing(f"PHP's {module} is not there: run tests/install.sh clients")

    def start(self):
        self.web = WebServer(lambda port: ["php", "-d", "display_errors=0", "-S", f"127.0.0.1:{port}", "-t", self.home()],
                             self.folder, env={**os.environ, "MW_CONFIG_FILE": self.folder + "/LocalSettings.php"})
        account = self.proxy.account
        self.maintain("install", "--dbserver", f"{self.proxy.host}:{self.proxy.port}", "--dbname", self.proxy.database, "--dbuser",
                      account.user, "--dbpass", account.password, "--installdbuser", account.user, "--installdbpass",
                      account.password, "--pass", PASSWORD, "--confpath", self.folder, "--server",
                      f"http://127.0.0.1:{self.web.port}", "--scriptpath", "", "--skins", "Vector", "Holdwater", "Keeper")
        with open(self.folder + "/LocalSettings.php", "a") as file:
            file.write(f"\n$wgJobRunRate = 0; $wgShowExceptionDetails = true; $wgCacheDirectory = '{self.folder}';\n"
                       "$wgParserCacheType = CACHE_ACCEL; $wgSessionCacheType = CACHE_ACCEL;\n"
                       "$wgEnableParserLimitReporting = false; // times of rendering, in each page\n")
        files = [f"{self.folder}/{title}.txt" for title in self.TEXTS]
        for path, text in zip(files, self.TEXTS.values()):
            with open(path, "w") as file:
                file.write(text)
        self.maintain("importTextFiles", "--user", "Keeper", *files)
        self.maintain("runJobs")

    def to_watch(self, title):
        return f"{self.ITEM}{title}&action=watch"

    def maintain(self, script, *arguments):
        tool(["php", f"{self.home()}/maintenance/{script}.php", *arguments], MW_CONFIG_FILE=self.folder + "/LocalSettings.php")

    def log_in(self):
        browser, path = Browser(self.web.port), self.ITEM + "Special:UserLogin"
        form = browser.get(path)
        done = browser.post(path, wpName="Keeper", wpPassword=PASSWORD, authAction="login",
                            **{name: form.field(name) for name in ("wpLoginToken", "wpEditToken")})
        assert done.status == 302, f"{done}\n{self.log()}"
        return browser

    def visitors(self):
        return [(self.log_in(), self.FOR_ALL + self.FOR_MEMBERS), (Browser(self.web.port), self.FOR_ALL)]

    def write(self, browser, number):
        """A page is put on the watchlist. (MediaWiki edits none without its server: it wants locks of it.)"""
        path = self.to_watch(list(self.TEXTS)[number])
        done = browser.post(path, wpEditToken=browser.get(path).field("wpEditToken"))
        assert done.status in (200, 302) and b"errorbox" not in done.body, f"{path}: {done}\n{self.log()}"

    def check_written(self, server, count):
        rows = server.run("SELECT wl_title FROM watchlist WHERE wl_namespace % 2 = 0", database=self.proxy.database)
        assert sorted(title.decode() for title, in rows) == sorted(title.split(":")[-1] for title in list(self.TEXTS)[:count]), rows


SITES = {"django": DjangoAdmin, "django-db": DjangoAdminWithSessionsInTheDatabase, "mediawiki": MediaWiki}
