// Data at rest: keys, sealed values, and that no file of a spool with a key holds a literal of a statement.
#include "fixtures.hpp"

#include "spool/sealed_value.hpp"
#include "spool/sqlite.hpp"
#include "spool/unit_codec.hpp"
#include "spool/verify_file.hpp"

#include <fstream>
#include <map>
#include <thread>

namespace holdwater::spool {
namespace {

using namespace test;

constexpr std::size_t many = 5000;
constexpr std::size_t megabyte = 1 << 20;
const std::string canary = "canary-7Hq-in-a-statement";
const std::string reason_canary = "Duplicate entry 'canary-7Hq-in-a-reason'";

std::string literal(const std::string& tail = {}) {
  return "INSERT INTO t VALUES ('" + canary + tail + "')";
}

std::map<std::string, std::string> files_of(const temporary_folder& folder) {
  std::map<std::string, std::string> found;
  for (const auto& one : std::filesystem::directory_iterator(folder.file(""))) {
    std::ifstream in(one.path(), std::ios::binary);
    found[one.path().filename()] = {std::istreambuf_iterator<char>(in), {}};
  }
  return found;
}

std::string files_with_a_literal(const temporary_folder& folder) {
  std::string found;
  for (const auto& [name, content] : files_of(folder))
    if (content.find("canary") != content.npos) found += name + " ";
  return found;
}

sqlite_spool_options with_key(const temporary_folder& folder, const std::string& text) {
  auto options = options_in(folder);
  if (!text.empty()) options.data_keys = ring(text);
  return options;
}

// Until all that waited for the writer, and what it does afterwards, is done.
void settle(spool& queue) {
  for (int i = 0; i < 3; ++i) REQUIRE(queue.set_fact("settled", std::to_string(i)));
}

TEST_CASE("keys are read in base64 and in hex, several of them, with comments") {
  const auto both =
      ring("# the new one\n" + key_a + "  # hex\n" + "u7u7u7u7u7u7u7u7u7u7u7u7u7u7u7u7u7u7u7u7u7s=\n\n");
  CHECK(both->sealing()->id() == ring(key_a)->sealing()->id());
  CHECK(both->find(ring(key_b)->sealing()->id()) != nullptr);
  CHECK(both->names() == print_key(both->sealing()->id()) + ", " + print_key(ring(key_b)->sealing()->id()));
  CHECK(sealing_id(ring("none," + key_a)) == 0);
  CHECK(sealing_id(nullptr) == 0);
  CHECK(print_key(sealing_id(ring(key_a))).find("aaaa") == std::string::npos);
}

TEST_CASE("what is no key is refused without being shown") {
  const std::vector<std::string> wrong{"",
                                       " \n# only a comment",
                                       "secret-password",
                                       "u7u7",
                                       "a secret of some length here",
                                       "u7u7u7u7u7u7u7u7u7u7u7u7u7u7u7u7u7u7u7u7u7u7u7s=",
                                       std::string(64, 'z')};
  for (const auto& text : wrong) {
    const auto parsed = key_ring::parse(text);
    REQUIRE_FALSE(parsed);
    CHECK(parsed.error().code == errc::wrong_key);
    CHECK(parsed.error().context.find("secret") == std::string::npos);
  }
}

TEST_CASE("a sealed value opens with its key at its place, unchanged, and not otherwise") {
  const auto keys = ring(key_b + "," + key_a);
  const auto first = ring(key_a);
  const auto& key = *first->sealing();
  const auto place = place_of("unit", "file", 7);
  for (const auto& value : {std::string(), std::string("x"), std::string(5000, '\0')}) {
    const auto sealed = seal(key, value, place);
    CHECK(sealed.size() == value.size() + sealing_overhead);
    CHECK(*unseal(keys, sealed, place) == value);
    CHECK(seal(key, value, place) != sealed);
    for (const auto& elsewhere : {place_of("unit", "file", 8), place_of("unit", "fila", 7),
                                  place_of("reason", "file", 7), std::string()})
      CHECK(unseal(keys, sealed, elsewhere).error().code == errc::corrupt);
    CHECK(unseal(ring(key_b), sealed, place).error().code == errc::wrong_key);
    CHECK(unseal(nullptr, sealed, place).error().context.find(print_key(key.id())) != std::string::npos);
  }
  const auto sealed = seal(key, "some value", place);
  for (std::size_t at = 0; at < sealed.size(); ++at) {
    auto changed = sealed;
    changed[at] = static_cast<char>(changed[at] ^ 1);
    const auto opened = unseal(keys, changed, place);
    CHECK((!opened || *opened == changed)); // another first byte: not a sealed one
    const auto cut = unseal(keys, sealed.substr(0, at), place);
    CHECK((!cut || at == 0));
  }
}

TEST_CASE("a value is compressed where that pays, and comes back") {
  std::string random(3000, '\0');
  for (std::size_t i = 0; i < random.size(); ++i) random[i] = static_cast<char>((i * i * 2654435761u) >> 13);
  for (const auto& value : {std::string("\1short"), std::string(100'000, '\1'), std::string("\1") + random}) {
    const auto stored = compress(value);
    CHECK(stored.size() <= value.size());
    CHECK(*expand(stored) == value);
  }
  CHECK(compress(std::string(100'000, '\1')).size() < 200);
  const auto stored = compress(std::string(100'000, '\1'));
  for (std::size_t cut = 1; cut < stored.size(); ++cut)
    CHECK(expand(stored.substr(0, cut)).error().code == errc::corrupt);
}

// A spool that has had units in each state.
void live(spool& queue) {
  for (int i = 0; i < 6; ++i)
    REQUIRE(append(queue, make_unit(literal(std::string(static_cast<std::size_t>(i) * 1500, 'x')))));
  REQUIRE(queue.mark_applied(1, 1));
  REQUIRE(queue.mark_dead(2, {1062, "23000", reason_canary}));
  REQUIRE(queue.mark_dead(3, {1062, "23000", reason_canary}));
  REQUIRE(queue.mark_dead(4, {1062, "23000", "@canary-7Hq begins like nothing else"}));
  REQUIRE(queue.retry_dead(3));
  REQUIRE(queue.discard_dead(4));
}

void check_life(spool& queue) {
  const auto pending = queue.read_pending(0, many, megabyte);
  REQUIRE(pending);
  CHECK(texts_of(*pending) == std::vector<std::string>{literal(std::string(6000, 'x')),
                                                       literal(std::string(7500, 'x')),
                                                       literal(std::string(3000, 'x'))});
  CHECK(texts_of(*queue.read_applied(0, many, megabyte)) == std::vector<std::string>{literal()});
  const auto dead = all_dead(queue);
  REQUIRE(dead);
  REQUIRE(dead->size() == 1);
  CHECK(dead->at(0).reason == reason_canary);
  CHECK(texts_of({dead->at(0).what}) == std::vector<std::string>{literal(std::string(1500, 'x'))});
}

TEST_CASE("with a key no file holds a literal, at any time, and all is there") {
  for (const bool compressed : {false, true}) {
    const temporary_folder folder;
    auto options = with_key(folder, key_a);
    options.compress = compressed;
    {
      auto queue = open_or_fail(options);
      live(*queue);
      check_life(*queue);
      CHECK(files_of(folder).at("spool.db-wal").size() > 30'000);
      CHECK(files_with_a_literal(folder) == "");
    }
    CHECK(files_with_a_literal(folder) == ""); // the WAL is folded
    check_life(*open_or_fail(options));
    const auto report = verify_file(folder.file(), options.data_keys);
    REQUIRE(report);
    CHECK(report->wrong.empty());
    CHECK(report->dead == 1);
  }
}

TEST_CASE("without a key the literals are there: this test sees them") {
  const temporary_folder folder;
  {
    auto queue = open_or_fail(options_in(folder));
    live(*queue);
    check_life(*queue);
    CHECK(files_with_a_literal(folder) == "spool.db-wal ");
  }
  CHECK(files_with_a_literal(folder) == "spool.db ");
}

TEST_CASE("a missing or another key is an error that names both, and nothing is touched") {
  const temporary_folder folder;
  const auto right = with_key(folder, key_a);
  for (const bool folded : {false, true}) {
    {
      auto queue = open_or_fail(right);
      live(*queue);
      if (!folded) std::filesystem::copy(folder.file(""), folder.file("copy"));
    }
    if (!folded) // as a killed process leaves it: all of it in the WAL
      for (const char* name : {"spool.db", "spool.db-wal", "spool.db.reserve"})
        std::filesystem::copy(folder.file("copy") + "/" + name, folder.file(name),
                              std::filesystem::copy_options::overwrite_existing);
    std::filesystem::remove_all(folder.file("copy"));
    const auto before = files_of(folder);
    for (const auto& wrong : {std::string(), key_b, "none," + key_b}) {
      const auto opened = open_sqlite_spool(with_key(folder, wrong));
      REQUIRE_FALSE(opened);
      CHECK(opened.error().code == errc::wrong_key);
      const auto& said = opened.error().context;
      CHECK_MESSAGE(said.find(print_key(sealing_id(right.data_keys))) != said.npos, said);
      if (!wrong.empty())
        CHECK_MESSAGE(said.find(print_key(ring(key_b)->find(sealing_id(ring(key_b)))->id())) != said.npos,
                      said);
      const auto after = files_of(folder);
      for (const auto& [name, content] : after) {
        CAPTURE(name);
        if (name == "spool.db-shm") continue; // of verify_file(): an index of the WAL, no contents
        CHECK((content.empty() || (before.count(name) == 1 && before.at(name) == content)));
      }
      CHECK(after.size() >= before.size());
      CHECK(verify_file(folder.file(), with_key(folder, wrong).data_keys).error().code == errc::wrong_key);
    }
    if (folded) continue;
    check_life(*open_or_fail(right));
    for (const char* name : {"spool.db", "spool.db-wal"}) std::filesystem::remove(folder.file(name));
  }
}

TEST_CASE("what lay in clear is sealed when there is a key, and wiped from unused space") {
  const temporary_folder folder;
  auto options = options_in(folder);
  options.retention = std::chrono::seconds(0);
  options.retention_bytes = 0;
  {
    auto queue = open_or_fail(options); // pages that are freed, rows that are gone, holes
    for (int i = 0; i < 700; ++i)
      queue->append(make_unit(literal(std::string(static_cast<std::size_t>(i % 7) * 900, 'y'))), [](auto) {});
    REQUIRE(append(*queue, make_unit(literal("end"))));
    REQUIRE(queue->mark_applied(1, 200));
    for (seq dead = 201; dead < 260; ++dead) REQUIRE(queue->mark_dead(dead, {1062, "23000", reason_canary}));
    for (seq dead = 201; dead < 240; ++dead) REQUIRE(queue->discard_dead(dead));
    REQUIRE(queue->compact());
  }
  options.data_keys = ring(key_a);
  {
    auto queue = open_or_fail(options);
    settle(*queue);
    CHECK(files_with_a_literal(folder) == "");
    CHECK(queue->read_pending(0, many, 100 * megabyte)->size() == 442);
    CHECK(all_dead(*queue)->at(0).reason == reason_canary);
    CHECK(**queue->fact("wiped") == "1");
    CHECK(append(*queue, make_unit(literal())));
  }
  CHECK(files_with_a_literal(folder) == "");
  CHECK(verify_file(folder.file(), options.data_keys)->wrong.empty());
  options.data_keys = ring("none," + key_a);
  auto queue = open_or_fail(options);
  settle(*queue);
  CHECK_FALSE(*queue->fact("wiped"));
  queue.reset();
  options.data_keys = nullptr; // nothing needs it any more
  CHECK(open_or_fail(options)->read_pending(0, many, 100 * megabyte)->size() == 443);
}

TEST_CASE("keys are changed while it runs, and an old one is kept until nothing needs it") {
  const temporary_folder folder;
  auto queue = open_or_fail(with_key(folder, key_a));
  live(*queue);
  CHECK(queue->set_keys(ring(key_b)).error().code == errc::wrong_key);
  CHECK(queue->set_keys(nullptr).error().code == errc::wrong_key);
  check_life(*queue);
  REQUIRE(queue->set_keys(ring(key_b + "," + key_a)));
  REQUIRE(append(*queue, make_unit("under the new one")));
  REQUIRE(queue->discard_dead(7).error().code == errc::not_found);
  settle(*queue);
  REQUIRE(queue->set_keys(ring(key_b)));
  CHECK(queue->read_pending(0, many, megabyte)->size() == 4);
  REQUIRE(queue->mark_dead(8, {1, "HY000", "another"}));
  CHECK(*queue->retry_dead(8) == 9);
  queue.reset();
  CHECK(open_sqlite_spool(with_key(folder, key_a)).error().code == errc::wrong_key);
  auto again = open_or_fail(with_key(folder, key_b));
  CHECK(again->read_pending(8, many, megabyte)->at(0).statements.at(0).text == "under the new one");
  CHECK(all_dead(*again)->at(0).reason == reason_canary);
}

TEST_CASE("a key that was replaced opens nothing that is left in the files") {
  const temporary_folder folder;
  auto queue = open_or_fail(with_key(folder, key_a));
  live(*queue);
  CHECK(**queue->fact("wiped") == "1");
  const auto content = [&] {
    std::string all;
    for (const auto& [name, bytes] : files_of(folder)) all += bytes;
    return all;
  };
  // the form and the key's id, which each sealed value begins with
  const auto sealed_by_a = seal(*ring(key_a)->sealing(), "x", "").substr(0, 9);
  CHECK(content().find(sealed_by_a) != std::string::npos);
  REQUIRE(queue->set_keys(ring(key_b + "," + key_a)));
  for (int i = 0; i < 10000 && !*queue->fact("wiped"); ++i) settle(*queue);
  CHECK(**queue->fact("wiped") == "1");
  CHECK(content().find(sealed_by_a) == std::string::npos);
  REQUIRE(queue->set_keys(ring(key_b)));
  check_life(*queue);
  queue.reset();
  {
    auto again = open_or_fail(with_key(folder, key_a + "," + key_b)); // at a start
    for (int i = 0; i < 10000 && !*again->fact("wiped"); ++i) settle(*again);
    CHECK(**again->fact("wiped") == "1");
  }
  CHECK(content().find(seal(*ring(key_b)->sealing(), "x", "").substr(0, 9)) == std::string::npos);
}

TEST_CASE("a write that comes together with a change of keys is sealed with the new one") {
  for (int round = 0; round < 30; ++round) {
    const temporary_folder folder;
    auto queue = open_or_fail(with_key(folder, key_a));
    bool taken = false;
    std::thread other([&] { taken = static_cast<bool>(queue->set_keys(ring(key_b))); });
    for (int i = 0; i < 20; ++i) queue->append(make_unit(literal()), [](auto) {});
    other.join();
    settle(*queue);
    queue.reset();
    queue = open_or_fail(with_key(folder, taken ? key_b : key_a));
    CHECK(queue->read_pending(0, many, megabyte)->size() == 20);
  }
}

TEST_CASE("a dead letter that cannot be opened is not tried again, and harms no other") {
  const temporary_folder folder;
  const auto options = with_key(folder, key_a);
  {
    auto queue = open_or_fail(options);
    live(*queue);
  }
  {
    auto db = sqlite::database::open(folder.file(), "");
    REQUIRE(db);
    REQUIRE(db->exec("UPDATE body SET bytes = (SELECT bytes FROM body WHERE seq = 5) WHERE seq = 2"));
  }
  auto queue = open_or_fail(options);
  CHECK(queue->retry_dead(2).error().code == errc::wrong_key);
  CHECK(queue->retry_dead(1).error().code == errc::not_found);
  REQUIRE(append(*queue, make_unit("another")));
  queue.reset();
  queue = open_or_fail(options);
  CHECK(queue->read_pending(0, many, megabyte)->size() == 4);
  CHECK(queue->counts().dead == 1);
}

TEST_CASE("many units are sealed anew step by step, while others are appended") {
  const temporary_folder folder;
  auto queue = open_or_fail(options_in(folder));
  for (int i = 0; i < 3000; ++i) queue->append(make_unit(literal()), [](auto) {});
  REQUIRE(append(*queue, make_unit(literal())));
  REQUIRE(queue->set_keys(ring(key_a)));
  int steps = 0;
  for (; steps < 10000 && !*queue->fact("wiped"); ++steps) REQUIRE(append(*queue, make_unit(literal())));
  CHECK(**queue->fact("wiped") == "1");
  CHECK(files_with_a_literal(folder) == "");
  CHECK(queue->read_pending(0, 20'000, 100 * megabyte)->size() == 3001u + static_cast<unsigned>(steps));
}

TEST_CASE("a body that was put in another's place is damage, and not another's write") {
  const temporary_folder folder;
  const auto options = with_key(folder, key_a);
  {
    auto queue = open_or_fail(options);
    REQUIRE(append(*queue, make_unit("pay 1")));
    REQUIRE(append(*queue, make_unit("pay 1000000")));
  }
  {
    auto db = sqlite::database::open(folder.file(), "");
    REQUIRE(db);
    REQUIRE(db->exec("UPDATE body SET bytes = (SELECT bytes FROM body WHERE seq = 2) WHERE seq = 1"));
  }
  CHECK(open_or_fail(options)->read_pending(0, many, megabyte).error().code == errc::corrupt);
  const auto report = verify_file(folder.file(), options.data_keys);
  REQUIRE(report);
  REQUIRE(report->wrong.size() == 1);
  CHECK(report->wrong[0].find("unit 1: ") == 0);
}

// As version 1 made them.
void make_older_file(const std::string& path) {
  auto db = sqlite::database::open(path, "");
  REQUIRE(db);
  REQUIRE(
      db->exec("PRAGMA auto_vacuum=INCREMENTAL; PRAGMA journal_mode=WAL;"
               "CREATE TABLE unit (seq INTEGER PRIMARY KEY, state INTEGER NOT NULL, bytes INTEGER NOT NULL,"
               " accepted_at INTEGER NOT NULL, settled_at INTEGER NOT NULL, attempted INTEGER NOT NULL,"
               " tables BLOB NOT NULL);"
               "CREATE INDEX unit_by_state ON unit (state, seq);"
               "CREATE TABLE body (seq INTEGER PRIMARY KEY, bytes BLOB NOT NULL);"
               "CREATE TABLE dead (seq INTEGER PRIMARY KEY, number INTEGER NOT NULL, sql_state TEXT NOT NULL,"
               " reason TEXT NOT NULL, died_at INTEGER NOT NULL);"
               "CREATE TABLE fact (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;"
               "CREATE TABLE counter (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;"
               "INSERT INTO counter VALUES ('last', 3), ('dropped', 0), ('undone', 0);"
               "INSERT INTO fact VALUES ('spool.id', '0123456789abcdef0123456789abcdef');"
               "INSERT INTO dead VALUES (2, 1062, '23000', '@canary-7Hq in a reason', 5);"
               "PRAGMA application_id=1213690736; PRAGMA user_version=1"));
  auto row = db->prepare("INSERT INTO unit VALUES (?1, ?2, 100, 7, 0, 0, ?3)");
  auto body = db->prepare("INSERT INTO body VALUES (?1, ?2)");
  REQUIRE(row);
  REQUIRE(body);
  for (int number = 1; number <= 3; ++number) {
    const auto what = make_unit(literal(std::to_string(number)));
    const auto tables = encode_tables(tables_of(what)), bytes = encode_unit(what);
    REQUIRE(row->with(number, number == 2 ? 2 : 0, sqlite::blob{tables}).run());
    REQUIRE(body->with(number, sqlite::blob{bytes}).run());
  }
}

TEST_CASE("a file of the version before is opened, with a key and without, and is ours from then on") {
  for (const bool sealed : {false, true}) {
    const temporary_folder folder;
    make_older_file(folder.file());
    REQUIRE(verify_file(folder.file(), nullptr));
    CHECK(verify_file(folder.file(), nullptr)->wrong.empty());
    const auto options = with_key(folder, sealed ? key_a : "");
    for (int round = 0; round < 2; ++round) {
      auto queue = open_or_fail(options);
      settle(*queue);
      CHECK(queue->id() == "0123456789abcdef0123456789abcdef");
      CHECK(texts_of(*queue->read_pending(0, many, megabyte)) ==
            std::vector<std::string>{literal("1"), literal("3")});
      CHECK(all_dead(*queue)->at(0).reason == "@canary-7Hq in a reason");
      CHECK((files_with_a_literal(folder) == "") == sealed);
    }
    CHECK(verify_file(folder.file(), options.data_keys)->wrong.empty());
    CHECK((files_with_a_literal(folder) == "") == sealed);
  }
}

} // namespace
} // namespace holdwater::spool
