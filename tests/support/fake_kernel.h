// SPDX-License-Identifier: Apache-2.0
// Stands for the guest's kernel where the agent runs on a developer's machine: writes down what it
// is asked for, line by line, in ROOT/kernel.log, and refuses what ROOT/refuse names.
#pragma once

#include <fcntl.h>

#include "agent/kernel.h"
#include "base/files.h"
#include "base/sys.h"

namespace supermachine {

class FakeKernel final : public agent::Kernel {
 public:
  explicit FakeKernel(std::string root) : root_(std::move(root)) {}

  Status drop_caches() override { return note("drop_caches"); }
  Status cover_boot_id() override {
    if (std::exchange(covered_, true)) return {};
    return note("cover_boot_id");
  }
  Status renew_boot_id() override { return note("renew_boot_id"); }
  Status set_clock(std::uint64_t ns) override { return note("clock", std::to_string(ns)); }
  Status add_entropy(std::span<const std::byte> bytes) override {
    return note("entropy", std::to_string(bytes.size()));
  }
  Status set_hostname(const std::string& name) override { return note("hostname", name); }

 private:
  Status note(const std::string& what, const std::string& value = {}) {
    const auto refused = read_file(root_ + "/refuse", 4096);
    if (refused.ok() && refused.value() == what) return Error(Errc::kOs, what + ": refused");
    const UniqueFd log =
        SM_TRY(sys::open(root_ + "/kernel.log", O_WRONLY | O_CREAT | O_APPEND, 0644));
    const std::string line = value.empty() ? what + "\n" : what + " " + value + "\n";
    return write_all(log.get(), std::as_bytes(std::span(line)));
  }

  std::string root_;
  bool covered_ = false;
};

}  // namespace supermachine
