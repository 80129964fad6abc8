// SPDX-License-Identifier: Apache-2.0
#include "base/regular_file.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

#include "base/files.h"
#include "base/sys.h"
#include "result_matchers.h"

namespace supermachine {
namespace {

class RegularFileTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::ofstream(path("file")) << "12345";
    std::filesystem::create_symlink(path("file"), path("link"));
    ASSERT_EQ(::mkfifo(path("fifo").c_str(), 0600), 0);
    directory_ = sys::open(dir_.path(), O_RDONLY | O_DIRECTORY).value();
  }
  [[nodiscard]] std::string path(const std::string& name) const { return dir_.path() + "/" + name; }

  TempDir dir_ = TempDir::create().value();
  UniqueFd directory_;
};

TEST_F(RegularFileTest, IsOpenedByPathAndInItsDirectory) {
  for (const auto& opened : {open_regular_file(path("file")), open_regular_file(path("link")),
                             open_regular_file_in(directory_.get(), "file")}) {
    ASSERT_THAT(opened, IsOk());
    EXPECT_EQ(sys::file_size(opened.value().get()).value(), 5U);
  }
}

TEST_F(RegularFileTest, PipeIsRefusedWithoutWaitingForItsWriter) {
  EXPECT_THAT(open_regular_file(path("fifo")), FailsSaying(Errc::kInvalidArgument, "no regular"));
  EXPECT_THAT(open_regular_file_in(directory_.get(), "fifo"), Fails(Errc::kInvalidArgument));
}

TEST_F(RegularFileTest, DirectoryAndDeviceAreRefused) {
  EXPECT_THAT(open_regular_file(dir_.path()), Fails(Errc::kInvalidArgument));
  EXPECT_THAT(open_regular_file("/dev/null"), Fails(Errc::kInvalidArgument));
}

TEST_F(RegularFileTest, NeitherSymlinkNorDotsLeadOutOfADirectory) {
  EXPECT_THAT(open_regular_file_in(directory_.get(), "link"), Fails(Errc::kOs));
  EXPECT_THAT(open_regular_file_in(directory_.get(), "../" + path("file")), Fails(Errc::kOs));
}

}  // namespace
}  // namespace supermachine
