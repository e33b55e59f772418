// A request to the HTTP side, its lines method, target, host, origin: nothing that changes anything is
// reached but by POST, numbers are in their ranges, strangers are turned away, and an answer is JSON.
#include "admin/origin.hpp"
#include "admin/router.hpp"
#include "admin/utf8.hpp"
#include "tests/fuzz/check.hpp"

#include <boost/json.hpp>

#include <algorithm>

using namespace holdwater::admin;
using holdwater::fuzz::input;
using holdwater::fuzz::must;

namespace {

std::string take_line(std::string_view& text) {
  const auto line = text.substr(0, text.find('\n'));
  text.remove_prefix(std::min(text.size(), line.size() + 1));
  return std::string(line);
}

request read_request(std::string_view text) {
  request out;
  out.method = take_line(text);
  out.target = take_line(text);
  if (!text.empty()) out.host = take_line(text);
  if (!text.empty()) out.origin = take_line(text);
  return out;
}

template <class... Kinds>
bool is_one_of(const action& what) {
  return (std::holds_alternative<Kinds>(what) || ...);
}

bool changes(const action& what) {
  return is_one_of<sync_now, reconnect, clear_cache, retry_dead, discard_dead, reload_configuration, back_up,
                   forget_backup, import_units>(what);
}

void look_at_action(const action& what, const request& asked) {
  must(!changes(what) || asked.method == "POST", "nothing changes but by POST");
  must(changes(what) || asked.method == "GET" || asked.method == "HEAD", "a page is read by GET and HEAD");
  if (const auto* list = std::get_if<list_pending>(&what))
    must(list->limit >= 1 && list->limit <= 1000, "a list has its limit");
  if (const auto* list = std::get_if<list_dead>(&what))
    must(list->limit >= 1 && list->limit <= 1000, "a list has its limit");
  if (const auto* sync = std::get_if<sync_now>(&what))
    must(sync->timeout >= std::chrono::seconds(0) && sync->timeout <= std::chrono::minutes(10),
         "a wait has its limit");
  if (const auto* one = std::get_if<retry_dead>(&what)) must(one->seq > 0, "a unit has its number");
  if (const auto* one = std::get_if<discard_dead>(&what)) must(one->seq > 0, "a unit has its number");
}

bool may_do(role who, const action& what) {
  if (who == role::nobody) return is_one_of<show_asset, show_role>(what);
  return who == role::operate || !(changes(what) || is_one_of<export_pending, read_backup>(what));
}

bool is_of_process(const action& what) {
  if (const auto* page_of = std::get_if<show>(&what))
    return page_of->what != page::database && page_of->what != page::cache;
  return is_one_of<show_asset, show_role, show_configuration, reload_configuration, list_services>(what);
}

void look_at_reply(const reply& answer) {
  const bool is_sent_on =
      answer.status == 308 && (answer.location == "orders/" || answer.location == "shop/");
  must(is_sent_on || (answer.status >= 400 && answer.status < 500), "a refusal has its status");
  boost::system::error_code wrong;
  static_cast<void>(boost::json::parse(answer.body, wrong));
  must(!wrong, "a refusal is JSON");
}

// Without names of its own the proxy answers to addresses and to localhost.
void look_at_host(const std::string& host) {
  if (!host_is_ours(host, {})) return;
  constexpr std::string_view of_addresses = "0123456789abcdefABCDEF.:[]";
  const bool address = host.find_first_not_of(of_addresses) == host.npos;
  const bool local =
      host.size() >= 9 && (host[0] == 'l' || host[0] == 'L') && host.find_first_of("./@") == host.npos;
  must(address || local, "a stranger's name is not ours");
}

} // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  input in(data, size);
  const auto text = in.rest();
  const auto asked = read_request(text);
  const std::vector<std::string> names{"orders", "shop"};
  for (const auto who : {role::nobody, role::read, role::operate})
    for (const auto& services : {std::vector<std::string>{}, names}) {
      const auto found = route(asked, {"db.example"}, who, services);
      const auto* const named = std::get_if<for_service>(&found);
      must(!named || std::ranges::find(services, named->name) != services.end(),
           "a service is one that is there");
      if (const auto* what = named ? &named->what : std::get_if<action>(&found)) {
        look_at_action(*what, asked);
        must(may_do(who, *what), "each role does what it may");
        must(named || services.empty() || is_of_process(*what), "what is a service's comes with its name");
      } else {
        look_at_reply(std::get<reply>(found));
      }
    }
  static_cast<void>(is_import(asked.target));
  if (asked.host) look_at_host(*asked.host);
  const auto shown = printable(text);
  must(printable(shown) == shown, "what is printable stays");
  return 0;
}
