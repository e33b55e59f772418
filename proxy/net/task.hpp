// The coroutine type of everything that runs on a worker: Asio's, with the executor fixed so that resuming
// costs no virtual call.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace holdwater::proxy {

namespace asio = boost::asio;

using loop_executor = asio::io_context::executor_type;

template <class T = void>
using task = asio::awaitable<T, loop_executor>;

inline constexpr asio::use_awaitable_t<loop_executor> use_task{};

} // namespace holdwater::proxy
