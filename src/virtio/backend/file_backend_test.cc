// SPDX-License-Identifier: Apache-2.0
#include "virtio/backend/file_backend.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <array>
#include <vector>

#include "base/files.h"
#include "base/sys.h"
#include "result_matchers.h"

namespace supermachine::virtio {
namespace {

class FileBackendTest : public ::testing::Test {
 protected:
  FileBackend file_of(std::string_view text) {
    const std::string path = dir_.path() + "/disk";
    const UniqueFd fd = sys::open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600).value();
    EXPECT_THAT(write_all(fd.get(), std::as_bytes(std::span(text))), IsOk());
    return FileBackend::open_read_only(path).value();
  }

  TempDir dir_ = TempDir::create().value();
};

TEST_F(FileBackendTest, FillsSeveralBuffersFromAnOffset) {
  FileBackend file = file_of("0123456789");
  std::string text(6, '?');
  const auto bytes = std::as_writable_bytes(std::span(text));
  const std::array segments{bytes.first(1), bytes.subspan(1, 2), bytes.subspan(3)};

  ASSERT_THAT(file.read_at(3, segments), IsOk());

  EXPECT_EQ(text, "345678");
  EXPECT_EQ(file.size_bytes(), 10U);
}

TEST_F(FileBackendTest, BytesPastTheEndAreZeroes) {
  FileBackend file = file_of("0123456789");
  std::string text(6, '?');
  const auto bytes = std::as_writable_bytes(std::span(text));
  const std::array segments{bytes.first(3), bytes.subspan(3)};

  ASSERT_THAT(file.read_at(8, segments), IsOk());
  EXPECT_EQ(text, std::string("89\0\0\0\0", 6));
  ASSERT_THAT(file.read_at(100, segments), IsOk());
  EXPECT_EQ(text, std::string(6, '\0'));
}

TEST_F(FileBackendTest, ReadsMoreBuffersThanOneCallTakes) {
  std::string disk;
  for (int i = 0; i < 300; ++i) disk.push_back(static_cast<char>('a' + i % 26));
  FileBackend file = file_of(disk);
  std::string text(disk.size(), '?');
  const auto bytes = std::as_writable_bytes(std::span(text));
  std::vector<std::span<std::byte>> segments;
  for (std::size_t at = 0; at < bytes.size(); at += 2) segments.push_back(bytes.subspan(at, 2));

  ASSERT_THAT(file.read_at(0, segments), IsOk());

  EXPECT_EQ(text, disk);
}

TEST_F(FileBackendTest, RefusesWrites) {
  FileBackend file = file_of("x");
  EXPECT_TRUE(file.read_only());
  EXPECT_THAT(file.write_at(0, {}), Fails(Errc::kUnsupported));
}

TEST_F(FileBackendTest, MissingFileIsAnError) {
  EXPECT_THAT(FileBackend::open_read_only(dir_.path() + "/nothing"), Fails(Errc::kOs));
}

TEST_F(FileBackendTest, PipeIsRefusedWithoutWaitingForItsWriter) {
  ASSERT_EQ(::mkfifo((dir_.path() + "/pipe").c_str(), 0600), 0);
  EXPECT_THAT(FileBackend::open_read_only(dir_.path() + "/pipe"), Fails(Errc::kInvalidArgument));
}

}  // namespace
}  // namespace supermachine::virtio
