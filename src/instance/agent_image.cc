// SPDX-License-Identifier: Apache-2.0
#include "instance/agent_image.h"

#include <algorithm>

#include "base/elf_note.h"

namespace supermachine {
namespace {

constexpr std::string_view kOwner = "supermachine";
constexpr std::uint32_t kVersionNote = 1;
constexpr std::size_t kMaxVersion = 64;

}  // namespace

std::string agent_version(std::span<const std::byte> image) {
  const auto note = find_elf_note(image, kOwner, kVersionNote);
  const std::string_view text(reinterpret_cast<const char*>(note.data()), note.size());
  const std::string_view version = text.substr(0, std::min(text.find('\0'), kMaxVersion));
  const bool printable = std::ranges::all_of(version, [](char c) { return c > ' ' && c <= '~'; });
  return printable ? std::string(version) : std::string();
}

Status check_agent(std::span<const std::byte> image) {
  const std::string version = agent_version(image);
  if (version == SM_VERSION) return {};
  if (version.empty()) return Error(Errc::kInvalidArgument, "not a supermachine-agent");
  return Error(Errc::kInvalidArgument, "the agent of supermachine " + version +
                                           ", and this is " SM_VERSION
                                           ": the two are of one version or do not go together");
}

}  // namespace supermachine
