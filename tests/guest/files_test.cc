// SPDX-License-Identifier: Apache-2.0
// Files of a guest, written and read from the host.
#include <cstring>

#include "guest.h"

namespace supermachine {
namespace {

class Files : public GuestTest {};

std::string pattern(std::size_t size) {
  std::string bytes(size, '\0');
  std::uint64_t state = size + 1;
  for (char& byte : bytes) {
    state = state * 6364136223846793005U + 1442695040888963407U;  // Knuth's MMIX generator
    byte = static_cast<char>(state >> 56);
  }
  return bytes;
}

class FilesOfSize : public GuestTest, public ::testing::WithParamInterface<std::size_t> {};

TEST_P(FilesOfSize, ComeBackAsTheyWereWritten) {
  const std::string bytes = pattern(GetParam());

  ASSERT_THAT(vm().write_file("/dev/shm/file", bytes, 0640), IsOk());

  EXPECT_EQ(sh_output(vm(), "stat -c '%s %a' /dev/shm/file"),
            std::to_string(bytes.size()) + " 640");
  SM_ASSERT_OK_AND_ASSIGN(const std::string back, vm().read_file("/dev/shm/file"));
  EXPECT_TRUE(back == bytes);
  EXPECT_EQ(sh(vm(), "rm /dev/shm/file").status, 0);
}

INSTANTIATE_TEST_SUITE_P(Bytes, FilesOfSize,
                         ::testing::Values(std::size_t{0}, std::size_t{1}, std::size_t{1} << 20,
                                           std::size_t{64} << 20));

TEST_F(Files, OverwritingTakesTheNewLengthAndMode) {
  ASSERT_THAT(vm().write_file("/tmp/file", "a long text", 0600), IsOk());
  ASSERT_THAT(vm().write_file("/tmp/file", "short", 0755), IsOk());

  EXPECT_EQ(sh_output(vm(), "cat /tmp/file; stat -c ' %a' /tmp/file"), "short 755");
}

TEST_F(Files, ReadsWhatTheKernelMakesUp) {
  SM_ASSERT_OK_AND_ASSIGN(const std::string version, vm().read_file("/proc/version"));

  EXPECT_TRUE(version.starts_with("Linux version "));
}

TEST_F(Files, SaysWhatIsMissing) {
  EXPECT_THAT(vm().read_file("/no/such/file"), Fails(Errc::kNotFound));
  EXPECT_THAT(vm().write_file("/no/such/directory/file", "x"), Fails(Errc::kNotFound));
}

TEST_F(Files, RefusesDirectoriesAndRelativePaths) {
  EXPECT_FALSE(vm().read_file("/etc").ok());
  EXPECT_FALSE(vm().write_file("/etc", "x").ok());
  EXPECT_FALSE(vm().read_file("etc/passwd").ok());
}

TEST_F(Files, HoldsReadingToItsLimit) {
  ASSERT_THAT(vm().write_file("/tmp/file", std::string(5000, 'x')), IsOk());

  EXPECT_THAT(vm().read_file("/tmp/file", 4999), Fails(Errc::kExhausted));
  EXPECT_THAT(vm().read_file("/tmp/file", 5000), IsOk());
}

TEST_F(Files, AFullFileSystemIsAnErrorAndNotTheEnd) {
  ASSERT_EQ(
      sh(vm(), "mkdir /dev/shm/small && mount -t tmpfs -o size=1M small /dev/shm/small").status, 0);

  const Status written = vm().write_file("/dev/shm/small/file", std::string(4 << 20, 'x'));

  ASSERT_FALSE(written.ok());
  EXPECT_THAT(written.error().message(), ::testing::HasSubstr("No space left on device"));
  EXPECT_EQ(sh(vm(), "umount /dev/shm/small; rmdir /dev/shm/small").status, 0);
}

}  // namespace
}  // namespace supermachine
