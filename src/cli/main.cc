// SPDX-License-Identifier: Apache-2.0
// The whole program on one screen: a table of verbs, each a function of its arguments.
#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstdio>
#include <string_view>

#include "cli/verbs.h"

namespace supermachine::cli {
namespace {

struct Verb {
  std::string_view name;
  const char* summary;  // nullptr: not for people
  Result<int> (*run)(Args args);
};

constexpr std::array kVerbs{
    Verb{"run", "start an image or a snapshot, run one command, exit with its status", run_verb},
    Verb{"ps", "list the VMs that run detached (run -d)", ps_verb},
    Verb{"exec", "run one more command in such a VM", exec_verb},
    Verb{"logs", "print what its command wrote", logs_verb},
    Verb{"stop", "ask it to end", stop_verb},
    Verb{"kill", "end it at once, or send it a signal", kill_verb},
    Verb{"rm", "remove a VM that has ended, a bake or an image", rm_verb},
    Verb{"wait", "wait for its end, print its exit status", wait_verb},
    Verb{"port", "list its published ports", port_verb},
    Verb{"pull", "bring an image from a registry into the cache", pull_verb},
    Verb{"bake", "boot an image once, keep it for 'run' to start from", bake_verb},
    Verb{"images", "list bakes and pulled images", images_verb},
    Verb{"prune", "free disk space", prune_verb},
    Verb{"snapshot", "keep a running image on disk, to start others from it", snapshot_verb},
    Verb{"inspect", "tell what a bake or snapshot is and whether this host can restore it",
         inspect_verb},
    Verb{"bench", "measure how fast an image or a snapshot starts and runs here", bench_verb},
    Verb{"doctor", "check whether this host can run VMs, and what to do if not", doctor_verb},
    Verb{kRunDetached, nullptr, run_detached_verb},
};

void print_help(std::FILE* out) {
  std::fputs(
      "supermachine runs container images as virtual machines.\n\n"
      "usage: supermachine VERB [ARGUMENTS]\n\n",
      out);
  for (const Verb& verb : kVerbs) {
    if (verb.summary == nullptr) continue;
    std::fprintf(out, "  %-9s %s\n", verb.name.data(), verb.summary);
  }
  std::fputs(
      "\n'supermachine VERB --help' tells more; 'supermachine --version' the version.\n\n"
      "  supermachine run oci-archive:python.tar -- python3 -c 'print(6*7)'\n"
      "  supermachine snapshot oci-archive:python.tar warm && supermachine run ./warm -- python3\n",
      out);
}

Result<int> main(Args args) {
  const std::string_view first = args.empty() ? "" : args[0];
  if (first == "--help" || first == "-h" || first == "help") {
    print_help(stdout);
    return 0;
  }
  if (first == "--version") {
    std::puts("supermachine " SM_VERSION);
    return 0;
  }
  for (const Verb& verb : kVerbs) {
    if (verb.name == first) return verb.run(args.subspan(1));
  }
  if (args.empty()) {
    print_help(stderr);
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

void say(const std::string& message) {
  std::fprintf(stderr, "supermachine: %s\n", message.c_str());
}

}  // namespace supermachine::cli

int main(int argc, char** argv) {
  namespace cli = supermachine::cli;
  // A reader of our output that has gone is an error of write(2), which the relay understands.
  if (!cli::open_standard_streams() || ::signal(SIGPIPE, SIG_IGN) == SIG_ERR) {
    return cli::kOwnFailure;
  }
  const auto status = cli::main(std::span(argv, static_cast<std::size_t>(argc)).subspan(1));
  if (status.ok()) return status.value();
  cli::say(status.error().message());
  return cli::kOwnFailure;
}
