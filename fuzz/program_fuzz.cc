// SPDX-License-Identifier: Apache-2.0
// What kernel and agent files say of themselves. They may be a user's own.
#include <cstdint>

#include "base/elf_note.h"
#include "boot/kernel_id.h"
#include "instance/agent_image.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace supermachine;
  const auto image = std::as_bytes(std::span(data, size));
  const auto note = find_elf_note(image, "supermachine", 1);
  SM_CHECK(note.empty() || (note.data() >= image.data() &&
                            note.data() + note.size() <= image.data() + image.size()));
  const auto is_line = [](const std::string& text) {
    return text.find_first_of(std::string("\0\n\r\x1b", 4)) == std::string::npos;
  };
  SM_CHECK(is_line(agent_version(image)));
  SM_CHECK(is_line(boot::kernel_id(image)));
  SM_CHECK(is_line(boot::linux_release(image)));
  SM_CHECK(!check_agent(image).ok() || agent_version(image) == SM_VERSION);
  return 0;
}
