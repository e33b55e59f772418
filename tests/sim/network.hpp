// The simulated network and the descriptors of the simulated machine: streams whose bytes are cut anywhere
// and arrive late, listeners, epoll, eventfd, pipes. What one side has sent arrives in order, as on TCP, or
// not at all.
//
// Source: socket(7), tcp(7), epoll(7): edge-triggered watches are told once for each change.
#pragma once

#include "tests/sim/machine.hpp"

#include <cstdint>
#include <deque>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <sys/epoll.h>

namespace holdwater::sim {

inline constexpr int first_descriptor = 1 << 16; // real ones are below
inline constexpr std::uint16_t proxy_port = 6033, admin_port = 8000, server_port = 3306;

struct poll_set;

// What a descriptor names.
class description : public std::enable_shared_from_this<description> {
 public:
  virtual ~description();
  [[nodiscard]] virtual unsigned ready() const = 0; // EPOLL...
  virtual void closed(bool abruptly) = 0;           // its last descriptor is
  void changed();                                   // whoever waits or watches is told

  wait_queue waiters;
  std::list<struct watch*> watches;
  bool blocking = true;
  int descriptors = 0;
};

struct watch {
  std::weak_ptr<description> what;
  description* raw;
  int descriptor;
  epoll_event wanted;
  bool queued = false;
  poll_set* owner;
};

struct poll_set final : description {
  ~poll_set() override;
  unsigned ready() const override;
  void closed(bool) override { drop_all(); }
  void drop_all();
  void queue(watch& one);
  int collect(epoll_event* into, int most);

  std::list<std::unique_ptr<watch>> all;
  std::list<watch*> queued;
};

struct counter final : description { // an eventfd
  unsigned ready() const override { return (value > 0 ? EPOLLIN : 0u) | EPOLLOUT; }
  void closed(bool) override {}
  std::uint64_t value = 0;
};

struct channel final : description { // a pipe's end
  unsigned ready() const override;
  void closed(bool) override {}
  std::shared_ptr<std::string> bytes;
  std::weak_ptr<channel> other;
  bool writes = false;
};

// What one stream connects: the proxy's clients to it, or it to the server.
enum class path : std::uint8_t { clients, server, admin };

struct segment {
  std::string bytes;
  moment due;
  bool fin = false;
};

struct stream final : description {
  enum class phase : std::uint8_t { fresh, connecting, connected, failed };

  unsigned ready() const override;
  void closed(bool abruptly) override;

  // Bytes that the other side will get; -errno.
  long send(std::string_view bytes);
  long receive(char* into, std::size_t most, bool peek);
  void shut();                   // both directions, by this side
  void reset(bool both_at_once); // as when a host has no such connection any more
  void arrive();                 // the next segment, if it is due
  void pump();

  phase at = phase::fresh;
  int error = 0;
  path where = path::clients;
  std::uint16_t own_port = 0, other_port = 0;
  std::shared_ptr<stream> peer; // broken when the connection is over
  std::string received;
  std::size_t consumed = 0;
  bool ended = false;            // the other side has said its last
  bool broken = false;           // reset
  bool gone = false;             // closed here
  bool sent_last = false;        // FIN is under way, or was
  std::deque<segment> under_way; // from here to the peer
  bool pumping = false;
  std::size_t room = 64 * 1024; // of what is under way and not read
  bool dark = false;            // nothing arrives from here
};

struct listener final : description {
  unsigned ready() const override { return !waiting.empty() || shut ? EPOLLIN : 0u; }
  void closed(bool) override;
  std::uint16_t port = 0;
  std::deque<std::shared_ptr<stream>> waiting;
  bool shut = false;
};

// How the network of one path behaves now.
struct weather {
  moment least_delay = 20 * microsecond, most_delay = 400 * microsecond;
  unsigned cut_one_in = 8; // of the sends: into pieces at random places
  bool byte_by_byte = false;
  bool dark = false;    // nothing arrives; connects hang
  bool refuses = false; // connects are refused
};

class network {
 public:
  static network& the();

  weather& on(path where) { return weather_[static_cast<std::size_t>(where)]; }
  // Every connection of the path, or with some luck.
  void reset_all(path where, unsigned of, unsigned in);
  // Nothing arrives over some of the connections any more, and nobody is told.
  void darken_some(path where, unsigned of, unsigned in);
  void set_dark(path where, bool dark); // also for what is there already
  [[nodiscard]] std::size_t connections(path where) const;

  // --- descriptors
  int add(std::shared_ptr<description> what);
  [[nodiscard]] std::shared_ptr<description> find(int descriptor) const;
  template <class T>
  [[nodiscard]] std::shared_ptr<T> find_as(int descriptor) const {
    return std::dynamic_pointer_cast<T>(find(descriptor));
  }
  int close(int descriptor, bool abruptly = false, bool used_again = true);
  void close_all(process_id owner, bool abruptly);
  void disown(int descriptor);
  void become(int descriptor, std::shared_ptr<description> what);

  // --- for connect() and listen()
  void connect(const std::shared_ptr<stream>& from, std::uint16_t port);
  void listen(const std::shared_ptr<listener>& what) { listeners_[what->port] = what; }
  void unlisten(std::uint16_t port) { listeners_.erase(port); }
  [[nodiscard]] std::uint16_t next_port() {
    return next_port_ = next_port_ >= 60000 ? 20000 : next_port_ + 1;
  }

 private:
  struct slot {
    std::shared_ptr<description> what;
    process_id owner = 0;
  };
  void reach(const std::shared_ptr<stream>& from, std::uint16_t port);

  std::vector<slot> slots_;
  std::vector<int> free_;
  std::map<std::uint16_t, std::shared_ptr<listener>> listeners_;
  std::vector<std::weak_ptr<stream>> streams_; // those that connected
  weather weather_[3];
  std::uint16_t next_port_ = 20000;
};

path path_to(std::uint16_t port);

} // namespace holdwater::sim
