#include "proxy/cache/redis_link.hpp"

#include "proxy/cache/address_lookup.hpp"

#include <fmt/format.h>
#include <hiredis/hiredis.h>

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

namespace holdwater::proxy {

using namespace std::chrono_literals;

namespace {

constexpr std::size_t most_items = 8; // of a list that any of our commands has as its reply
constexpr int most_silences = 20;     // of an exchange that may last as long as something moves
constexpr std::size_t longest_reason = 120;

struct free_reply {
  void operator()(redisReply* one) const noexcept { freeReplyObject(one); }
};

// hiredis's own makers of replies, but for lists that no command of ours is answered with: what a peer
// announces is allocated before it has come.
redisReplyObjectFunctions& careful_makers(const redisReplyObjectFunctions& usual) {
  static const auto make_list = usual.createArray;
  static auto careful = [&] {
    auto out = usual;
    out.createArray = [](const redisReadTask* task, int items) -> void* {
      const bool expected = task->parent == nullptr && items <= static_cast<int>(most_items);
      return expected ? make_list(task, items) : nullptr;
    };
    return out;
  }();
  return careful;
}

redis_reply to_value(const redisReply& one) {
  redis_reply out;
  switch (one.type) {
  case REDIS_REPLY_INTEGER:
    out.is = redis_reply::kind::number;
    out.number = one.integer;
    break;
  case REDIS_REPLY_STRING:
  case REDIS_REPLY_STATUS:
    out.is = redis_reply::kind::text;
    out.text.assign(one.str, one.len);
    break;
  case REDIS_REPLY_ERROR:
    out.is = redis_reply::kind::error;
    out.text.assign(one.str, one.len);
    break;
  case REDIS_REPLY_ARRAY:
    out.is = redis_reply::kind::list;
    for (std::size_t at = 0; at < one.elements; ++at) out.items.push_back(to_value(*one.element[at]));
    break;
  default: break;
  }
  return out;
}

std::string system_text(int error) {
  return std::strerror(error);
}

std::string reason_of(const redisContext& context) {
  const std::string_view why = context.errstr;
  return std::string(why.empty() ? "out of memory" : why.substr(0, longest_reason));
}

bool set_up(int descriptor, bool tcp) {
  constexpr int yes = 1;
  if (!tcp) return true;
  return ::setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes) == 0 &&
         ::setsockopt(descriptor, SOL_SOCKET, SO_KEEPALIVE, &yes, sizeof yes) == 0;
}

} // namespace

void redis_link::closer::operator()(redisContext* context) const noexcept {
  redisFree(context);
}

void redis_link::close() {
  context_.reset();
  appended_ = 0;
}

int redis_link::descriptor() const {
  return context_ ? context_->fd : -1;
}

std::string redis_link::fail(std::string why) {
  close();
  return why;
}

std::string redis_link::open(const redis_url& place, limits within) {
  close();
  within_ = within;
  if (auto problem = connect(place, clock::now() + within.timeout); !problem.empty())
    return fail(std::move(problem));
  return log_in(place);
}

// Waits until one of `events` is so, which it sets to those that are.
std::string redis_link::wait(int descriptor, short& events, clock::time_point until) const {
  std::array<pollfd, 2> asked{{{descriptor, events, 0}, {within_.stop, POLLIN, 0}}};
  for (;;) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - clock::now());
    const int ready =
        ::poll(asked.data(), asked.size(), static_cast<int>(std::max<std::int64_t>(left.count(), 0)));
    if (ready < 0 && errno == EINTR) continue;
    if (ready < 0) return "poll: " + system_text(errno);
    if (asked[1].revents != 0) return "stopped";
    if (ready == 0) return fmt::format("no answer within {} ms", within_.timeout.count());
    events = asked[0].revents;
    return {};
  }
}

std::string redis_link::connect(const redis_url& place, clock::time_point until) {
  sockaddr_un local{};
  addrinfo only{};
  address_lookup::addresses_ptr found;
  if (!place.socket.empty()) {
    local.sun_family = AF_UNIX;
    place.socket.copy(local.sun_path, sizeof local.sun_path - 1);
    only.ai_family = AF_UNIX;
    only.ai_addr = reinterpret_cast<sockaddr*>(&local);
    only.ai_addrlen = sizeof local;
  } else {
    const address_lookup lookup(place.host, place.port);
    short events = POLLIN;
    if (auto problem = wait(lookup.descriptor(), events, until); !problem.empty())
      return problem == "stopped" ? problem : "its name is not known in time";
    std::string problem;
    found = lookup.take(problem);
    if (!found) return problem;
  }
  std::string problem = "it has no address";
  for (const auto* one = found ? found.get() : &only; one != nullptr; one = one->ai_next) {
    const int made = ::socket(one->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (made < 0) return "socket: " + system_text(errno);
    context_.reset(redisConnectFd(made));
    if (!context_) {
      ::close(made);
      return "out of memory";
    }
    problem.clear();
    if (::connect(made, one->ai_addr, one->ai_addrlen) != 0) {
      if (errno != EINPROGRESS) {
        problem = system_text(errno);
        continue;
      }
      short events = POLLOUT;
      if (problem = wait(made, events, until); !problem.empty()) return problem;
      int error = 0;
      socklen_t size = sizeof error;
      if (::getsockopt(made, SOL_SOCKET, SO_ERROR, &error, &size) != 0) error = errno;
      if (error != 0) problem = system_text(error);
      if (error != 0) continue;
    }
    if (!set_up(made, one->ai_family != AF_UNIX)) problem = system_text(errno);
    break;
  }
  if (problem.empty()) {
    context_->flags &= ~REDIS_BLOCK;
    context_->reader->fn = &careful_makers(*context_->reader->fn);
  }
  return problem;
}

// Of a refused login only the first word is told: the rest is the peer's, who has just been told a secret.
std::string redis_link::log_in(const redis_url& place) {
  if (!place.user.empty())
    append({"AUTH", place.user, place.password});
  else if (!place.password.empty())
    append({"AUTH", place.password});
  const auto number = std::to_string(place.database);
  if (place.database != 0) append({"SELECT", number});
  std::vector<redis_reply> replies;
  if (auto problem = exchange(replies); !problem.empty()) return problem;
  for (const auto& one : replies)
    if (one.is == redis_reply::kind::error)
      return fail(fmt::format("it refuses the login or the database ({})",
                              one.text.substr(0, std::min<std::size_t>(one.text.find(' '), 20))));
  return {};
}

void redis_link::append(std::initializer_list<std::string_view> words) {
  append(std::vector<std::string_view>(words));
}

void redis_link::append(const std::vector<std::string_view>& words) {
  if (!context_) return;
  std::vector<const char*> starts;
  std::vector<std::size_t> sizes;
  for (const auto word : words) {
    starts.push_back(word.data());
    sizes.push_back(word.size());
  }
  if (redisAppendCommandArgv(context_.get(), static_cast<int>(words.size()), starts.data(), sizes.data()) ==
      REDIS_OK)
    ++appended_;
  else
    context_->err = REDIS_ERR_OOM;
}

std::string redis_link::exchange(std::vector<redis_reply>& replies, patience how) {
  replies.clear();
  if (!context_) return "there is no connection";
  auto& context = *context_;
  const auto begun = clock::now();
  auto until = begun + within_.timeout;
  int all_sent = appended_ == 0 ? 1 : 0;
  for (const auto wanted = std::exchange(appended_, 0); replies.size() < wanted;) {
    if (context.err != 0) return fail(reason_of(context));
    void* next = nullptr;
    if (redisGetReplyFromReader(&context, &next) != REDIS_OK) continue;
    if (next != nullptr) {
      const std::unique_ptr<redisReply, free_reply> one(static_cast<redisReply*>(next));
      replies.push_back(to_value(*one));
      continue;
    }
    if (context.reader->len > within_.largest) return fail("its reply is too large");
    short events = static_cast<short>(POLLIN | (all_sent == 0 ? POLLOUT : 0));
    if (auto problem = wait(context.fd, events, until); !problem.empty()) return fail(std::move(problem));
    if ((events & POLLOUT) != 0 && redisBufferWrite(&context, &all_sent) != REDIS_OK) continue;
    if ((events & ~POLLOUT) != 0 && redisBufferRead(&context) != REDIS_OK) continue;
    if (how == patience::silence)
      until = std::min(clock::now() + within_.timeout, begun + most_silences * within_.timeout);
  }
  return {};
}

} // namespace holdwater::proxy
