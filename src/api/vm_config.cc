#include "supermachine/vm_config.h"

#include <algorithm>

#include "vmm/machine.h"

namespace supermachine {
namespace {

constexpr std::size_t kMaxHostname = 64;  // Linux' HOST_NAME_MAX

// ASCII, whatever the locale says: the name becomes part of the kernel's command line.
bool is_hostname(std::string_view name) {
  const auto fits = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '.';
  };
  return !name.empty() && name.size() <= kMaxHostname && name[0] != '-' &&
         std::ranges::all_of(name, fits);
}

}  // namespace

Status VmConfig::check() const {
  if (!is_hostname(hostname_)) {
    return Error(Errc::kInvalidArgument, "hostname '" + hostname_ +
                                             "': it takes up to 64 letters, digits, dots and "
                                             "hyphens");
  }
  return supermachine::check(MachineConfig{.memory_mib = memory_mib_, .vcpus = vcpus_});
}

}  // namespace supermachine
