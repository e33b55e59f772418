#include "proxy/config/load_options.hpp"
#include "protocol/ip_address.hpp"
#include "proxy/config/flags.hpp"
#include "proxy/config/http_url.hpp"
#include "proxy/config/redis_url.hpp"
#include "proxy/config/server_places.hpp"
#include "proxy/config/warm_reads.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <utility>

namespace holdwater::proxy {
namespace {

// A token that is shorter could be guessed.
constexpr std::size_t shortest_token = 16;

bool is_loopback(const std::string& host) {
  static const auto loopback =
      protocol::network_list::parse("127.0.0.0/8 ::1").value_or(protocol::network_list());
  const auto address = protocol::parse_ip(host);
  return address ? loopback.contains(protocol::unmapped(*address)) : host == "localhost";
}

// Where an option's value came from last; the order is the order of precedence.
enum class origin { by_default, file, environment, flag };

class loader {
 public:
  load_result load(int argc, const char* const* argv, const environment& variables) {
    auto flags = read_flags(argc, argv);
    if (flags.finished) return early_exit{flags.finished->first, flags.finished->second};
    if (flags.show_version) return early_exit{"holdwater " HOLDWATER_VERSION "\n", 0};
    loaded_.file = config_file(flags, variables);
    if (!loaded_.file.empty()) take(read_file(loaded_.file), origin::file);
    take(read_environment(variables), origin::environment);
    take(std::move(flags.given), origin::flag);
    finish();
    return flags.check_only ? verdict() : result();
  }

 private:
  loaded_options loaded_;
  std::vector<std::string> errors_;
  struct given {
    origin from = origin::by_default;
    std::string where;
  };
  std::map<std::string_view, given, std::less<>> given_; // by option

  [[nodiscard]] origin from(std::string_view option) const {
    const auto found = given_.find(option);
    return found == given_.end() ? origin::by_default : found->second.from;
  }

  static std::string config_file(const command_line& flags, const environment& variables) {
    if (!flags.config_file.empty()) return flags.config_file;
    const auto found = variables.find("HOLDWATER_CONFIG");
    return found == variables.end() ? std::string{} : found->second;
  }

  void take(source from, origin where) {
    for (const auto& one : from.settings) take(one, where);
    for (const auto& one : from.accounts) take(one);
    std::ranges::move(from.rules, std::back_inserter(loaded_.values.rules));
    std::ranges::move(from.errors, std::back_inserter(errors_));
    std::ranges::move(from.warnings, std::back_inserter(loaded_.warnings));
  }

  void take(const setting& one, origin where) {
    const auto wrong = parse_option(one.row->kind, one.row->range, one.text, one.row->field(loaded_.values));
    if (!wrong.empty()) return errors_.push_back(complaint(one, wrong));
    given_[one.row->name] = {where, one.where};
  }

  static std::string complaint(const setting& one, std::string_view wrong) {
    constexpr std::size_t shown = 60;
    if (one.row->kind == option_kind::secret) return fmt::format("{}: {}", one.where, wrong);
    return fmt::format("{}: {}, found \"{}\"", one.where, wrong, std::string_view(one.text).substr(0, shown));
  }

  void take(const account_setting& one) {
    auto values = one.values;
    if (!one.password_file.empty()) {
      if (!values.password.empty())
        return errors_.push_back(one.where + ": password and password_file exclude each other");
      values.password = password_in(one.password_file, one.where);
    }
    loaded_.values.accounts.push_back(std::move(values));
  }

  // What no single value can tell.
  void finish() {
    auto& values = loaded_.values;
    resolve_secret("server.password", values.server.password, values.server.password_file);
    resolve_secret("admin.token", values.admin.token, values.admin.token_file);
    resolve_secret("admin.read_token", values.admin.read_token, values.admin.read_token_file);
    resolve_secret("cache.redis_password", values.cache.redis_password, values.cache.redis_password_file);
    resolve_key(values);
    check_access(values);
    if (!values.spool.enabled) be_plain();
    if (values.server.host.find(',') != std::string::npos)
      check_servers(values);
    else if (values.server.host.starts_with('/'))
      values.server.socket = std::exchange(values.server.host, "localhost");
    if (!values.server.user.empty())
      for (const auto& one : values.accounts)
        if (one.user == values.server.user)
          errors_.push_back(fmt::format("[[account]]: user \"{}\" is server.user already", one.user));
    if (values.listen.port != 0 && values.listen == values.admin.listen)
      errors_.push_back(fmt::format("admin.listen: {} is taken by listen", print_endpoint(values.listen)));
    if (values.spool.max_statement_bytes > values.spool.max_bytes)
      errors_.push_back("spool.max_statement_bytes: is larger than spool.max_bytes");
    std::string wrong;
    if (!protocol::network_list::parse(values.proxy_protocol_networks, &wrong))
      errors_.push_back(fmt::format("proxy_protocol_networks: \"{}\" is no address and no network", wrong));
    check_replicas(values);
    if (values.pool.mode == "transaction" && values.pool.max_idle == 0)
      errors_.push_back("pool.mode: \"transaction\" needs a pool, and pool.max_idle is 0");
    check_warm(values);
    check_redis(values);
    check_hook(values);
    warn_of_readable_secrets();
  }

  void refuse_place(const char* option, const std::string& wrong) {
    errors_.push_back(fmt::format(
        "{}: \"{}\" is neither HOST:PORT nor the path of a unix socket, or there are more than {}",
        given_.at(option).where, wrong, most_replicas));
  }

  void check_servers(const options& values) {
    std::string wrong;
    if (!parse_places(values.server.host, &wrong, values.server.port))
      refuse_place("server.host", wrong);
    else if (!values.server.socket.empty())
      errors_.push_back(
          fmt::format("{}: is a list, and server.socket is given", given_.at("server.host").where));
  }

  void check_replicas(const options& values) {
    std::string wrong;
    if (!parse_places(values.server.replicas, &wrong))
      refuse_place("server.replicas", wrong);
    else if (!values.server.replicas.empty() && values.server.user.empty() && values.accounts.empty())
      errors_.push_back(fmt::format("{}: there is no account to ask a replica as: set MYSQL_USER",
                                    given_.at("server.replicas").where));
  }

  // Without showing it.
  void check_hook(const options& values) {
    if (!values.hook.url.empty() && !read_http_url(values.hook.url))
      errors_.push_back("hook.url: takes http://HOST[:PORT]/PATH or https://HOST[:PORT]/PATH");
  }

  // As little.
  void check_redis(const options& values) {
    if (values.cache.redis.empty()) return;
    if (const auto why = why_not_redis(values); !why.empty())
      errors_.push_back(fmt::format("{}: {}", given_.at("cache.redis").where, why));
  }

  // What is asked by itself must do nothing but be kept.
  void check_warm(const options& values) {
    const auto& asked = values.cache.warm;
    if (asked.empty()) return;
    const auto& where = given_.at("cache.warm").where;
    const auto wrong = [&](std::string_view why) { errors_.push_back(fmt::format("{}: {}", where, why)); };
    if (!values.cache.enabled) wrong("cache.enabled is false, so nothing would be kept");
    if (values.server.user.empty() && values.accounts.empty())
      wrong("there is no account to ask as: set MYSQL_USER");
    if (values.server.proxy_protocol != "off")
      wrong(
          "with server.proxy_protocol the server tells clients apart by their address, and these have none");
    for (std::size_t at = 0; at < asked.size(); ++at)
      if (const auto why = why_not_warm(asked[at], values.server.database); !why.empty())
        wrong(fmt::format("number {}: {}", at + 1, why));
  }

  // A plain proxy is to be noticed by neither end, unless something else was asked for: each client has a
  // server connection that is new, and encrypted and compressed as its own.
  void be_plain() {
    if (from("pool.max_idle") == origin::by_default) loaded_.values.pool.max_idle = 0;
    if (from("server_tls.mode") == origin::by_default) loaded_.values.server_tls.mode = "as_client";
    if (from("server.compression") == origin::by_default) loaded_.values.server.compression = "as_client";
    if (from("cache.enabled") == origin::by_default) loaded_.values.cache.enabled = false;
  }

  // A secret and a file for it exclude each other in one source; over sources, precedence decides.
  void resolve_secret(const std::string& option, std::string& secret, std::string& file) {
    if (file.empty()) return;
    const auto file_option = option + "_file";
    const auto where = given_.at(file_option).where;
    if (from(option) > from(file_option)) return file.clear();
    if (from(option) == from(file_option))
      return errors_.push_back(fmt::format("{}: {} and {} exclude each other", where, option, file_option));
    secret = option == "spool.key" ? keys_in(file, where) : password_in(file, where);
  }

  void resolve_key(options& values) {
    auto& key = values.spool.key;
    const bool told = !key.empty() || !values.spool.key_file.empty();
    const auto errors = errors_.size();
    resolve_secret("spool.key", key, values.spool.key_file);
    if (!told || errors_.size() != errors) return;
    if (const auto ring = spool::key_ring::parse(key); !ring)
      errors_.push_back(fmt::format(
          "{}: {}", values.spool.key_file.empty() ? given_.at("spool.key").where : values.spool.key_file,
          ring.error().context));
    std::error_code error;
    const auto folder = std::filesystem::weakly_canonical(values.data_dir, error);
    if (!values.spool.key_file.empty() &&
        std::filesystem::weakly_canonical(values.spool.key_file, error).parent_path() == folder)
      loaded_.warnings.push_back(fmt::format(
          "{}: the key lies in data_dir: whoever gets the one gets the other", values.spool.key_file));
  }

  // The whole file: it may hold several.
  std::string keys_in(const std::string& path, std::string_view where) {
    std::ifstream in(path, std::ios::binary);
    std::string text(std::istreambuf_iterator<char>(in), {});
    if (!in.is_open() || in.bad()) errors_.push_back(fmt::format("{}: {} cannot be read", where, path));
    using std::filesystem::perms;
    std::error_code error;
    const auto found = std::filesystem::status(path, error);
    if (!error && found.type() == std::filesystem::file_type::regular &&
        (found.permissions() & (perms::group_write | perms::others_write)) != perms::none)
      errors_.push_back(fmt::format("{}: {} can be written to by others than its owner", where, path));
    if (found.type() == std::filesystem::file_type::regular && is_readable_by_everyone(path))
      loaded_.warnings.push_back(fmt::format("{}: holds a key and is readable by everyone", path));
    return text;
  }

  // Who may use the HTTP port.
  void check_access(const options& values) {
    const auto& admin = values.admin;
    for (const auto& [name, token] :
         {std::pair{"admin.token", &admin.token}, {"admin.read_token", &admin.read_token}})
      if (!token->empty() && token->size() < shortest_token)
        errors_.push_back(fmt::format("{}: must have at least {} characters", name, shortest_token));
    if (!admin.token.empty() && admin.token == admin.read_token)
      errors_.push_back("admin.read_token: is the same as admin.token");
    if (admin.token.empty() && admin.read_token.empty() && !is_loopback(admin.listen.host))
      errors_.push_back(
          fmt::format("admin.listen: {} is no loopback address, and whoever reached it could discard "
                      "writes: set admin.token or admin.token_file",
                      admin.listen.host));
    if (!admin.tls && !(admin.certificate + admin.key + admin.ca).empty())
      errors_.push_back("admin.tls: is false, and there is a certificate, a key or an authority for it");
    if (admin.certificate.empty() != admin.key.empty())
      errors_.push_back("admin.certificate: belongs together with admin.key");
  }

  std::string password_in(const std::string& path, std::string_view where) {
    std::ifstream in(path, std::ios::binary);
    std::string line;
    if (!in.is_open() || (!std::getline(in, line) && !in.eof())) {
      errors_.push_back(fmt::format("{}: {} cannot be read", where, path));
      return {};
    }
    if (line.ends_with('\r')) line.pop_back();
    warn_if_readable(path);
    return line;
  }

  void warn_if_readable(const std::string& path) {
    std::error_code error; // of a pipe or a device, rights say nothing of what comes through it
    if (std::filesystem::is_regular_file(path, error) && is_readable_by_everyone(path))
      loaded_.warnings.push_back(fmt::format("{}: holds a password and is readable by everyone", path));
  }

  void warn_of_readable_secrets() {
    const bool secrets = from("server.password") == origin::file || from("spool.key") == origin::file ||
                         from("admin.token") == origin::file || from("admin.read_token") == origin::file ||
                         from("hook.url") == origin::file || from("cache.redis") == origin::file ||
                         from("cache.redis_password") == origin::file || !loaded_.values.accounts.empty();
    if (!loaded_.file.empty() && secrets) warn_if_readable(loaded_.file);
  }

  load_result result() {
    if (errors_.empty()) return std::move(loaded_);
    return early_exit{lines("holdwater: ", errors_), exit_bad_configuration};
  }

  // The answer of --check-config.
  load_result verdict() {
    auto text = lines("warning: ", loaded_.warnings) + lines("error: ", errors_);
    if (!errors_.empty()) return early_exit{std::move(text), exit_bad_configuration};
    return early_exit{text + "the configuration is valid\n", 0};
  }

  static std::string lines(std::string_view head, const std::vector<std::string>& all) {
    std::string out;
    for (const auto& one : all) out.append(head).append(one).append("\n");
    return out;
  }
};

} // namespace

load_result load_options(int argc, const char* const* argv, const environment& variables) {
  return loader{}.load(argc, argv, variables);
}

spool::result<spool::key_ring_ptr> keys_of(const options& settings) {
  if (settings.spool.key.empty()) return spool::key_ring_ptr();
  return spool::key_ring::parse(settings.spool.key);
}

bool is_readable_by_everyone(const std::string& path) {
  std::error_code error;
  const auto rights = std::filesystem::status(path, error).permissions();
  return !error && (rights & std::filesystem::perms::others_read) != std::filesystem::perms::none;
}

environment environment_of(const char* const* variables) {
  environment out;
  for (; variables && *variables; ++variables) {
    const std::string_view entry(*variables);
    const auto equals = entry.find('=');
    if (equals != entry.npos) out.emplace(entry.substr(0, equals), entry.substr(equals + 1));
  }
  return out;
}

void take_reloadable(options& running, const options& fresh) {
  auto from = fresh;
  for (const auto& row : option_table())
    if (row.reloadable)
      std::visit([&]<class T>(T* to) { *to = *std::get<T*>(row.field(from)); }, row.field(running));
}

reload_plan plan_reload(const options& running, const options& fresh) {
  reload_plan out{running, {}, {}};
  auto wanted = fresh;
  for (const auto& row : option_table()) {
    const auto next = print_option(row.kind, row.field(wanted));
    if (next != print_option(row.kind, row.field(out.values)))
      (row.reloadable ? out.changed : out.needs_restart).emplace_back(row.name);
  }
  if (running.accounts != fresh.accounts) out.needs_restart.emplace_back("account");
  take_reloadable(out.values, fresh);
  if (running.rules != fresh.rules) out.needs_restart.emplace_back("rule");
  return out;
}

} // namespace holdwater::proxy
