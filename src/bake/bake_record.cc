// SPDX-License-Identifier: Apache-2.0
#include "bake/bake_record.h"

#include <charconv>

namespace supermachine::bake {
namespace {

constexpr const char* kKey = "bake.key";
constexpr const char* kIdentity = "bake.identity";
constexpr const char* kReference = "bake.reference";
constexpr const char* kWarmupTag = "bake.warmup_tag";
constexpr const char* kVersion = "bake.version";
constexpr const char* kWorkload = "workload";
constexpr const char* kGuestPort = "guest_port";
constexpr const char* kStarts = "starts";
constexpr const char* kRuns = "runs";

std::string value_of(const Extra& extra, const char* name) {
  const auto found = extra.find(name);
  return found == extra.end() ? std::string() : found->second;
}

std::uint16_t port_of(const std::string& text) {
  std::uint16_t port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  return error == std::errc() && end == text.data() + text.size() ? port : std::uint16_t{0};
}

}  // namespace

Extra to_extra(const WorkloadTraits& workload) {
  Extra extra;
  if (workload.mode != WorkloadMode::kNone)
    extra[kWorkload] = workload.mode == WorkloadMode::kRuns ? kRuns : kStarts;
  if (workload.guest_port != 0) extra[kGuestPort] = std::to_string(workload.guest_port);
  return extra;
}

Extra to_extra(const BakeRecord& record) {
  Extra extra = to_extra(record.workload);
  extra[kKey] = record.key;
  extra[kIdentity] = record.identity;
  extra[kReference] = record.reference;
  extra[kVersion] = record.version;
  if (record.is_warm) extra[kWarmupTag] = record.warmup_tag;
  return extra;
}

BakeRecord bake_record_of(const Extra& extra) {
  const std::string workload = value_of(extra, kWorkload);
  return {.key = value_of(extra, kKey),
          .identity = value_of(extra, kIdentity),
          .reference = value_of(extra, kReference),
          .warmup_tag = value_of(extra, kWarmupTag),
          .is_warm = extra.contains(kWarmupTag),
          .version = value_of(extra, kVersion),
          .workload = {.mode = workload == kRuns     ? WorkloadMode::kRuns
                               : workload == kStarts ? WorkloadMode::kStarts
                                                     : WorkloadMode::kNone,
                       .guest_port = port_of(value_of(extra, kGuestPort))}};
}

}  // namespace supermachine::bake
