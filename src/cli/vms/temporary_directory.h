// SPDX-License-Identifier: Apache-2.0
// A directory for one test.
#pragma once

#include <stdlib.h>

#include <filesystem>
#include <string>

#include "supermachine/result.h"

namespace supermachine::cli {

class TemporaryDirectory {
 public:
  TemporaryDirectory() {
    std::string name = "/tmp/sm_vms_XXXXXX";
    SM_CHECK(::mkdtemp(name.data()) != nullptr);
    path_ = name;
  }
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;
  ~TemporaryDirectory() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  std::string path_;
};

}  // namespace supermachine::cli
