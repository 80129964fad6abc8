// SPDX-License-Identifier: Apache-2.0
// The 44-byte header in front of every vsock packet (virtio 1.2, 5.10.6). Bytes in, fields out:
// knows nothing of queues or connections, and judges no field.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>

namespace supermachine::virtio {

inline constexpr std::size_t kVsockHeaderBytes = 44;
inline constexpr std::uint64_t kVsockHostCid = 2;  // section 5.10.4

enum class VsockType : std::uint16_t { kStream = 1 };

enum class VsockOp : std::uint16_t {
  kRequest = 1,
  kResponse = 2,
  kRst = 3,
  kShutdown = 4,
  kRw = 5,
  kCreditUpdate = 6,
  kCreditRequest = 7,
};

// Section 5.10.6.6.1, flags of kShutdown: what the sender of the packet will not do any more.
inline constexpr std::uint32_t kShutdownReceive = 1;
inline constexpr std::uint32_t kShutdownSend = 2;
inline constexpr std::uint32_t kShutdownBoth = kShutdownReceive | kShutdownSend;

struct VsockHeader {
  std::uint64_t src_cid = 0;
  std::uint64_t dst_cid = 0;
  std::uint32_t src_port = 0;
  std::uint32_t dst_port = 0;
  std::uint32_t len = 0;  // of the payload behind the header
  VsockType type = VsockType::kStream;
  VsockOp op{};
  std::uint32_t flags = 0;
  std::uint32_t buf_alloc = 0;  // room for data at the sender, in bytes
  std::uint32_t fwd_cnt = 0;    // bytes its user has taken so far, modulo 2^32

  bool operator==(const VsockHeader&) const = default;
};

// nullopt for fewer than kVsockHeaderBytes; more are not looked at.
[[nodiscard]] std::optional<VsockHeader> parse_vsock_header(std::span<const std::byte> bytes);

[[nodiscard]] std::array<std::byte, kVsockHeaderBytes> encode_vsock_header(
    const VsockHeader& header);

}  // namespace supermachine::virtio
