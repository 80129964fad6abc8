// SPDX-License-Identifier: Apache-2.0
#include "bake/bake_key.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>

#include <array>
#include <filesystem>

#include "base/sys.h"
#include "oci/digest.h"

namespace supermachine::bake {
namespace {

// Raise it when the same inputs would give another guest.
constexpr int kBakeVersion = 1;

constexpr std::uint32_t kPermissionBits = 07777;

// Values with their lengths, so that no two lists of inputs look alike.
class Canonical {
 public:
  void add(std::string_view name, std::string_view value) {
    text_ += fmt::format("{}={}:{}\n", name, value.size(), value);
  }
  void add(std::string_view name, std::uint64_t value) { add(name, std::to_string(value)); }
  void add(std::string_view name, const std::vector<std::string>& values) {
    add(name, values.size());
    for (const std::string& value : values) add(name, value);
  }
  [[nodiscard]] std::string hash() const { return oci::Sha256::of(text_).hex(); }

 private:
  std::string text_;
};

Result<std::string> hash_of_file(int fd) {
  oci::Sha256 hash;
  std::array<std::byte, 65536> buffer;
  for (;;) {
    const std::size_t got = SM_TRY(sys::read(fd, buffer));
    if (got == 0) return hash.finish().hex();
    hash.add(std::span(buffer).first(got));
  }
}

}  // namespace

Result<ExtraFile> ExtraFile::read(std::string host_path, std::string guest_path) {
  const std::filesystem::path path = guest_path;
  if (!path.is_absolute() || !path.has_filename() || path.lexically_normal() != path ||
      guest_path.find('\0') != std::string::npos) {
    return Error(Errc::kInvalidArgument,
                 "'" + guest_path + "' is no absolute path of a file in the guest");
  }
  const UniqueFd file = SM_TRY(sys::open(host_path, O_RDONLY | O_NONBLOCK));
  const auto status = SM_TRY(sys::file_status(file.get()));
  if (!S_ISREG(status.st_mode))
    return Error(Errc::kInvalidArgument, host_path + " is no regular file");
  ExtraFile out{.host_path = std::move(host_path),
                .guest_path = std::move(guest_path),
                .mode = status.st_mode & kPermissionBits,
                .sha256 = {}};
  out.sha256 = SM_TRY(hash_of_file(file.get()));
  return out;
}

std::string bake_identity(const BakeInputs& inputs) {
  Canonical text;
  text.add("version", kBakeVersion);
  text.add("supermachine", inputs.version);
  text.add("image", inputs.image_digest);
  text.add("rootfs", inputs.rootfs_key);
  text.add("platform", inputs.platform);
  text.add("kernel", inputs.kernel_id);
  text.add("agent", inputs.agent_id);
  return text.hash();
}

std::string bake_key(const BakeInputs& inputs) {
  Canonical text;
  text.add("identity", bake_identity(inputs));
  text.add("env", inputs.env);
  text.add("has_cmd", inputs.cmd ? 1 : 0);
  if (inputs.cmd) text.add("cmd", *inputs.cmd);
  text.add("memory_mib", inputs.memory_mib);
  text.add("vcpus", inputs.vcpus);
  text.add("guest_port", inputs.guest_port);
  text.add("waits_for_listener", inputs.waits_for_listener ? 1 : 0);
  text.add("kernel_args", inputs.kernel_args);
  text.add("extra_files", inputs.extra_files.size());
  for (const ExtraFile& file : inputs.extra_files) {
    text.add("guest_path", file.guest_path);
    text.add("mode", file.mode);
    text.add("sha256", file.sha256);
  }
  return text.hash();
}

std::string warm_key(const std::string& base_key, const std::string& tag) {
  Canonical text;
  text.add("base", base_key);
  text.add("tag", tag);
  return text.hash();
}

}  // namespace supermachine::bake
