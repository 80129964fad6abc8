// SPDX-License-Identifier: Apache-2.0
// What makes a guest's kernel forget that it is a copy. An interface, so that tests of everything
// around it change nothing of the machine they run on.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "base/handles.h"

namespace supermachine::agent {

class Kernel {
 public:
  Kernel() = default;
  Kernel(const Kernel&) = delete;
  Kernel& operator=(const Kernel&) = delete;
  virtual ~Kernel() = default;

  // Gives back the page cache and puts free memory together.
  virtual Status drop_caches() = 0;

  // Puts a file of ours over the kernel's boot id, with the same content; renew_boot_id() then
  // writes another. Costs something once only.
  virtual Status cover_boot_id() = 0;
  virtual Status renew_boot_id() = 0;

  virtual Status set_clock(std::uint64_t realtime_ns) = 0;
  // Credits every bit and reseeds, so that what /dev/urandom gives next depends on `bytes`, which
  // are at most rpc::kMaxEntropy.
  virtual Status add_entropy(std::span<const std::byte> bytes) = 0;
  virtual Status set_hostname(const std::string& name) = 0;
};

// The kernel of the guest that this process is the first process of.
class GuestKernel final : public Kernel {
 public:
  static Result<std::unique_ptr<GuestKernel>> create();

  Status drop_caches() override;
  Status cover_boot_id() override;
  Status renew_boot_id() override;
  Status set_clock(std::uint64_t realtime_ns) override;
  Status add_entropy(std::span<const std::byte> bytes) override;
  Status set_hostname(const std::string& name) override;

 private:
  explicit GuestKernel(UniqueFd random) : random_(std::move(random)) {}

  UniqueFd random_;   // open from the start: a restore opens nothing
  UniqueFd boot_id_;  // the file that covers it
};

// Version 4 of RFC 9562 from 16 random bytes, as the kernel writes it.
[[nodiscard]] std::string format_uuid(std::span<const std::byte, 16> random);

}  // namespace supermachine::agent
