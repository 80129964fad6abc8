// SPDX-License-Identifier: Apache-2.0
#include "cli/snapshot_report.h"

#include <array>
#include <ctime>

#include "cli/json_text.h"
#include "cli/sizes.h"

namespace supermachine::cli {
namespace {

std::string utc(std::int64_t seconds) {
  const std::time_t time = seconds;
  std::tm parts{};
  std::array<char, 64> text{};
  if (::gmtime_r(&time, &parts) == nullptr ||
      std::strftime(text.data(), text.size(), "%Y-%m-%d %H:%M:%S UTC", &parts) == 0) {
    return std::to_string(seconds) + " seconds after 1970";
  }
  return text.data();
}

std::string line(std::string name, const std::string& value) {
  constexpr std::size_t kColumn = 10;
  name.resize(kColumn, ' ');
  return name + value + "\n";
}

std::string or_else(const std::string& value, const char* otherwise) {
  return value.empty() ? otherwise : value;
}

std::string with_digest(const SnapshotInfo& info) {
  const std::string name = or_else(info.image_name, "without a name");
  return info.image_digest.empty() ? name : name + ", " + info.image_digest;
}

}  // namespace

std::string snapshot_text(const SnapshotInfo& info, bool verified) {
  std::string out = line("snapshot", info.directory);
  if (info.is_diff) out += line("base", info.base + ", to which this is the difference");
  out += line("image", with_digest(info));
  out += line("made", utc(info.created));
  out += line("machine", human_machine(info.memory_mib, info.vcpus));
  out += line("stored", human_size(info.stored_bytes) + " of guest memory");
  out += line("hot", info.hot_bytes == 0 ? "not recorded"
                                         : human_size(info.hot_bytes) + ", which a start touches");
  out += line("root", or_else(info.rootfs_path, "none"));
  out += line("for", or_else(info.cpu_vendor, "any") + " processors; guest kernel build " +
                         or_else(info.guest_kernel, "unknown"));
  out += line("id", info.id);
  if (verified) out += line("memory", "read in full, every checksum is right");
  out += line("here", info.problems.empty() ? "can be restored" : "cannot be restored:");
  for (const std::string& problem : info.problems) out += line("", problem);
  return out;
}

std::string snapshot_json(const SnapshotInfo& info, bool verified) {
  std::string out = "{";
  const auto add = [&](const char* name, const std::string& value) {
    out += (out.size() > 1 ? ",\n  " : "\n  ") + json_string(name) + ": " + value;
  };
  add("directory", json_string(info.directory));
  add("id", json_string(info.id));
  add("kind", info.is_diff ? "\"diff\"" : "\"full\"");
  if (info.is_diff) add("base", json_string(info.base));
  add("created", std::to_string(info.created));
  add("memory_mib", std::to_string(info.memory_mib));
  add("vcpus", std::to_string(info.vcpus));
  add("stored_bytes", std::to_string(info.stored_bytes));
  add("hot_bytes", std::to_string(info.hot_bytes));
  add("image", json_string(info.image_name));
  add("digest", json_string(info.image_digest));
  add("rootfs", json_string(info.rootfs_path));
  add("cpu_vendor", json_string(info.cpu_vendor));
  add("guest_kernel", json_string(info.guest_kernel));
  add("verified", verified ? "true" : "false");
  add("restorable", info.problems.empty() ? "true" : "false");
  add("problems", json_strings(info.problems));
  return out + "\n}\n";
}

}  // namespace supermachine::cli
