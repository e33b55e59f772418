// The sources together: which one wins, and what is told about each.
#include "proxy/config/load_options.hpp"
#include "proxy/config/reason_of.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <tuple>
#include <unistd.h>

using namespace holdwater::proxy;
using namespace std::chrono_literals;

namespace {

// A file that is gone after the test.
class temporary_file {
 public:
  explicit temporary_file(const std::string& text, const std::string& name = "options.toml")
      : path_(std::filesystem::temp_directory_path() /
              ("holdwater_" + std::to_string(getpid()) + "_" + name)) {
    std::ofstream(path_) << text;
    std::filesystem::permissions(path_,
                                 std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
  }
  temporary_file(const temporary_file&) = delete;
  temporary_file& operator=(const temporary_file&) = delete;
  ~temporary_file() { std::filesystem::remove(path_); }

  [[nodiscard]] std::string path() const { return path_.string(); }

 private:
  std::filesystem::path path_;
};

load_result load(std::vector<std::string> arguments, const environment& variables = {}) {
  std::vector<const char*> argv{"holdwater"};
  for (const auto& one : arguments) argv.push_back(one.c_str());
  return load_options(static_cast<int>(argv.size()), argv.data(), variables);
}

loaded_options loaded(std::vector<std::string> arguments, const environment& variables = {}) {
  auto result = load(std::move(arguments), variables);
  const auto* ended = std::get_if<early_exit>(&result);
  REQUIRE_MESSAGE(!ended, ended->text);
  return std::get<loaded_options>(std::move(result));
}

early_exit ended(std::vector<std::string> arguments, const environment& variables = {}) {
  auto result = load(std::move(arguments), variables);
  REQUIRE(std::holds_alternative<early_exit>(result));
  return std::get<early_exit>(std::move(result));
}

} // namespace

TEST_CASE("without any source the defaults hold") {
  const auto o = loaded({}).values;
  CHECK(o.listen == endpoint{"127.0.0.1", 6033});
  CHECK(o.admin.listen == endpoint{"127.0.0.1", 8000});
  CHECK(o.data_dir == "./holdwater-data");
  CHECK(o.connection_timeout == 10s);
  CHECK(o.retry_attempts == 3);
  CHECK(o.retry_delay == 2s);
  CHECK(o.check_interval == 30s);
}

TEST_CASE("a plain proxy keeps no connections and encrypts them as clients do, unless told otherwise") {
  const auto plain = loaded({}, {{"HOLDWATER_SPOOL_ENABLED", "false"}}).values;
  CHECK(plain.pool.max_idle == 0);
  CHECK(plain.server_tls.mode == "as_client");
  CHECK(plain.server.compression == "as_client");
  const auto told = loaded({}, {{"HOLDWATER_SPOOL_ENABLED", "false"},
                                {"HOLDWATER_POOL_MAX_IDLE", "50"},
                                {"HOLDWATER_SERVER_TLS_MODE", "off"}})
                        .values;
  CHECK(told.pool.max_idle == 50);
  CHECK(told.server_tls.mode == "off");
}

TEST_CASE("a flag beats the environment, which beats the file, which beats the default") {
  const temporary_file file("listen = \"1.1.1.1:1\"\ndata_dir = \"from-file\"\nworkers = 5\n");
  const environment variables{{"HOLDWATER_LISTEN", "2.2.2.2:2"}, {"HOLDWATER_DATA_DIR", "from-environment"}};
  const auto o = loaded({"--config", file.path(), "--listen", "3.3.3.3:3"}, variables);
  CHECK(o.values.listen == endpoint{"3.3.3.3", 3});
  CHECK(o.values.data_dir == "from-environment");
  CHECK(o.values.workers == 5);
  CHECK(o.values.max_connections == options{}.max_connections);
  CHECK(o.file == file.path());
}

TEST_CASE("the variables that applications use are taken") {
  const auto o = loaded({}, {{"MYSQL_HOST", "db"},
                             {"MYSQL_PORT", "3307"},
                             {"MYSQL_USER", "app"},
                             {"MYSQL_PASSWORD", "p"},
                             {"MYSQL_DATABASE", "shop"},
                             {"DB_CONNECTION_TIMEOUT", "1.5"},
                             {"DB_RETRY_ATTEMPTS", "7"},
                             {"DB_RETRY_DELAY", "0.25"},
                             {"DB_CHECK_INTERVAL", "5"}})
                     .values;
  CHECK(o.server.host == "db");
  CHECK(o.server.port == 3307);
  CHECK(o.server.user == "app");
  CHECK(o.server.password == "p");
  CHECK(o.server.database == "shop");
  CHECK(o.connection_timeout == 1500ms);
  CHECK(o.retry_attempts == 7);
  CHECK(o.retry_delay == 250ms);
  CHECK(o.check_interval == 5s);
}

TEST_CASE("our own variable beats the general one, and an empty one counts as not set") {
  CHECK(loaded({}, {{"MYSQL_HOST", "/run/s"}}).values.server.socket == "/run/s");
  CHECK(loaded({}, {{"MYSQL_HOST", "/run/s"}}).values.server.name() == "/run/s");
  CHECK(loaded({}, {{"MYSQL_HOST", "a"}, {"HOLDWATER_SERVER_HOST", "b"}}).values.server.host == "b");
  CHECK(loaded({}, {{"MYSQL_HOST", "db:3307"}}).values.server.name() == "db:3307");
  CHECK(loaded({}, {{"MYSQL_HOST", "[::1]"}, {"MYSQL_PORT", "3308"}}).values.server.host == "::1");
  CHECK(loaded({}, {{"MYSQL_HOST", "[::1]:3307"}, {"MYSQL_PORT", "3308"}}).values.server.port == 3307);
  CHECK(loaded({}, {{"MYSQL_HOST", "::1"}}).values.server.host == "::1");
  CHECK(loaded({}, {{"MYSQL_HOST", "a"}, {"HOLDWATER_SERVER_HOST", ""}}).values.server.host == "a");
  CHECK(loaded({}, {{"MYSQL_PORT", ""}}).values.server.port == 3306);
}

TEST_CASE("every option has its variable") {
  for (const auto& row : option_table()) {
    CAPTURE(row.name);
    options defaults;
    auto text = print_option(row.kind, row.field(defaults));
    if (text.starts_with('"')) text = text.substr(1, text.size() - 2);
    if (text.empty() && row.name == "proxy_protocol_networks") text = "::1";
    if (text.empty() && row.name == "server.plugin") text = "client_ed25519";
    if (text.empty() && row.name == "spool.key") text = std::string(64, 'a');
    const temporary_file keys(std::string(64, 'a') + "\n", "keys");
    if (text.empty() && row.name == "spool.key_file") text = keys.path();
    if (text.empty() && row.name.ends_with("_file")) text = "/dev/null";
    if (text.empty() && row.name.ends_with("token")) text = "0123456789abcdef";
    if (text.empty() && row.name == "hook.url") text = "https://there/";
    if (row.name == "cache.redis") text = "redis://there";
    if (text.empty()) text = "x";
    const auto read = read_environment({{environment_name(row), text}});
    REQUIRE(read.settings.size() == 1);
    CHECK(read.settings.front().row == &row);
    const bool is_half =
        row.name.ends_with(".certificate") || (row.name.ends_with(".key") && row.name != "spool.key");
    const bool alone =
        !is_half && row.name != "admin.ca" && row.name != "cache.warm" && row.name != "server.replicas";
    if (alone) CHECK(loaded({}, {{environment_name(row), text}}).warnings.empty());
  }
}

TEST_CASE("bad values name the variable or the flag, all of them, without passwords") {
  const auto end =
      ended({"--listen", "nowhere", "--data-dir", ""},
            {{"MYSQL_PORT", "x"}, {"HOLDWATER_SPOOL_ENABLED", "maybe"}, {"MYSQL_PASSWORD", {"a\0b", 3}}});
  CHECK(end.code == exit_bad_configuration);
  CHECK(end.text ==
        "holdwater: MYSQL_PORT: expected a whole number, found \"x\"\n"
        "holdwater: MYSQL_PASSWORD: must not hold a NUL character\n"
        "holdwater: HOLDWATER_SPOOL_ENABLED: expected true or false, found \"maybe\"\n"
        "holdwater: --listen: expected HOST:PORT, with an IPv6 address in brackets, found \"nowhere\"\n"
        "holdwater: --data-dir: must not be empty, found \"\"\n");
}

TEST_CASE("an unknown variable of ours is a warning with the nearest name") {
  CHECK(loaded({}, {{"HOLDWATER_SPOOL_ENABELD", "0"}, {"HOLDWATER_ZZZ", "0"}, {"OTHER", "x"}}).warnings ==
        std::vector<std::string>{
            "HOLDWATER_SPOOL_ENABELD: no such option; did you mean HOLDWATER_SPOOL_ENABLED?",
            "HOLDWATER_ZZZ: no such option"});
}

TEST_CASE("the file may be named by a variable, and the flag beats it") {
  const temporary_file one("workers = 1\n", "one.toml");
  const temporary_file two("workers = 2\n", "two.toml");
  CHECK(loaded({}, {{"HOLDWATER_CONFIG", one.path()}}).values.workers == 1);
  CHECK(loaded({"--config", two.path()}, {{"HOLDWATER_CONFIG", one.path()}}).values.workers == 2);
}

TEST_CASE("a file that is not there, or no file, stops the start") {
  CHECK(ended({"--config", "/nonexistent/h.toml"}).text ==
        "holdwater: /nonexistent/h.toml: cannot be opened: No such file or directory\n");
  CHECK(ended({"--config", "/"}).text.starts_with("holdwater: /: "));
}

TEST_CASE("a password is read from the first line of its file") {
  const temporary_file secret("p w \r\nsecond\n", "secret");
  CHECK(loaded({}, {{"MYSQL_PASSWORD_FILE", secret.path()}}).values.server.password == "p w ");
  const temporary_file file("[[account]]\nuser = \"a\"\npassword_file = \"" + secret.path() + "\"\n");
  CHECK(loaded({"--config", file.path()}).values.accounts == std::vector<account>{{"a", "p w "}});
}

TEST_CASE("the nearer source wins between a password and a file for it") {
  const temporary_file secret("from-file\n", "secret");
  const temporary_file with_file("[server]\npassword_file = \"" + secret.path() + "\"\n", "with_file.toml");
  const temporary_file with_password("[server]\npassword = \"plain\"\n", "with_password.toml");
  CHECK(loaded({"--config", with_file.path()}, {{"MYSQL_PASSWORD", "e"}}).values.server.password == "e");
  CHECK(loaded({"--config", with_password.path()}, {{"MYSQL_PASSWORD_FILE", secret.path()}})
            .values.server.password == "from-file");
  CHECK(ended({}, {{"MYSQL_PASSWORD", "x"}, {"MYSQL_PASSWORD_FILE", secret.path()}}).text ==
        "holdwater: MYSQL_PASSWORD_FILE: server.password and server.password_file exclude each other\n");
}

TEST_CASE("a file with a password that everyone can read is warned about") {
  const temporary_file file("[server]\npassword = \"p\"\n");
  CHECK(loaded({"--config", file.path()}).warnings.empty());
  std::filesystem::permissions(file.path(), std::filesystem::perms::others_read,
                               std::filesystem::perm_options::add);
  CHECK(loaded({"--config", file.path()}).warnings ==
        std::vector<std::string>{file.path() + ": holds a password and is readable by everyone"});
  const temporary_file secret("p\n", "secret");
  CHECK(loaded({}, {{"MYSQL_PASSWORD_FILE", secret.path()}}).warnings.empty());
  std::filesystem::permissions(secret.path(), std::filesystem::perms::others_read,
                               std::filesystem::perm_options::add);
  CHECK(loaded({}, {{"MYSQL_PASSWORD_FILE", secret.path()}}).warnings ==
        std::vector<std::string>{secret.path() + ": holds a password and is readable by everyone"});
}

TEST_CASE("keys of data at rest come from the environment or a file that nobody else can write to") {
  const std::string key(64, 'a'), other(64, 'b');
  CHECK(loaded({}, {{"HOLDWATER_SPOOL_KEY", key + "," + other}}).values.spool.key == key + "," + other);
  const temporary_file file("# two\n" + key + "\n" + other + "\n", "two_keys");
  const environment from_file{{"HOLDWATER_SPOOL_KEY_FILE", file.path()}};
  CHECK(loaded({}, from_file).values.spool.key == "# two\n" + key + "\n" + other + "\n");
  CHECK(loaded({}, from_file).warnings.empty());
  const auto folder = std::filesystem::path(file.path()).parent_path().string();
  auto beside = from_file;
  beside["HOLDWATER_DATA_DIR"] = folder;
  CHECK(loaded({}, beside).warnings ==
        std::vector<std::string>{file.path() +
                                 ": the key lies in data_dir: whoever gets the one gets the other"});
  using std::filesystem::perms;
  std::filesystem::permissions(file.path(), perms::others_read, std::filesystem::perm_options::add);
  CHECK(loaded({}, from_file).warnings ==
        std::vector<std::string>{file.path() + ": holds a key and is readable by everyone"});
  std::filesystem::permissions(file.path(), perms::group_write, std::filesystem::perm_options::add);
  CHECK(ended({}, from_file).text.find("can be written to by others") != std::string::npos);
  const auto wrong = ended({}, {{"HOLDWATER_SPOOL_KEY", key + ",a-password"}});
  CHECK(wrong.code == exit_bad_configuration);
  CHECK(wrong.text.find("HOLDWATER_SPOOL_KEY: word 2 is no key") != std::string::npos);
  CHECK(wrong.text.find("a-password") == std::string::npos);
}

TEST_CASE("a network that cannot be read stops the start") {
  const auto said = ended({}, {{"HOLDWATER_PROXY_PROTOCOL_NETWORKS", "10.0.0.0/8, somewhere"}});
  CHECK(said.code != 0);
  CHECK(said.text.find("\"somewhere\"") != std::string::npos);
  CHECK(ended({}, {{"HOLDWATER_SERVER_PROXY_PROTOCOL", "v3"}}).code != 0);
}

TEST_CASE("what is wrong may be said among other words") {
  const auto end = ended({}, {{"MYSQL_PORT", "x"}, {"HOLDWATER_POOL_MODE", "y"}});
  CHECK(end.text.ends_with("\n"));
  CHECK(std::count(end.text.begin(), end.text.end(), '\n') == 2);
  const auto reason = reason_of(end);
  CHECK(reason.starts_with("MYSQL_PORT: "));
  CHECK(reason.find("; HOLDWATER_POOL_MODE: ") != std::string::npos);
  CHECK(reason.find('\n') == std::string::npos);
  CHECK(reason.find("holdwater:") == std::string::npos);
  CHECK(reason_of({"", 2}).empty());
}

TEST_CASE("--version, --help and --check-config end with their text") {
  CHECK(ended({"--version"}).text == "holdwater " HOLDWATER_VERSION "\n");
  CHECK(ended({"--version"}).code == 0);
  const auto help = ended({"--help"});
  CHECK(help.code == 0);
  for (const char* flag : {"--config FILE", "--listen HOST:PORT", "--admin-listen HOST:PORT",
                           "--data-dir DIR", "--check-config", "--version", "--help"}) {
    CAPTURE(flag);
    CHECK(help.text.find(flag) != std::string::npos);
  }
  CHECK(ended({"--check-config"}, {{"MYSQL_USER", "app"}}).text == "the configuration is valid\n");
  CHECK(ended({"--check-config"}).text ==
        "warning: MYSQL_USER is not set here: without it a start fails, unless spool.enabled = false\n"
        "the configuration is valid\n");
  CHECK(ended({"--check-config"}).code == 0);
  const auto wrong = ended({"--check-config"}, {{"MYSQL_PORT", "x"}, {"HOLDWATER_ZZZ", "1"}});
  CHECK(wrong.code == exit_bad_configuration);
  CHECK(wrong.text ==
        "warning: HOLDWATER_ZZZ: no such option\nerror: MYSQL_PORT: expected a whole number, found \"x\"\n");
}

TEST_CASE("--check-config looks at the files that a start needs, and a command does not") {
  const temporary_file text("no certificate\n", "text");
  const environment wrong_pair{{"MYSQL_USER", "app"},
                               {"HOLDWATER_CLIENT_TLS_CERTIFICATE", "/nowhere/c.pem"},
                               {"HOLDWATER_CLIENT_TLS_KEY", text.path()}};
  const auto no_pair = ended({"--check-config"}, wrong_pair);
  CHECK(no_pair.code == exit_bad_configuration);
  CHECK(no_pair.text ==
        "error: client_tls.certificate: /nowhere/c.pem cannot be used: No such file or directory\n");
  CHECK(loaded({}, wrong_pair).warnings.empty());
  auto off = wrong_pair;
  off["HOLDWATER_CLIENT_TLS_MODE"] = "off";
  CHECK(ended({"--check-config"}, off).code == 0);

  for (const auto& [variable, value, wrong] :
       {std::tuple{"HOLDWATER_CLIENT_TLS_CA", text.path(), "client_tls.ca: "},
        {"HOLDWATER_HOOK_COMMAND", std::string("/nowhere/hook"),
         "hook.command: /nowhere/hook cannot be run: No such"},
        {"HOLDWATER_HOOK_COMMAND", std::string("/tmp"),
         "hook.command: /tmp cannot be run: it is a directory"}}) {
    const auto end = ended({"--check-config"}, {{"MYSQL_USER", "app"}, {variable, value}});
    CHECK(end.code == exit_bad_configuration);
    CHECK(end.text.find(std::string("error: ") + wrong) == 0);
  }
  const temporary_file services("[[service]]\nname = \"a\"\nlisten = \"127.0.0.1:1\"\n"
                                "[service.hook]\ncommand = \"/nowhere/hook\"\n",
                                "services.toml");
  const auto of_one = ended({"--check-config", "--config", services.path()}, {{"MYSQL_USER", "app"}});
  CHECK(of_one.text.find("error: a: hook.command: ") != std::string::npos);
}

TEST_CASE("an unknown flag, or one without its value, is a usage error") {
  for (const auto& arguments : {std::vector<std::string>{"--lisen", "x"}, {"--listen"}, {"stray"}}) {
    const auto end = ended(arguments);
    CHECK(end.code == exit_bad_configuration);
    CHECK(end.text.find(arguments.front()) != std::string::npos);
  }
}

TEST_CASE("the process's variables are split at the first equals sign") {
  const char* const variables[] = {"A=1", "B=x=y", "C=", "strange", nullptr};
  CHECK(environment_of(variables) == environment{{"A", "1"}, {"B", "x=y"}, {"C", ""}});
  CHECK(environment_of(nullptr).empty());
}

TEST_CASE("a reload takes what may change and names what may not") {
  options running;
  auto fresh = running;
  fresh.log.level = "debug";
  fresh.retry_delay = 5s;
  fresh.listen.port = 1;
  fresh.accounts = {{"shop", "p"}};
  const auto plan = plan_reload(running, fresh);
  CHECK(plan.changed == std::vector<std::string>{"retry_delay", "log.level"});
  CHECK(plan.needs_restart == std::vector<std::string>{"listen", "account"});
  CHECK(plan.values.log.level == "debug");
  CHECK(plan.values.retry_delay == 5s);
  CHECK(plan.values.listen == running.listen);
  CHECK(plan.values.accounts == running.accounts);
}
