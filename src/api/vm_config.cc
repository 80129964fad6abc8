// SPDX-License-Identifier: Apache-2.0
#include "supermachine/vm_config.h"

#include <algorithm>

#include "rpc/messages.h"
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

bool is_machine_id(std::string_view id) {
  const auto fits = [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); };
  return id.size() == rpc::kMachineIdSize && std::ranges::all_of(id, fits);
}

}  // namespace

Status VmConfig::check() const {
  if (hostname_ && !is_hostname(*hostname_)) {
    return Error(Errc::kInvalidArgument, "hostname '" + *hostname_ +
                                             "': it takes up to 64 letters, digits, dots and "
                                             "hyphens");
  }
  if (!machine_id_.empty() && !is_machine_id(machine_id_)) {
    return Error(Errc::kInvalidArgument,
                 "machine id '" + machine_id_ + "': it takes 32 hex digits, in lower case");
  }
  if (payload_.size() > rpc::kMaxRestorePayload) {
    return Error(Errc::kInvalidArgument, "a payload of " + std::to_string(payload_.size()) +
                                             " bytes: it may have " +
                                             std::to_string(rpc::kMaxRestorePayload));
  }
  const MachineConfig defaults;
  return supermachine::check({.memory_mib = memory_mib_.value_or(defaults.memory_mib),
                              .vcpus = vcpus_.value_or(defaults.vcpus)});
}

}  // namespace supermachine
