// SPDX-License-Identifier: Apache-2.0
#include "supermachine/c/values.h"

#include <algorithm>

#include "capi/call.h"
#include "capi/handles.h"

namespace supermachine::capi {

Status check(std::initializer_list<Argument> required) {
  for (const Argument& argument : required) {
    if (argument.pointer == nullptr)
      return Error(Errc::kInvalidArgument, std::string(argument.name) + " is NULL");
  }
  return {};
}

Result<std::chrono::nanoseconds> to_duration(std::int64_t nanoseconds) {
  if (nanoseconds == SUPERMACHINE_FOREVER) return kForever;
  if (nanoseconds < 0) {
    return Error(Errc::kInvalidArgument,
                 "a time of " + std::to_string(nanoseconds) + " nanoseconds");
  }
  return std::min(std::chrono::nanoseconds(nanoseconds), kForever);
}

Result<std::chrono::milliseconds> to_milliseconds(std::int64_t nanoseconds) {
  return std::chrono::ceil<std::chrono::milliseconds>(SM_TRY(to_duration(nanoseconds)));
}

std::vector<std::string> to_strings(const char* const* argv) {
  std::vector<std::string> strings;
  if (argv == nullptr) return strings;
  for (; *argv != nullptr; ++argv) strings.emplace_back(*argv);
  return strings;
}

Status check_bytes(const void* bytes, std::size_t size) {
  return size == 0 ? Status() : check({{"bytes", bytes}});
}

std::string_view to_view(const void* bytes, std::size_t size) {
  return size == 0 ? std::string_view() : std::string_view(static_cast<const char*>(bytes), size);
}

const void* give_bytes(const std::string& bytes, std::size_t* size) {
  if (size != nullptr) *size = bytes.size();
  return bytes.c_str();
}

}  // namespace supermachine::capi

using namespace supermachine::capi;

const char* supermachine_version() noexcept { return SM_VERSION; }

size_t supermachine_string_list_count(const supermachine_string_list* list) noexcept {
  return get(list, [](auto& l) { return l.strings.size(); });
}
const char* supermachine_string_list_at(const supermachine_string_list* list,
                                        size_t index) noexcept {
  if (list == nullptr || index >= list->strings.size()) return nullptr;
  return list->strings[index].c_str();
}

void supermachine_bytes_free(supermachine_bytes* bytes) noexcept { delete bytes; }
const void* supermachine_bytes_data(const supermachine_bytes* bytes) noexcept {
  return get(bytes, [](auto& b) { return give_bytes(b.bytes, nullptr); });
}
size_t supermachine_bytes_size(const supermachine_bytes* bytes) noexcept {
  return get(bytes, [](auto& b) { return b.bytes.size(); });
}
