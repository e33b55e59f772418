// How the parts of a session's work end.
#pragma once

#include <cstdint>

namespace holdwater::proxy {

struct session_outcomes {
  // How a command's trip to the server ended.
  enum class trip : std::uint8_t {
    answered,    // the client has the server's answer
    not_sent,    // the server cannot have seen it whole: it may be decided anew
    not_now,     // the server said that it cannot take a write now; the client has seen nothing of it
    lost,        // sent, and the answer was lost before the client saw a byte of it
    cut,         // the answer was lost after the client saw some of it
    discarded,   // not sent, and too large to be kept: it must be answered with an error
    client_gone, // nobody is left to answer
  };

  // How preparing a statement anew ended.
  enum class remake : std::uint8_t {
    made,
    refused, // by the server: refusal_ is its ERR
    changed, // it would not be what the client knows
    lost,    // the connection is
  };

  // How a collected transaction's way to the server ended.
  enum class transfer : std::uint8_t {
    done,
    refused, // by the server
    lost,    // the connection is, or it is of no use any more
  };

  // What the life of the session does next.
  enum class verdict : std::uint8_t {
    next_command, // this one is answered
    decide_again, // nothing has happened yet, and something has changed
    end_session,
  };

  // How a login, or COM_CHANGE_USER, ended.
  enum class entry : std::uint8_t {
    entered, // the client has its OK
    refused, // the client was told why not
    gone,    // the client or the server is
  };
};

} // namespace holdwater::proxy
