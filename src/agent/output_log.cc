// SPDX-License-Identifier: Apache-2.0
#include "agent/output_log.h"

#include <algorithm>
#include <cstring>

namespace supermachine::agent {

void OutputLog::append(rpc::FrameType type, std::span<const std::byte> bytes) {
  if (bytes.empty()) return;
  if (!ring_) ring_.reset(new std::byte[kKept]);
  if (runs_.empty() || runs_.back().type != type) runs_.push_back({.begin = end_, .type = type});
  end_ += bytes.size();
  bytes = bytes.last(std::min(bytes.size(), kKept));
  std::uint64_t at = end_ - bytes.size();
  while (!bytes.empty()) {
    const std::size_t place = at % kKept;
    const std::size_t count = std::min(bytes.size(), kKept - place);
    std::memcpy(ring_.get() + place, bytes.data(), count);
    bytes = bytes.subspan(count);
    at += count;
  }
  if (end_ - begin_ > kKept) drop_until(end_ - kKept);
  if (runs_.size() > kMaxRuns) drop_until(runs_[1].begin);
}

void OutputLog::drop_until(std::uint64_t at) {
  begin_ = at;
  while (runs_.size() > 1 && runs_[1].begin <= at) runs_.pop_front();
}

OutputLog::Piece OutputLog::piece_at(std::uint64_t at) const {
  const auto next = std::upper_bound(runs_.begin(), runs_.end(), at,
                                     [](std::uint64_t a, const Run& run) { return a < run.begin; });
  const std::uint64_t run_end = next == runs_.end() ? end_ : next->begin;
  const std::size_t place = at % kKept;
  const std::size_t count =
      std::min({static_cast<std::size_t>(run_end - at), kKept - place, rpc::kMaxData});
  return {.type = std::prev(next)->type, .bytes = {ring_.get() + place, count}};
}

std::string OutputLog::last_line() const {
  constexpr std::uint64_t kLongest = 200;
  const auto is_end = [](std::byte b) { return b == std::byte{'\n'} || b == std::byte{'\r'}; };
  std::uint64_t end = end_;
  while (end > begin_ && is_end(byte_at(end - 1))) --end;
  std::uint64_t at = end;
  while (at > begin_ && end - at < kLongest && !is_end(byte_at(at - 1))) --at;
  std::string line;
  for (; at < end; ++at) line += static_cast<char>(byte_at(at));
  return line;
}

}  // namespace supermachine::agent
