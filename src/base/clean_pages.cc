// SPDX-License-Identifier: Apache-2.0
#include "base/clean_pages.h"

#include <sys/mman.h>
#include <unistd.h>

#include <bit>
#include <charconv>
#include <cstdint>
#include <string_view>

#include "base/files.h"

namespace supermachine {
namespace {

constexpr std::size_t kMaxMaps = 4 << 20;

// The word that `line` begins with, taken off it.
std::string_view next_word(std::string_view& line) {
  line.remove_prefix(std::min(line.find_first_not_of(' '), line.size()));
  const std::string_view word = line.substr(0, line.find(' '));
  line.remove_prefix(word.size());
  return word;
}

// Whether one line of /proc/self/maps, "start-end perms offset device inode path" (proc(5)), holds
// all of the range, is of a file, and neither shared nor writable: then its pages are the file's.
bool is_clean_file(std::string_view line, std::uintptr_t start, std::uintptr_t end) {
  std::uintptr_t from = 0;
  std::uintptr_t to = 0;
  const std::string_view range = next_word(line);
  const char* const last = range.data() + range.size();
  const char* const dash = std::from_chars(range.data(), last, from, 16).ptr;
  if (dash == last || std::from_chars(dash + 1, last, to, 16).ptr != last) return false;
  if (start < from || end > to) return false;
  const std::string_view permissions = next_word(line);
  next_word(line);
  next_word(line);
  return permissions.size() == 4 && permissions[1] == '-' && permissions[3] == 'p' &&
         next_word(line) != "0";
}

bool is_clean_file(std::uintptr_t start, std::uintptr_t end) {
  const auto maps = read_file("/proc/self/maps", kMaxMaps);
  if (!maps.ok()) return false;
  std::string_view rest = maps.value();
  while (!rest.empty()) {
    const std::string_view line = rest.substr(0, rest.find('\n'));
    if (is_clean_file(line, start, end)) return true;
    rest.remove_prefix(std::min(line.size() + 1, rest.size()));
  }
  return false;
}

}  // namespace

void drop_clean_pages(std::span<const std::byte> bytes) {
  const auto page = static_cast<std::uintptr_t>(::sysconf(_SC_PAGESIZE));
  const auto at = std::bit_cast<std::uintptr_t>(bytes.data());
  const std::uintptr_t start = (at + page - 1) & ~(page - 1);
  const std::uintptr_t end = (at + bytes.size()) & ~(page - 1);
  if (end <= start || !is_clean_file(start, end)) return;
  ::madvise(std::bit_cast<void*>(start), end - start, MADV_DONTNEED);  // advice: no error matters
}

}  // namespace supermachine
