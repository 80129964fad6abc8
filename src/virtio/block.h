// SPDX-License-Identifier: Apache-2.0
// virtio-blk (virtio 1.2, section 5.2): requests of the driver against a BlockBackend.
#pragma once

#include <array>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "virtio/backend/block_backend.h"
#include "virtio/device.h"

namespace supermachine::virtio {

struct BlockState {
  std::uint64_t capacity_sectors = 0;
  std::array<std::byte, 20> id{};  // what the driver reads as serial number; zero-padded

  // A device that has not run yet. `id` is cut to 20 bytes.
  static BlockState power_on(const BlockBackend& backend, std::string_view id);
};

class Block final : public Device {
 public:
  static constexpr std::uint32_t kQueues = 1;
  static constexpr std::uint32_t kSectorSize = 512;
  static constexpr std::uint32_t kMaxSegmentBytes = 64 << 10;
  static constexpr std::uint32_t kMaxSegments = 126;  // a queue length less header and status
  static constexpr std::uint32_t kMaxRequestBytes = kMaxSegmentBytes * kMaxSegments;

  // kInvalidArgument when the backend is not of the size the state says.
  static Result<std::unique_ptr<Block>> create(const BlockState& state, BlockBackend& backend);

  [[nodiscard]] DeviceType type() const override { return DeviceType::kBlock; }
  [[nodiscard]] std::uint64_t features() const override;
  [[nodiscard]] std::span<const std::uint16_t> max_queue_sizes() const override {
    return kQueueSizes;
  }
  void read_config(std::uint32_t offset, std::span<std::byte> out) const override;
  Status activate(Activation activation) override;
  Result<Progress> on_notify(std::uint16_t queue) override;
  void reset() override { active_.reset(); }

  [[nodiscard]] BlockState save() const { return state_; }

 private:
  static constexpr std::array<std::uint16_t, kQueues> kQueueSizes{128};

  struct Request;
  struct Answer;

  Block(const BlockState& state, BlockBackend& backend) : state_(state), backend_(backend) {}
  Result<std::uint32_t> handle(const Chain& chain);
  Answer execute(const Request& request, const Chain& chain);
  Answer read(std::uint64_t sector, const Chain& chain);
  Answer write(std::uint64_t sector, const Chain& chain);
  Answer read_id(const Chain& chain);
  [[nodiscard]] bool in_range(std::uint64_t sector, std::uint64_t len) const;

  BlockState state_;
  BlockBackend& backend_;  // not owned; outlives us
  std::optional<Activation> active_;
  // Kept for their capacity: a request's data without header and status byte.
  std::vector<std::span<std::byte>> data_in_;
  std::vector<std::span<const std::byte>> data_out_;
};

// Section 5.2.6. Shared with tests.
namespace blk {
inline constexpr std::uint32_t kIn = 0;
inline constexpr std::uint32_t kOut = 1;
inline constexpr std::uint32_t kFlush = 4;
inline constexpr std::uint32_t kGetId = 8;
inline constexpr std::size_t kHeaderBytes = 16;

inline constexpr std::uint8_t kOk = 0;
inline constexpr std::uint8_t kIoError = 1;
inline constexpr std::uint8_t kUnsupported = 2;

// Section 5.2.3.
inline constexpr std::uint64_t kFeatureSizeMax = 1ULL << 1;
inline constexpr std::uint64_t kFeatureSegMax = 1ULL << 2;
inline constexpr std::uint64_t kFeatureReadOnly = 1ULL << 5;
inline constexpr std::uint64_t kFeatureFlush = 1ULL << 9;
}  // namespace blk

}  // namespace supermachine::virtio
