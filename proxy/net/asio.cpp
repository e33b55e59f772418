// Boost.Asio's own code, compiled once: every other file sees declarations only
// (BOOST_ASIO_SEPARATE_COMPILATION, which comes with the target holdwater_asio).
#include <boost/asio/impl/src.hpp>
#include <boost/asio/ssl/impl/src.hpp>
