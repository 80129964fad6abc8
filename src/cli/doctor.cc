// SPDX-License-Identifier: Apache-2.0
// `supermachine doctor`: is this host able to run VMs, what is missing, and what to do.
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <thread>

#include "cli/doctor_report.h"
#include "cli/engine.h"
#include "cli/help/text.h"
#include "cli/host_help.h"
#include "cli/parse.h"
#include "supermachine/assets.h"
#include "supermachine/host.h"

namespace supermachine::cli {
namespace {

namespace fs = std::filesystem;

Check check_permission() {
  constexpr const char* kDevice = "/dev/kvm";
  const bool there = ::access(kDevice, F_OK) == 0;
  if (there && ::access(kDevice, R_OK | W_OK) == 0) {
    return {.name = "kvm device", .ok = true, .detail = "/dev/kvm, which we may open"};
  }
  return {.name = "kvm device",
          .ok = false,
          .detail = there ? "/dev/kvm is there, but we may not open it" : "there is no /dev/kvm"};
}

Check check_kvm(const HostReport& host) {
  const double ms = static_cast<double>(host.duration.count()) / 1000;
  char took[64];
  std::snprintf(took, sizeof took, "a guest of a few instructions ran; took %.1f ms", ms);
  return {
      .name = "kvm", .ok = host.usable(), .detail = host.usable() ? took : joined(host.problems)};
}

// An installed program has none, and needs none where KVM works.
Check check_lab(bool kvm_usable) {
  if (inside_lab()) return {.name = "lab", .ok = true, .detail = "we are in it"};
  const auto lab = find_lab();
  if (!lab.ok()) {
    const std::string& why = lab.error().message();
    return {.name = "lab", .ok = false, .detail = kvm_usable ? "not needed here; " + why : why};
  }
  const auto problems = lab_problems(lab.value());
  return {.name = "lab",
          .ok = problems.empty(),
          .detail = problems.empty() ? lab.value() : joined(problems)};
}

Check check_assets() {
  const auto assets = AssetPaths::discover();
  if (!assets.ok()) return {.name = "assets", .ok = false, .detail = assets.error().message()};
  const auto place = [](const std::string& path) {
    return path.empty() ? std::string("inside the program") : path;
  };
  return {.name = "assets",
          .ok = true,
          .detail = place(assets.value().kernel) + ", " + place(assets.value().agent)};
}

// As ImportOptions::cache_dir says.
std::string cache_dir() {
  const auto variable = [](const char* name) {
    const char* value = std::getenv(name);
    return std::string(value == nullptr ? "" : value);
  };
  if (auto dir = variable("SUPERMACHINE_CACHE"); !dir.empty()) return dir;
  if (auto dir = variable("XDG_CACHE_HOME"); !dir.empty()) return dir + "/supermachine";
  if (auto dir = variable("HOME"); !dir.empty()) return dir + "/.cache/supermachine";
  return {};
}

Check check_cache() {
  const std::string dir = cache_dir();
  if (dir.empty()) {
    return {.name = "cache", .ok = false, .detail = "no place: set SUPERMACHINE_CACHE or HOME"};
  }
  std::error_code ignored;  // what cannot be looked at cannot be written either
  fs::path existing = fs::absolute(dir, ignored);
  while (existing.has_relative_path() && !fs::exists(existing, ignored)) {
    existing = existing.parent_path();
  }
  if (fs::is_directory(existing, ignored) && ::access(existing.c_str(), W_OK | X_OK) == 0) {
    return {.name = "cache", .ok = true, .detail = dir + ", which we may write"};
  }
  return {.name = "cache",
          .ok = false,
          .detail = existing.string() +
                    " cannot be written: set SUPERMACHINE_CACHE to a directory of your own"};
}

Check check_resources() {
  constexpr long kMinMib = 256;  // what a VM gets by default
  const long page = ::sysconf(_SC_PAGESIZE);
  const long total_mib = ::sysconf(_SC_PHYS_PAGES) / 1024 * page / 1024;
  const long free_mib = ::sysconf(_SC_AVPHYS_PAGES) / 1024 * page / 1024;
  return {.name = "resources",
          .ok = total_mib >= kMinMib,
          .detail = std::to_string(total_mib) + " MiB of memory, " + std::to_string(free_mib) +
                    " MiB of it unused, " + std::to_string(std::thread::hardware_concurrency()) +
                    " processors"};
}

}  // namespace

Result<int> doctor_verb(Args args) {
  bool help = false;
  bool json = false;
  Parser parser(kDoctorHelp);
  parser.flag("--help", help);
  parser.flag("--json", json);
  SM_TRY(with_hint(parser.parse(args), "doctor"));
  if (help) return print_help(kDoctorHelp);
  DoctorReport report;
  const HostReport host = check_host();
  const Check lab = check_lab(host.usable());
  report.checks = {check_permission(), check_kvm(host), lab,
                   check_assets(),     check_cache(),   check_resources()};
  report.kvm_usable = host.usable();
  report.lab_usable = lab.ok && !inside_lab();
  std::fputs((json ? report.json() : report.text()).c_str(), stdout);
  return report.verdict() == DoctorReport::Verdict::kNone ? 1 : 0;
}

}  // namespace supermachine::cli
