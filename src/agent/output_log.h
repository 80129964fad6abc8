// SPDX-License-Identifier: Apache-2.0
// The end of what a process wrote to its two streams, in the order in which it came.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <span>
#include <string>

#include "rpc/frame.h"

namespace supermachine::agent {

// Positions count all bytes that were ever appended, so that readers keep theirs while the log
// loses its beginning.
class OutputLog {
 public:
  static constexpr std::size_t kKept = std::size_t{256} << 10;

  struct Piece {
    rpc::FrameType type = rpc::FrameType::kStdout;
    std::span<const std::byte> bytes;  // valid until append()
  };

  void append(rpc::FrameType type, std::span<const std::byte> bytes);

  // What is kept is [begin(), end()).
  [[nodiscard]] std::uint64_t begin() const { return begin_; }
  [[nodiscard]] std::uint64_t end() const { return end_; }

  // What follows `at`, which lies in what is kept and before its end: of one stream, and no more
  // than a frame carries.
  [[nodiscard]] Piece piece_at(std::uint64_t at) const;

  // Without its end of line, and cut to 200 bytes; empty if there is none.
  [[nodiscard]] std::string last_line() const;

 private:
  // From `begin` to the next one's.
  struct Run {
    std::uint64_t begin;
    rpc::FrameType type;
  };
  // Each costs memory however short it is.
  static constexpr std::size_t kMaxRuns = 4096;

  void drop_until(std::uint64_t at);
  [[nodiscard]] std::byte byte_at(std::uint64_t at) const { return ring_[at % kKept]; }

  std::unique_ptr<std::byte[]> ring_;  // made with the first byte; pages never written cost nothing
  std::deque<Run> runs_;
  std::uint64_t begin_ = 0;
  std::uint64_t end_ = 0;
};

}  // namespace supermachine::agent
