// SPDX-License-Identifier: Apache-2.0
// The program: looks its verb up in the table of verb_table.h.
#include <fcntl.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <string_view>

#include "cli/open_files.h"
#include "cli/verb_table.h"

namespace supermachine::cli {
namespace {

Result<int> main(Args args) {
  const std::string_view first = args.empty() ? "" : args[0];
  if (first == "--help" || first == "-h" || first == "help") {
    std::fputs(program_help().c_str(), stdout);
    return 0;
  }
  if (first == "--version") {
    std::puts("supermachine " SM_VERSION);
    return 0;
  }
  for (const Verb& verb : kVerbs) {
    if (verb.name == first) return verb.run(args.subspan(1));
  }
  if (first == kRunDetached) return run_detached_verb(args.subspan(1));
  if (args.empty()) {
    std::fputs(program_help().c_str(), stderr);
    return kOwnFailure;
  }
  return Error(Errc::kInvalidArgument,
               "no verb '" + std::string(first) + "'; see 'supermachine --help'");
}

// A stream that our caller closed must not become one of our own descriptors.
bool open_standard_streams() {
  int fd = -1;
  do {
    fd = ::open("/dev/null", O_RDWR | O_CLOEXEC);
  } while (fd >= 0 && fd <= STDERR_FILENO && ::fcntl(fd, F_SETFD, 0) == 0);
  if (fd > STDERR_FILENO) ::close(fd);
  return fd > STDERR_FILENO;
}

}  // namespace
}  // namespace supermachine::cli

int main(int argc, char** argv) {
  namespace cli = supermachine::cli;
  // A reader of our output that has gone is an error of write(2), which the relay understands.
  if (!cli::open_standard_streams() || ::signal(SIGPIPE, SIG_IGN) == SIG_ERR) {
    return cli::kOwnFailure;
  }
  cli::allow_many_open_files();
  const auto status = cli::main(std::span(argv, static_cast<std::size_t>(argc)).subspan(1));
  if (status.ok()) return status.value();
  cli::say(status.error().message());
  return cli::kOwnFailure;
}
