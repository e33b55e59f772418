// What is to be said of all options of a process, or of a service, together.
#include "proxy/config/raw_options.hpp"

#include "protocol/ip_address.hpp"
#include "proxy/config/http_url.hpp"
#include "proxy/config/load_options.hpp"
#include "proxy/config/redis_url.hpp"
#include "proxy/config/server_places.hpp"
#include "proxy/config/warm_reads.hpp"

#include <boost/algorithm/string/split.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>
#include <utility>

namespace holdwater::proxy {
namespace {

// As in a list: host:3307, [::1], [::1]:3307. Several colons without brackets are an address of version 6.
bool names_its_port(const std::string& host) {
  return host.starts_with('[') || std::ranges::count(host, ':') == 1;
}

// A token that is shorter could be guessed.
constexpr std::size_t shortest_token = 16;

bool is_loopback(const std::string& host) {
  static const auto loopback =
      protocol::network_list::parse("127.0.0.0/8 ::1").value_or(protocol::network_list());
  const auto address = protocol::parse_ip(host);
  return address ? loopback.contains(protocol::unmapped(*address)) : host == "localhost";
}

void warn_if_readable(const std::string& path, problems& wrong) {
  std::error_code error; // of a pipe or a device, rights say nothing of what comes through it
  if (std::filesystem::is_regular_file(path, error) && is_readable_by_everyone(path))
    wrong.warnings.push_back(fmt::format("{}: holds a password and is readable by everyone", path));
}

class finisher {
 public:
  finisher(raw_options& raw, const std::string& file, problems& wrong)
      : raw_(raw), file_(file), wrong_(wrong) {}

  void run(option_part part) {
    auto& values = raw_.values;
    const bool of_process = part != option_part::service;
    const bool of_service = part != option_part::process;
    if (of_service) resolve_secret("server.password", values.server.password, values.server.password_file);
    if (of_process) resolve_secret("admin.token", values.admin.token, values.admin.token_file);
    if (of_process) resolve_secret("admin.read_token", values.admin.read_token, values.admin.read_token_file);
    if (of_service)
      resolve_secret("cache.redis_password", values.cache.redis_password, values.cache.redis_password_file);
    if (of_service) resolve_key(values);
    if (of_process) check_access(values);
    if (of_service) check_service(values);
    warn_of_readable_secrets();
  }

 private:
  raw_options& raw_;
  const std::string& file_;
  problems& wrong_;

  void check_service(options& values) {
    if (!values.spool.enabled) be_plain();
    if (values.server.host.find(',') != std::string::npos)
      check_servers(values);
    else if (values.server.host.starts_with('/'))
      values.server.socket = std::exchange(values.server.host, "localhost");
    else if (names_its_port(values.server.host))
      check_place(values);
    if (!values.server.user.empty())
      for (const auto& one : values.accounts)
        if (one.user == values.server.user)
          wrong_.errors.push_back(fmt::format("[[account]]: user \"{}\" is server.user already", one.user));
    if (values.listen.port != 0 && values.listen == values.admin.listen)
      wrong_.errors.push_back(
          fmt::format("admin.listen: {} is taken by listen", print_endpoint(values.listen)));
    check_sizes(values);
    check_halves("client_tls.certificate", values.client_tls.certificate, "client_tls.key",
                 values.client_tls.key);
    check_halves("server_tls.certificate", values.server_tls.certificate, "server_tls.key",
                 values.server_tls.key);
    check_ledger(values);
    std::string wrong;
    if (!protocol::network_list::parse(values.proxy_protocol_networks, &wrong))
      wrong_.errors.push_back(
          fmt::format("proxy_protocol_networks: \"{}\" is no address and no network", wrong));
    check_replicas(values);
    if (values.pool.mode == "transaction" && values.pool.max_idle == 0)
      wrong_.errors.push_back("pool.mode: \"transaction\" needs a pool, and pool.max_idle is 0");
    check_warm(values);
    check_redis(values);
    check_hook(values);
  }

  // Said of the one that somebody has set.
  void check_sizes(const options& values) {
    auto statement = values.spool.max_statement_bytes, queue = values.spool.max_bytes;
    if (statement <= queue) return;
    const auto size = [](std::uint64_t& of) { return print_option(option_kind::bytes, &of); };
    if (raw_.from("spool.max_statement_bytes") == origin::by_default)
      wrong_.errors.push_back(fmt::format("{}: is smaller than spool.max_statement_bytes, which is {}",
                                          raw_.given.at("spool.max_bytes").where, size(statement)));
    else
      wrong_.errors.push_back(fmt::format("{}: is larger than spool.max_bytes, which is {}",
                                          raw_.given.at("spool.max_statement_bytes").where, size(queue)));
  }

  void check_halves(const char* certificate_option, const std::string& certificate, const char* key_option,
                    const std::string& key) {
    if (certificate.empty() == key.empty()) return;
    const auto* const missing = key.empty() ? key_option : certificate_option;
    wrong_.errors.push_back(fmt::format("{}: {} is missing: they belong together",
                                        raw_.given.at(key.empty() ? certificate_option : key_option).where,
                                        missing));
  }

  void check_ledger(const options& values) {
    std::vector<std::string> parts;
    boost::algorithm::split(parts, values.ledger.table, [](char c) { return c == '.'; });
    const bool named = std::ranges::all_of(parts, [](const auto& part) {
      return !part.empty() && part.size() <= 64 && part.find('`') == part.npos;
    });
    if (parts.size() > 2 || !named)
      wrong_.errors.push_back(
          fmt::format("ledger.table: \"{}\" is neither TABLE nor SCHEMA.TABLE", values.ledger.table));
  }

  void refuse_place(const char* option, const std::string& wrong) {
    wrong_.errors.push_back(fmt::format(
        "{}: \"{}\" is neither HOST:PORT nor the path of a unix socket, or there are more than {}",
        raw_.given.at(option).where, wrong, most_replicas));
  }

  void check_servers(const options& values) {
    std::string wrong;
    if (!parse_places(values.server.host, &wrong, values.server.port))
      refuse_place("server.host", wrong);
    else if (!values.server.socket.empty())
      wrong_.errors.push_back(
          fmt::format("{}: is a list, and server.socket is given", raw_.given.at("server.host").where));
  }

  void check_place(options& values) {
    std::string wrong;
    const auto places = parse_places(values.server.host, &wrong, values.server.port);
    if (!places) return refuse_place("server.host", wrong);
    values.server.host = places->front().host;
    values.server.port = places->front().port;
  }

  void check_replicas(const options& values) {
    std::string wrong;
    if (!parse_places(values.server.replicas, &wrong))
      refuse_place("server.replicas", wrong);
    else if (!values.server.replicas.empty() && values.server.user.empty() && values.accounts.empty())
      wrong_.errors.push_back(fmt::format("{}: there is no account to ask a replica as: set MYSQL_USER",
                                          raw_.given.at("server.replicas").where));
  }

  // Without showing it.
  void check_hook(const options& values) {
    if (!values.hook.url.empty() && !read_http_url(values.hook.url))
      wrong_.errors.push_back("hook.url: takes http://HOST[:PORT]/PATH or https://HOST[:PORT]/PATH");
  }

  // As little.
  void check_redis(const options& values) {
    if (values.cache.redis.empty()) return;
    if (const auto why = why_not_redis(values); !why.empty())
      wrong_.errors.push_back(fmt::format("{}: {}", raw_.given.at("cache.redis").where, why));
  }

  // What is asked by itself must do nothing but be kept.
  void check_warm(const options& values) {
    const auto& asked = values.cache.warm;
    if (asked.empty()) return;
    const auto& where = raw_.given.at("cache.warm").where;
    const auto wrong = [&](std::string_view why) {
      wrong_.errors.push_back(fmt::format("{}: {}", where, why));
    };
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
    if (raw_.from("pool.max_idle") == origin::by_default) raw_.values.pool.max_idle = 0;
    if (raw_.from("server_tls.mode") == origin::by_default) raw_.values.server_tls.mode = "as_client";
    if (raw_.from("server.compression") == origin::by_default) raw_.values.server.compression = "as_client";
    if (raw_.from("cache.enabled") == origin::by_default) raw_.values.cache.enabled = false;
  }

  // A secret and a file for it exclude each other in one source; over sources, precedence decides.
  void resolve_secret(const std::string& option, std::string& secret, std::string& file) {
    if (file.empty()) return;
    const auto file_option = option + "_file";
    const auto where = raw_.given.at(file_option).where;
    if (raw_.from(option) > raw_.from(file_option)) return file.clear();
    if (raw_.from(option) == raw_.from(file_option))
      return wrong_.errors.push_back(
          fmt::format("{}: {} and {} exclude each other", where, option, file_option));
    secret = option == "spool.key" ? keys_in(file, where) : read_password(file, where, wrong_);
  }

  void resolve_key(options& values) {
    auto& key = values.spool.key;
    const bool told = !key.empty() || !values.spool.key_file.empty();
    const auto errors = wrong_.errors.size();
    resolve_secret("spool.key", key, values.spool.key_file);
    if (!told || wrong_.errors.size() != errors) return;
    if (const auto ring = spool::key_ring::parse(key); !ring)
      wrong_.errors.push_back(fmt::format(
          "{}: {}", values.spool.key_file.empty() ? raw_.given.at("spool.key").where : values.spool.key_file,
          ring.error().context));
    std::error_code error;
    const auto folder = std::filesystem::weakly_canonical(values.data_dir, error);
    if (!values.spool.key_file.empty() &&
        std::filesystem::weakly_canonical(values.spool.key_file, error).parent_path() == folder)
      wrong_.warnings.push_back(fmt::format(
          "{}: the key lies in data_dir: whoever gets the one gets the other", values.spool.key_file));
  }

  // The whole file: it may hold several.
  std::string keys_in(const std::string& path, std::string_view where) {
    std::ifstream in(path, std::ios::binary);
    std::string text(std::istreambuf_iterator<char>(in), {});
    if (!in.is_open() || in.bad()) wrong_.errors.push_back(fmt::format("{}: {} cannot be read", where, path));
    using std::filesystem::perms;
    std::error_code error;
    const auto found = std::filesystem::status(path, error);
    if (!error && found.type() == std::filesystem::file_type::regular &&
        (found.permissions() & (perms::group_write | perms::others_write)) != perms::none)
      wrong_.errors.push_back(fmt::format("{}: {} can be written to by others than its owner", where, path));
    if (found.type() == std::filesystem::file_type::regular && is_readable_by_everyone(path))
      wrong_.warnings.push_back(fmt::format("{}: holds a key and is readable by everyone", path));
    return text;
  }

  // Who may use the HTTP port.
  void check_access(const options& values) {
    const auto& admin = values.admin;
    for (const auto& [name, token] :
         {std::pair{"admin.token", &admin.token}, {"admin.read_token", &admin.read_token}})
      if (!token->empty() && token->size() < shortest_token)
        wrong_.errors.push_back(fmt::format("{}: must have at least {} characters", name, shortest_token));
    if (!admin.token.empty() && admin.token == admin.read_token)
      wrong_.errors.push_back("admin.read_token: is the same as admin.token");
    if (admin.token.empty() && admin.read_token.empty() && !is_loopback(admin.listen.host))
      wrong_.errors.push_back(
          fmt::format("admin.listen: {} is no loopback address, and whoever reached it could discard "
                      "writes: set admin.token or admin.token_file",
                      admin.listen.host));
    if (!admin.tls && !(admin.certificate + admin.key + admin.ca).empty())
      wrong_.errors.push_back(
          "admin.tls: is false, and there is a certificate, a key or an authority for it");
    if (admin.certificate.empty() != admin.key.empty())
      wrong_.errors.push_back("admin.certificate: belongs together with admin.key");
  }

  void warn_of_readable_secrets() {
    const auto in_file = [this](const char* option) {
      return raw_.from(option) == origin::file || raw_.from(option) == origin::service;
    };
    const bool secrets =
        std::ranges::any_of(std::array{"server.password", "spool.key", "admin.token", "admin.read_token",
                                       "hook.url", "cache.redis", "cache.redis_password"},
                            in_file) ||
        !raw_.values.accounts.empty();
    if (!file_.empty() && secrets) warn_if_readable(file_, wrong_);
  }
};

} // namespace

std::string read_password(const std::string& path, std::string_view where, problems& wrong) {
  std::ifstream in(path, std::ios::binary);
  std::string line;
  if (!in.is_open() || (!std::getline(in, line) && !in.eof())) {
    wrong.errors.push_back(fmt::format("{}: {} cannot be read", where, path));
    return {};
  }
  if (line.ends_with('\r')) line.pop_back();
  warn_if_readable(path, wrong);
  return line;
}

void finish(raw_options& raw, option_part part, const std::string& file, problems& wrong) {
  finisher(raw, file, wrong).run(part);
}

} // namespace holdwater::proxy
