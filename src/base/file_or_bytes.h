// SPDX-License-Identifier: Apache-2.0
// Bytes that lie in a file, or in this program already.
#pragma once

#include <optional>
#include <span>
#include <string>

#include "base/handles.h"

namespace supermachine {

class FileOrBytes {
 public:
  FileOrBytes() = default;                                   // neither
  FileOrBytes(std::string path) : name_(std::move(path)) {}  // NOLINT: implicit
  FileOrBytes(const char* path) : name_(path) {}             // NOLINT: implicit
  // `bytes` are not owned and outlive this and all that is opened of it. `name` is for messages.
  FileOrBytes(std::string name, std::span<const std::byte> bytes)
      : name_(std::move(name)), bytes_(bytes) {}

  // The path of a file.
  [[nodiscard]] const std::string& name() const noexcept { return name_; }
  [[nodiscard]] bool is_none() const noexcept { return name_.empty() && !bytes_; }

  // What it holds, as long as this lives: a file is mapped, so it must not shrink meanwhile.
  class Opened {
   public:
    explicit Opened(std::span<const std::byte> bytes) : bytes_(bytes) {}
    explicit Opened(Mapping mapping) : mapping_(std::move(mapping)), bytes_(mapping_->bytes()) {}

    [[nodiscard]] std::span<const std::byte> bytes() const noexcept { return bytes_; }

   private:
    std::optional<Mapping> mapping_;
    std::span<const std::byte> bytes_;
  };
  // Errors name the file.
  [[nodiscard]] Result<Opened> open() const;

 private:
  std::string name_;
  std::optional<std::span<const std::byte>> bytes_;
};

}  // namespace supermachine
