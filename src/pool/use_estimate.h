// SPDX-License-Identifier: Apache-2.0
// How much guest memory one more VM of a pool may come to need, by what the last ones did.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace supermachine {

class UseEstimate {
 public:
  // What a VM is thought to come to need before one was seen.
  static constexpr std::uint64_t kFirstGuess = 4 << 20;
  // So many uses later, a large one is forgotten.
  static constexpr std::size_t kRemembered = 16;

  void add(std::uint64_t bytes);

  // The largest of those remembered; 0 when there are none.
  [[nodiscard]] std::uint64_t largest() const;
  // Bytes for one more. Never above `budget`: one VM alone has to pass, whatever was seen.
  [[nodiscard]] std::uint64_t of_one(std::uint64_t budget) const;

 private:
  std::array<std::uint64_t, kRemembered> uses_{};
  std::size_t next_ = 0;
};

}  // namespace supermachine
