#include "proxy/cache/address_lookup.hpp"

#include <sys/eventfd.h>
#include <unistd.h>

#include <mutex>
#include <system_error>
#include <thread>

namespace holdwater::proxy {

struct address_lookup::outcome {
  outcome() : over(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}
  ~outcome() { ::close(over); }
  outcome(const outcome&) = delete;
  outcome& operator=(const outcome&) = delete;

  const int over;
  std::mutex mutex;
  addresses_ptr found;
  int error = EAI_SYSTEM;
};

address_lookup::address_lookup(const std::string& host, std::uint16_t port)
    : shared_(std::make_shared<outcome>()) {
  const auto resolve = [host, port = std::to_string(port), to = shared_] {
    addrinfo hints{};
    hints.ai_socktype = SOCK_STREAM;
    addrinfo* all = nullptr;
    addresses_ptr found;
    const int error = ::getaddrinfo(host.c_str(), port.c_str(), &hints, &all);
    if (error == 0) found.reset(all);
    {
      const std::lock_guard lock(to->mutex);
      to->found = std::move(found);
      to->error = error;
    }
    static_cast<void>(::eventfd_write(to->over, 1));
  };
  try {
    std::thread(resolve).detach();
  } catch (const std::system_error&) { // as long as there is no room for one
    static_cast<void>(::eventfd_write(shared_->over, 1));
  }
}

int address_lookup::descriptor() const {
  return shared_->over;
}

address_lookup::addresses_ptr address_lookup::take(std::string& problem) const {
  const std::lock_guard lock(shared_->mutex);
  if (!shared_->found) problem = std::string("its name is not known: ") + ::gai_strerror(shared_->error);
  return std::move(shared_->found);
}

} // namespace holdwater::proxy
