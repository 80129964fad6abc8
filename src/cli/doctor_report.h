// SPDX-License-Identifier: Apache-2.0
// What `supermachine doctor` found, as text and as JSON.
#pragma once

#include <string>
#include <vector>

namespace supermachine::cli {

struct Check {
  std::string name;
  bool ok = false;
  std::string detail;  // what was found; if not ok, with what to do
};

struct DoctorReport {
  enum class Verdict { kKvm, kLab, kNone };

  std::vector<Check> checks;
  bool kvm_usable = false;
  bool lab_usable = false;

  // A VM needs one of the two engines, and everything else.
  [[nodiscard]] Verdict verdict() const;
  [[nodiscard]] std::string text() const;
  [[nodiscard]] std::string json() const;
};

}  // namespace supermachine::cli
