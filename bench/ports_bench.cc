// SPDX-License-Identifier: Apache-2.0
// nginx in a restored VM, reached through a port of the host, beside the same nginx in a container
// of crun's on the same host: requests per second and their latency, as wrk has them.
//
//   ports_bench ROUNDS SECONDS IMAGE CRUN_BUNDLE DIRECTORY
//
// wrk and crun are looked up in PATH. The bundle's nginx shares the host's network and listens on
// port 80.
#include <fcntl.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <thread>
#include <vector>

#include "base/files.h"
#include "base/sys.h"
#include "supermachine/image.h"
#include "supermachine/vm.h"
#include "support/process.h"
#include "support/series.h"

namespace supermachine::bench {
namespace {

using namespace std::chrono_literals;

constexpr std::uint16_t kPort = 80;
constexpr int kConnections[] = {1, 8, 64};

struct Load {
  Series requests;  // a second
  Series p99;       // ms
};

// "1.25ms" and the like, in ms.
Result<double> to_ms(const std::string& text) {
  char* unit = nullptr;
  const double value = std::strtod(text.c_str(), &unit);
  const std::string_view name(unit);
  if (name.starts_with("us")) return value / 1000;
  if (name.starts_with("ms")) return value;
  if (name.starts_with("s")) return value * 1000;
  return Error(Errc::kCorrupt, "wrk said '" + text + "'");
}

// The word after `label` in what wrk printed.
Result<std::string> word_after(const std::string& text, const std::string& label) {
  const std::size_t at = text.find(label);
  if (at == std::string::npos) return Error(Errc::kCorrupt, "wrk did not say " + label + text);
  const std::size_t begin = text.find_first_not_of(" \t", at + label.size());
  return text.substr(begin, text.find_first_of(" \n", begin) - begin);
}

Status run_wrk(std::uint16_t port, int connections, int seconds, Load& load) {
  auto wrk = SM_TRY(Program::start({"wrk", "-t1", "-c" + std::to_string(connections),
                                    "-d" + std::to_string(seconds) + "s", "--latency", "--timeout",
                                    "30s", "http://127.0.0.1:" + std::to_string(port) + "/"}));
  SM_TRY(wrk.wait_for_end(deadline_in(std::chrono::seconds(seconds) + 60s)));
  for (const char* trouble : {"Non-2xx", "Socket errors"}) {
    if (wrk.text().find(trouble) != std::string::npos) return Error(Errc::kOs, wrk.text());
  }
  load.requests.add(std::atof(SM_TRY(word_after(wrk.text(), "Requests/sec:")).c_str()));
  load.p99.add(SM_TRY(to_ms(SM_TRY(word_after(wrk.text(), "99%")))));
  return {};
}

Status wait_for_native() {
  const std::string ask =
      "wrk -t1 -c1 -d1s http://127.0.0.1:" + std::to_string(kPort) + "/ 2> /dev/null";
  for (int i = 0; i < 300; ++i) {
    auto asked = SM_TRY(Program::start({"sh", "-c", ask}));
    if (asked.wait_for_end(deadline_in(30s)).ok()) return {};
    std::this_thread::sleep_for(100ms);
  }
  return Error(Errc::kTimeout, "nginx of the bundle does not answer");
}

// crun's end is not its container's.
struct ContainerEnd {
  ContainerEnd() = default;
  ContainerEnd(const ContainerEnd&) = delete;
  ContainerEnd& operator=(const ContainerEnd&) = delete;
  ~ContainerEnd() {
    auto crun = Program::start({"crun", "--cgroup-manager=disabled", "delete", "--force", "ports"});
    if (crun.ok()) static_cast<void>(crun.value().wait_for_end(deadline_in(30s)).ok());
  }
};

void print(int connections, const char* what, const Load& load, const Load& native) {
  std::printf("| %d | %s | %.0f (%.0f..%.0f) | %.2f | %.1f |\n", connections, what,
              load.requests.median(), load.requests.min(), load.requests.max(),
              load.requests.median() / native.requests.median(), load.p99.median());
}

Status measure(int rounds, int seconds, const std::string& reference, const std::string& bundle,
               const std::string& dir) {
  const Image image = SM_TRY(Image::from_oci(reference));
  Image snapshot = image;
  {
    Vm vm = SM_TRY(image.start());
    SM_TRY(vm.start_workload());
    SM_TRY(vm.wait_listener(kPort, 60s));
    snapshot = SM_TRY(vm.snapshot(dir + "/snapshot"));
  }
  Vm vm = SM_TRY(snapshot.start());
  const TcpForward forward = SM_TRY(vm.expose_tcp(0, kPort));
  const UniqueFd nothing = SM_TRY(sys::open("/dev/null", O_RDONLY));
  auto native = SM_TRY(Program::start(
      {"sh", "-c",
       "exec crun --cgroup-manager=disabled run --bundle " + bundle + " ports > /dev/null 2>&1"},
      nothing.get()));
  const ContainerEnd end;
  SM_TRY(wait_for_native());

  constexpr std::size_t kCount = std::size(kConnections);
  std::vector<Load> here(kCount);
  std::vector<Load> there(kCount);
  for (int round = 0; round < rounds; ++round) {
    for (std::size_t i = 0; i < kCount; ++i) {
      SM_TRY(run_wrk(kPort, kConnections[i], seconds, here[i]));
      SM_TRY(run_wrk(forward.port(), kConnections[i], seconds, there[i]));
    }
  }
  std::printf("| connections | nginx | requests/s | of native | p99 ms |\n|---|---|---|---|---|\n");
  for (std::size_t i = 0; i < kCount; ++i) {
    print(kConnections[i], "crun, host network", here[i], here[i]);
    print(kConnections[i], "**restored VM, expose_tcp**", there[i], here[i]);
  }
  return {};
}

}  // namespace
}  // namespace supermachine::bench

int main(int argc, char** argv) {
  using namespace supermachine;
  if (argc != 6) return 2;
  const Status done =
      bench::measure(std::atoi(argv[1]), std::atoi(argv[2]), argv[3], argv[4], argv[5]);
  if (!done.ok()) std::fprintf(stderr, "ports_bench: %s\n", done.error().message().c_str());
  return done.ok() ? 0 : 1;
}
