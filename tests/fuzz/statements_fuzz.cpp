// The prepared statements of a session, driven by any order of commands: ids stay apart, an open statement is
// found under its own id, and what is kept is counted, so that closing everything leaves nothing.
#include "proxy/session/prepared_statements.hpp"
#include "tests/fuzz/check.hpp"

#include <set>

using namespace holdwater;
using fuzz::input;
using fuzz::must;

namespace {

constexpr std::uint64_t limit = 4096;

class player {
 public:
  explicit player(std::string_view bytes)
      : in_(reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()) {
    open_.set_limit(limit);
  }

  void play() {
    while (!in_.empty()) {
      step();
      look();
    }
    for (const auto id : std::set<std::uint32_t>(ids_)) open_.closed(id);
    for (const auto& name : std::set<std::string>(names_)) open_.closed(std::string_view(name));
    must(open_.bytes() == 0 && open_.restorable(), "what is closed is not counted");
  }

 private:
  void step() {
    const auto what = in_.number(1) % 10;
    const auto id = pick();
    auto* one = open_.find(id);
    switch (what) {
    case 0: return prepare();
    case 1: return prepare_here();
    case 2:
      if (one && id != 0xffffffff) ids_.erase(id);
      if (one && id != 0xffffffff) open_.closed(id);
      return;
    case 3:
      if (one) open_.keep_types(*one, protocol::as_bytes(in_.text(in_.number(1) % 32)));
      return;
    case 4:
      if (one) open_.keep_long_data(*one, static_cast<std::uint16_t>(in_.number(1)), in_.text(in_.number(1)));
      return;
    case 5:
      if (one) open_.drop_long_data(*one);
      return;
    case 6: // the server begins to count anew
      open_.lost_connection();
      next_ = 0;
      return;
    case 7:
      if (one && !one->prepared) { // put on the server again
        one->prepared = true;
        one->server_id = ++next_;
      }
      return;
    case 8: return prepare_by_name();
    default: return open_.failed_to_open();
    }
  }

  std::uint32_t pick() { // one that is open, the last one, or any
    const auto at = in_.number(1);
    if (at == 0xff) return 0xffffffff;
    if (at > 0x40 || ids_.empty()) return static_cast<std::uint32_t>(at);
    return *std::next(ids_.begin(), static_cast<std::ptrdiff_t>(at % ids_.size()));
  }

  void prepare() {
    proxy::prepared_statement made;
    made.server_id = ++next_;
    made.client_id = open_.name_for(made.server_id);
    made.text = std::string(in_.text(in_.number(1)));
    must(ids_.insert(made.client_id).second, "no two open statements have one id");
    open_.opened(std::move(made), context_);
  }

  void prepare_here() {
    proxy::prepared_statement made;
    made.text = std::string(in_.text(in_.number(1)));
    const auto id = open_.opened_here(std::move(made), context_);
    if (id) must(ids_.insert(*id).second, "no two open statements have one id");
  }

  void prepare_by_name() {
    const std::string name(1, static_cast<char>('a' + in_.number(1) % 4));
    proxy::named_statement made;
    made.name = name;
    made.text = made.prepare = std::string(in_.text(in_.number(1)));
    const bool kept = open_.opened(std::move(made), context_);
    must(kept == (open_.find(std::string_view(name)) != nullptr), "a name is kept or is not");
    if (kept)
      names_.insert(name);
    else
      names_.erase(name);
  }

  void look() {
    std::set<std::uint32_t> on_server;
    for (const auto id : ids_) {
      const auto* one = open_.find(id);
      must(one != nullptr && one->client_id == id, "an open statement is found under its id");
      if (one->prepared)
        must(on_server.insert(one->server_id).second, "no two of them are one on the server");
      if (one->prepared) must(open_.server_id_of(id) == one->server_id, "its id leads to it");
    }
    for (const auto id : on_server)
      if (!ids_.contains(id))
        must(!on_server.contains(open_.server_id_of(id)), "an id leads to no other's statement");
  }

  input in_;
  proxy::prepared_statements open_;
  const proxy::prepare_context context_;
  std::uint32_t next_ = 0;
  std::set<std::uint32_t> ids_; // open, as the client knows them
  std::set<std::string> names_;
};

} // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  player(std::string_view(reinterpret_cast<const char*>(data), size)).play();
  return 0;
}
