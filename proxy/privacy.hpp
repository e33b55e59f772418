// What keeps the other users of the machine out: of the files, of the memory and of the environment of the
// process.
//
// Source: umask(2), PR_SET_DUMPABLE(2const), proc_pid_environ(5), core(5).
#pragma once

#include <string>

namespace holdwater::proxy {

// Files are their owner's alone unless their maker says otherwise. Without `core_dumps` a crash writes no
// memory to the disk, and other processes of the same user can neither read the memory nor the environment.
// Before any thread.
void keep_others_out(bool core_dumps);

// Writes over the values of those variables that hold a password: /proc/PID/environ would show them.
void forget_passwords(char** variables);

// Why the directory's files could be exchanged by somebody else; empty when they cannot be.
[[nodiscard]] std::string trouble_with_owner(const std::string& directory);

} // namespace holdwater::proxy
