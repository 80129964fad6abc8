// SPDX-License-Identifier: Apache-2.0
#include "agent/kernel.h"

#include <fcntl.h>
#include <linux/random.h>
#include <sys/mount.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <ctime>

#include "base/endian.h"
#include "base/files.h"
#include "base/sys.h"
#include "rpc/messages.h"

namespace supermachine::agent {
namespace {

constexpr const char* kBootId = "/proc/sys/kernel/random/boot_id";
constexpr std::uint64_t kSecond = 1'000'000'000;

Status write_parameter(const char* path, std::string_view value) {
  const UniqueFd fd = SM_TRY(sys::open(path, O_WRONLY));
  if (auto written = write_all(fd.get(), std::as_bytes(std::span(value))); !written.ok()) {
    return std::move(written).error().with(path);
  }
  return {};
}

// A file with `content` in a file system of its own that nobody else sees, mounted over `target`.
Result<UniqueFd> cover(const char* target, const std::string& content) {
  const TempDir dir = SM_TRY(TempDir::create("/dev/shm"));
  if (::mount("tmpfs", dir.path().c_str(), "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC,
              "size=4k,mode=0755") != 0) {
    return Error::from_errno("mount tmpfs");
  }
  const std::string path = dir.path() + "/file";
  const auto fill = [&]() -> Result<UniqueFd> {
    UniqueFd fd = SM_TRY(sys::open(path, O_RDWR | O_CREAT | O_EXCL, 0444));
    SM_TRY(write_all(fd.get(), std::as_bytes(std::span(content))));
    if (::mount(path.c_str(), target, nullptr, MS_BIND, nullptr) != 0) {
      return Error::from_errno(std::string("mount over ") + target);
    }
    return fd;
  };
  auto filled = fill();
  // The file stays where it was mounted; its directory need not.
  if (::umount2(dir.path().c_str(), MNT_DETACH) != 0) return Error::from_errno("umount");
  return filled;
}

}  // namespace

Result<std::unique_ptr<GuestKernel>> GuestKernel::create() {
  return std::unique_ptr<GuestKernel>(new GuestKernel(SM_TRY(sys::open("/dev/urandom", O_RDONLY))));
}

Status GuestKernel::drop_caches() {
  SM_TRY(write_parameter("/proc/sys/vm/drop_caches", "3"));
  const Status compacted = write_parameter("/proc/sys/vm/compact_memory", "1");
  if (!compacted.ok() && compacted.error().os_errno() == ENOENT) return {};  // built without it
  return compacted;
}

Status GuestKernel::cover_boot_id() {
  if (boot_id_) return {};
  boot_id_ = SM_TRY(cover(kBootId, SM_TRY(read_file(kBootId, 64))));
  return {};
}

Status GuestKernel::renew_boot_id() {
  SM_CHECK(boot_id_);
  std::array<std::byte, 16> random;
  SM_TRY(sys::random_bytes(random));
  const std::string line = format_uuid(random) + "\n";
  return write_all_at(boot_id_.get(), std::as_bytes(std::span(line)), 0);
}

Status GuestKernel::set_clock(std::uint64_t realtime_ns) {
  const timespec time{.tv_sec = static_cast<time_t>(realtime_ns / kSecond),
                      .tv_nsec = static_cast<long>(realtime_ns % kSecond)};
  if (::clock_settime(CLOCK_REALTIME, &time) != 0) return Error::from_errno("clock_settime");
  return {};
}

Status GuestKernel::add_entropy(std::span<const std::byte> bytes) {
  // struct rand_pool_info of linux/random.h: two ints, then the bytes.
  constexpr std::size_t kHead = 2 * sizeof(int);
  static_assert(sizeof(rand_pool_info) == kHead);
  SM_CHECK(bytes.size() <= rpc::kMaxEntropy);
  alignas(rand_pool_info) std::array<std::byte, kHead + rpc::kMaxEntropy> pool{};
  store_le(pool, 0, static_cast<std::uint32_t>(bytes.size() * 8));
  store_le(pool, sizeof(int), static_cast<std::uint32_t>(bytes.size()));
  std::ranges::copy(bytes, pool.begin() + kHead);
  SM_TRY(sys::ioctl(random_.get(), RNDADDENTROPY, "RNDADDENTROPY", pool.data()));
  // Else the generator would go on with the key that it shares with every other copy for a while.
  SM_TRY(sys::ioctl(random_.get(), RNDRESEEDCRNG, "RNDRESEEDCRNG"));
  return {};
}

Status GuestKernel::set_hostname(const std::string& name) {
  if (::sethostname(name.c_str(), name.size()) != 0) return Error::from_errno("sethostname");
  return {};
}

std::string format_uuid(std::span<const std::byte, 16> random) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string out;
  for (std::size_t i = 0; i < random.size(); ++i) {
    auto byte = std::to_integer<unsigned>(random[i]);
    if (i == 6) byte = 0x40U | (byte & 0x0fU);  // version
    if (i == 8) byte = 0x80U | (byte & 0x3fU);  // variant
    if (i == 4 || i == 6 || i == 8 || i == 10) out += '-';
    out += kDigits[byte >> 4U];
    out += kDigits[byte & 0x0fU];
  }
  return out;
}

}  // namespace supermachine::agent
