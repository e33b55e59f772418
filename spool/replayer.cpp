#include "spool/replayer.hpp"

#include "spool/replay_engine.hpp"

namespace holdwater::spool {

struct replayer::impl {
  impl(spool& queue, replay_options options, replay_observer& observer, connector connect)
      : engine(queue, std::move(options), observer, std::move(connect)) {}
  replay_engine engine;
};

replayer::replayer(spool& queue, replay_options options, replay_observer& observer, connector connect)
    : impl_(std::make_unique<impl>(queue, std::move(options), observer, std::move(connect))) {}

replayer::~replayer() = default;

replayer::attach_report replayer::attach() {
  return impl_->engine.attach();
}
accounts_with_reasons replayer::look_again(const accounts_with_reasons& known) {
  return impl_->engine.look_again(known);
}
replay_report replayer::drain(how_far until) {
  return impl_->engine.drain(until);
}
void replayer::stop() {
  impl_->engine.stop();
}
void replayer::restart() {
  impl_->engine.restart();
}

} // namespace holdwater::spool
