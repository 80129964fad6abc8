// SPDX-License-Identifier: Apache-2.0
#include "virtio/vsock_packet.h"

#include <gtest/gtest.h>

#include "golden.h"

namespace supermachine::virtio {
namespace {

constexpr VsockHeader kSample{
    .src_cid = 0x0102'0304'0506'0708,
    .dst_cid = 2,
    .src_port = 0x1112'1314,
    .dst_port = 1024,
    .len = 0x2122'2324,
    .type = VsockType::kStream,
    .op = VsockOp::kShutdown,
    .flags = kShutdownBoth,
    .buf_alloc = 0x4'0000,
    .fwd_cnt = 0xffff'fffe,
};

TEST(VsockPacketTest, HeaderSurvivesARoundTrip) {
  EXPECT_EQ(parse_vsock_header(encode_vsock_header(kSample)), kSample);
}

TEST(VsockPacketTest, UnknownValuesSurviveARoundTrip) {
  VsockHeader odd = kSample;
  odd.type = VsockType{0xffff};
  odd.op = VsockOp{0x1234};
  EXPECT_EQ(parse_vsock_header(encode_vsock_header(odd)), odd);
}

TEST(VsockPacketTest, BytesAreThoseOfTheSpecification) {
  expect_matches_golden(encode_vsock_header(kSample), "vsock/header.bin");
}

TEST(VsockPacketTest, GoldenBytesParse) {
  EXPECT_EQ(parse_vsock_header(read_golden("vsock/header.bin")), kSample);
}

TEST(VsockPacketTest, EveryTruncationIsRefused) {
  const auto bytes = encode_vsock_header(kSample);
  for (std::size_t len = 0; len < bytes.size(); ++len) {
    EXPECT_FALSE(parse_vsock_header(std::span(bytes).first(len)).has_value()) << len;
  }
}

}  // namespace
}  // namespace supermachine::virtio
