// SPDX-License-Identifier: Apache-2.0
// Small snapshots in a test's own directory.
#pragma once

#include <gtest/gtest.h>

#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>
#include <vector>

#include "base/files.h"
#include "sample_machine.h"
#include "snapshot/snapshot.h"
#include "snapshot/writer.h"

namespace supermachine {

// In memory where that can be: tests write many snapshots, and each syncs its files.
inline TempDir fast_directory() {
  auto in_memory = TempDir::create("/dev/shm");
  return in_memory.ok() ? std::move(in_memory).value() : TempDir::create().value();
}

// Whole pages, each full of one character of `text`; '.' is a page of zeroes.
inline std::vector<std::byte> pages(std::string_view text) {
  std::vector<std::byte> bytes;
  for (const char c : text) {
    bytes.insert(bytes.end(), kPageSize, c == '.' ? std::byte{} : static_cast<std::byte>(c));
  }
  return bytes;
}

// The memory that a machine restored from `snapshot` would find, as such text. "?" for a page that
// is not all one character.
inline std::string memory_text(const Snapshot& snapshot) {
  const MemoryImage& image = snapshot.memory();
  std::vector<std::byte> bytes(image.size_bytes);
  for (const MemoryRun& run : image.runs) {
    const auto part = std::span(bytes).subspan(run.start, run.length);
    EXPECT_TRUE(read_exact_at(image.files[run.file], part, run.file_offset).ok());
  }
  std::string text;
  for (std::size_t at = 0; at < bytes.size(); at += kPageSize) {
    const auto page = std::span(bytes).subspan(at, kPageSize);
    const bool even = std::memcmp(page.data(), page.data() + 1, page.size() - 1) == 0;
    text += !even ? '?' : page[0] == std::byte{} ? '.' : static_cast<char>(page[0]);
  }
  return text.substr(0, text.find_last_not_of('.') + 1);
}

// A machine of 1 MiB, 256 pages, that any reader takes.
inline MachineState small_machine() {
  MachineState state;
  state.memory_mib = 1;
  state.vcpus.resize(1);
  return state;
}

// Writes `text` as the memory from page 0 on. What goes wrong first comes back.
inline Status write_snapshot(const std::string& target, std::string_view text,
                             std::shared_ptr<const Snapshot> base = {}) {
  auto writer = SM_TRY(SnapshotWriter::create(target, {.memory_mib = 1, .base = std::move(base)}));
  SM_TRY(writer.write_pages(0, pages(text)));
  return writer.finish({}, small_machine());
}

inline std::vector<std::string> names_in(const std::string& directory) {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(directory)) {
    names.push_back(entry.path().filename());
  }
  std::ranges::sort(names);
  return names;
}

inline std::string text_of(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

inline void put_text(const std::string& path, std::string_view text) {
  std::ofstream(path, std::ios::binary) << text;
}

}  // namespace supermachine
