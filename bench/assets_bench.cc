// SPDX-License-Identifier: Apache-2.0
// What it costs to have kernel and agent inside of the program: the stages of a boot, with them and
// with files beside the same program. In turns, since the host's speed drifts. Arguments: pairs,
// the stages program, the image, the directory of `kernel` and `supermachine-agent`, a directory.
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <sstream>

#include "base/files.h"
#include "support/process.h"
#include "support/series.h"

namespace supermachine::bench {
namespace {

using namespace std::chrono_literals;

constexpr auto kPatience = 60s;
constexpr const char* kStages[] = {"image ready", "VM created", "kernel entered", "agent up",
                                   "gone"};

using Stages = std::map<std::string, Series>;

Status measure_one(const std::string& program, const std::string& image, Stages& stages) {
  Program running = SM_TRY(Program::start({program, image}));
  SM_TRY(running.wait_for_end(deadline_in(kPatience)));
  std::istringstream lines(running.text());
  for (std::string line; std::getline(lines, line);) {
    const std::size_t space = line.rfind(' ');
    const std::chrono::nanoseconds when(
        std::strtoll(line.c_str() + space + 1, nullptr, 10));  // NOLINT: our own program's number
    const std::chrono::duration<double, std::milli> took =
        Clock::time_point(when) - running.started();
    stages[line.substr(0, space)].add(took.count());
  }
  return {};
}

Status copy(const std::string& from, const std::string& to) {
  std::error_code error;
  std::filesystem::copy_file(from, to, error);
  if (error) return Error::from_errno("copy " + from, error.value());
  return {};
}

Status measure(int pairs, const std::string& program, const std::string& image,
               const std::string& assets, const std::string& directory) {
  const std::string inside = directory + "/inside";
  const std::string beside = directory + "/beside";
  for (const std::string& place : {inside, beside}) {
    SM_TRY(make_directories(place));
    SM_TRY(copy(program, place + "/program"));
  }
  for (const char* name : {"/kernel", "/supermachine-agent"})
    SM_TRY(copy(assets + name, beside + name));
  // What is beside a program is found first; what is inside, where there is nothing else.
  ::unsetenv("SUPERMACHINE_ASSETS_DIR");

  Stages warm_up, of_inside, of_beside;
  SM_TRY(measure_one(inside + "/program", image, warm_up));
  SM_TRY(measure_one(beside + "/program", image, warm_up));
  for (int i = 0; i < pairs; ++i) {
    const bool inside_first = i % 2 == 0;
    if (inside_first) SM_TRY(measure_one(inside + "/program", image, of_inside));
    SM_TRY(measure_one(beside + "/program", image, of_beside));
    if (!inside_first) SM_TRY(measure_one(inside + "/program", image, of_inside));
  }
  print_header("ms");
  for (const char* stage : kStages) {
    print_line(std::string("files: ") + stage, of_beside[stage], of_beside[stage]);
    print_line(std::string("inside: ") + stage, of_inside[stage], of_beside[stage]);
  }
  return {};
}

}  // namespace
}  // namespace supermachine::bench

int main(int argc, char** argv) {
  using namespace supermachine;
  if (argc != 6) return 2;
  const Status done = bench::measure(std::atoi(argv[1]), argv[2], argv[3], argv[4], argv[5]);
  if (!done.ok()) std::fprintf(stderr, "assets_bench: %s\n", done.error().message().c_str());
  return done.ok() ? 0 : 1;
}
