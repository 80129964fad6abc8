// SPDX-License-Identifier: Apache-2.0
#include "virtio/vsock_packet.h"

#include "base/endian.h"

namespace supermachine::virtio {
namespace {

namespace at {
constexpr std::size_t kSrcCid = 0;
constexpr std::size_t kDstCid = 8;
constexpr std::size_t kSrcPort = 16;
constexpr std::size_t kDstPort = 20;
constexpr std::size_t kLen = 24;
constexpr std::size_t kType = 28;
constexpr std::size_t kOp = 30;
constexpr std::size_t kFlags = 32;
constexpr std::size_t kBufAlloc = 36;
constexpr std::size_t kFwdCnt = 40;
}  // namespace at
static_assert(at::kFwdCnt + sizeof(std::uint32_t) == kVsockHeaderBytes);

}  // namespace

std::optional<VsockHeader> parse_vsock_header(std::span<const std::byte> bytes) {
  if (bytes.size() < kVsockHeaderBytes) return std::nullopt;
  return VsockHeader{
      .src_cid = load_le<std::uint64_t>(bytes, at::kSrcCid),
      .dst_cid = load_le<std::uint64_t>(bytes, at::kDstCid),
      .src_port = load_le<std::uint32_t>(bytes, at::kSrcPort),
      .dst_port = load_le<std::uint32_t>(bytes, at::kDstPort),
      .len = load_le<std::uint32_t>(bytes, at::kLen),
      .type = VsockType{load_le<std::uint16_t>(bytes, at::kType)},
      .op = VsockOp{load_le<std::uint16_t>(bytes, at::kOp)},
      .flags = load_le<std::uint32_t>(bytes, at::kFlags),
      .buf_alloc = load_le<std::uint32_t>(bytes, at::kBufAlloc),
      .fwd_cnt = load_le<std::uint32_t>(bytes, at::kFwdCnt),
  };
}

std::array<std::byte, kVsockHeaderBytes> encode_vsock_header(const VsockHeader& header) {
  std::array<std::byte, kVsockHeaderBytes> bytes{};
  store_le(bytes, at::kSrcCid, header.src_cid);
  store_le(bytes, at::kDstCid, header.dst_cid);
  store_le(bytes, at::kSrcPort, header.src_port);
  store_le(bytes, at::kDstPort, header.dst_port);
  store_le(bytes, at::kLen, header.len);
  store_le(bytes, at::kType, static_cast<std::uint16_t>(header.type));
  store_le(bytes, at::kOp, static_cast<std::uint16_t>(header.op));
  store_le(bytes, at::kFlags, header.flags);
  store_le(bytes, at::kBufAlloc, header.buf_alloc);
  store_le(bytes, at::kFwdCnt, header.fwd_cnt);
  return bytes;
}

}  // namespace supermachine::virtio
