// What else lies in the data directory, on a disk that fails at the nth system call, for every n: reserved
// ids, the server's profile, the TLS key and certificate.
#include "tests/crash/disk/watched_folder.hpp"
#include "tests/unit/proxy/insert_ids/sample.hpp"

#include "proxy/durable_file.hpp"
#include "proxy/net/tls_files.hpp"
#include "proxy/server/server_profile.hpp"

#include <doctest/doctest.h>
#include <spdlog/spdlog.h>

#include <filesystem>
#include <functional>
#include <set>

namespace holdwater::proxy {
namespace {

using holdwater::test::disk_fault;
using holdwater::test::fault_plan;
using holdwater::test::faulty_disk;
using holdwater::test::watched_folder;
namespace ask = holdwater::test::ask;

struct fault_kind {
  const char* name;
  disk_fault what;
  unsigned calls;
};
constexpr fault_kind kinds[] = {
    {"power cut", disk_fault::power_cut, ask::changes},
    {"killed", disk_fault::killed, ask::changes},
    {"EIO", disk_fault::io_error, ask::changes | ask::open | ask::read},
    {"ENOSPC", disk_fault::no_room, ask::create | ask::write | ask::sync | ask::sync_names},
    {"short read", disk_fault::short_read, ask::read},
};

bool is_fatal(disk_fault what) {
  return what == disk_fault::power_cut || what == disk_fault::killed;
}

struct quiet_log {
  quiet_log() { spdlog::set_level(spdlog::level::off); }
  ~quiet_log() { spdlog::set_level(spdlog::level::info); }
};

// One test: what is done in the folder, and what must be found there after the worst.
struct story {
  std::function<void(faulty_disk&, watched_folder&)> live;
  std::function<void(faulty_disk&, watched_folder&, disk_fault)> check;
};

void tell(const story& what, const fault_plan& fault, unsigned seed) {
  faulty_disk disk(seed);
  watched_folder folder(disk);
  disk.plan(fault);
  what.live(disk, folder);
  disk.die();
  if (fault.what == disk_fault::power_cut || (!is_fatal(fault.what) && disk.choose(2) == 0))
    disk.lose_power();
  folder.lay_out();
  disk.heal();
  what.check(disk, folder, fault.what);
}

std::uint64_t calls_of(const story& what, unsigned kinds_counted) {
  faulty_disk disk(1);
  watched_folder folder(disk);
  disk.plan({disk_fault::none, kinds_counted});
  what.live(disk, folder);
  return disk.counted();
}

void tell_all(const std::function<story()>& make) {
  const quiet_log quiet;
  std::size_t told = 0;
  for (const auto& kind : kinds) {
    const auto calls = calls_of(make(), kind.calls);
    for (const int times : {1, -1})
      for (std::uint64_t n = 1; n <= calls; ++n) {
        if (times < 0 && is_fatal(kind.what)) continue;
        CAPTURE(std::string(kind.name));
        CAPTURE(times);
        CAPTURE(n);
        tell(make(), {kind.what, kind.calls, n, times}, static_cast<unsigned>(n * 17 + 5));
        ++told;
      }
  }
  MESSAGE("lives with a fault: ", told);
}

// --- reserved ids

void use_ids(id_book& book, std::set<std::uint64_t>& given, int most) {
  for (int i = 0; i < most; ++i) {
    const auto id = test::next_id(book);
    if (id == 0) return;
    CHECK(given.insert(id).second);
  }
}

void live_with_ids(const std::string& path, std::uint64_t first, std::set<std::uint64_t>& given) {
  id_book book(path, 100);
  book.server_is(test::a_server());
  book.take_schema("shop", {test::orders()});
  static_cast<void>(book.saw_insert("shop", "orders"));
  static_cast<void>(test::give_block(book, first, 100));
  use_ids(book, given, 30);
  auto restarted = test::a_server();
  restarted.started += 60;
  book.server_is(restarted);
  static_cast<void>(test::give_block(book, first + 4000, 20));
  use_ids(book, given, 15);
}

TEST_CASE("whichever call the disk fails at, no reserved id is handed out twice") {
  tell_all([] {
    const auto given = std::make_shared<std::set<std::uint64_t>>();
    return story{[given](faulty_disk&, watched_folder& folder) {
                   live_with_ids(folder.file("ids.db"), 1001, *given);
                   live_with_ids(folder.file("ids.db"), 11001, *given); // in the next process
                 },
                 [given](faulty_disk& disk, watched_folder& folder, disk_fault what) {
                   id_book book(folder.file("ids.db"), 100);
                   use_ids(book, *given, 1000);
                   book.server_is(test::a_server());
                   book.take_schema("shop", {test::orders()});
                   static_cast<void>(book.saw_insert("shop", "orders"));
                   CHECK(test::give_block(book, 90001, 10));
                   CHECK(test::next_id(book) != 0);
                   if (what != disk_fault::short_read) // a file that could not be read is not thrown away
                     CHECK(disk.contents().count("ids.db.unreadable") == 0);
                 }};
  });
}

// --- the server's profile

std::string version_of(int number) {
  return "10.11." + std::to_string(number) + "-MariaDB";
}

TEST_CASE("whichever call the disk fails at, the profile is the last one that was written, or a later one") {
  tell_all([] {
    const auto certain = std::make_shared<int>(0);
    return story{[certain](faulty_disk& disk, watched_folder& folder) {
                   profile_store store(folder.file("server.json"));
                   for (int i = 1; i <= 4; ++i) {
                     protocol::greeting hello;
                     hello.server_version = version_of(i);
                     store.learn_greeting(hello);
                     if (!disk.struck()) *certain = i;
                   }
                 },
                 [certain](faulty_disk&, watched_folder& folder, disk_fault) {
                   profile_store store(folder.file("server.json"));
                   CHECK(store.load() == "");
                   const auto found = store.get()->hello.server_version;
                   bool known = *certain == 0 && found.empty();
                   for (int i = std::max(*certain, 1); i <= 4; ++i) known = known || found == version_of(i);
                   CAPTURE(found);
                   CHECK(known);
                 }};
  });
}

TEST_CASE("a small file is whole or as it was, says so, and is there after a power cut") {
  tell_all([] {
    const auto certain = std::make_shared<std::string>();
    const auto tried = std::make_shared<std::set<std::string>>();
    return story{
        [=](faulty_disk&, watched_folder& folder) {
          for (const auto& content : {std::string(3000, 'a'), std::string(7, 'b'), std::string(1500, 'c')}) {
            const auto problem = write_durably(folder.file("small"), content);
            tried->insert(content);
            if (!problem.empty()) continue;
            *certain = content;
            tried->clear();
          }
        },
        [=](faulty_disk& disk, watched_folder&, disk_fault) {
          const auto all = disk.contents();
          const auto found = all.find("small");
          const auto content = found == all.end() ? std::string() : found->second;
          CHECK((content == *certain || tried->contains(content)));
        }};
  });
}

TEST_CASE("a certificate that clients may pin is there after a power cut") {
  for (unsigned seed = 1; seed <= 4; ++seed) {
    CAPTURE(seed);
    const quiet_log quiet;
    faulty_disk disk(seed);
    watched_folder folder(disk);
    tls_files made;
    const auto path = std::filesystem::path(folder.file("x")).parent_path().string();
    REQUIRE(make_tls_files(path, true, made) == "");
    const auto before = disk.contents();
    disk.lose_power();
    CHECK((disk.contents() == before));
  }
}

} // namespace
} // namespace holdwater::proxy
