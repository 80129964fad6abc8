// SPDX-License-Identifier: Apache-2.0
// Headers of one version with a library of another: neither linked nor loaded.
#include <gtest/gtest.h>

#include <filesystem>

#include "base/files.h"
#include "result_matchers.h"
#include "shell_command.h"

namespace supermachine {
namespace {

using ::testing::HasSubstr;

class MixedVersions : public ::testing::Test {
 protected:
  // Links the program, which was compiled with 0.1.2's headers.
  [[nodiscard]] ShellOutcome link(const std::string& library) const {
    const std::string sanitize = SM_SANITIZE;
    return shell(std::string(SM_CXX) + " -o " + program() + " " + SM_CONSUMER + " " + library +
                 (sanitize.empty() ? "" : " -fsanitize=" + sanitize));
  }
  [[nodiscard]] std::string program() const { return dir_.path() + "/program"; }
  [[nodiscard]] ShellOutcome load_from(const std::string& library) const {
    return shell("LD_LIBRARY_PATH=" + std::filesystem::path(library).parent_path().string() + " " +
                 program());
  }

  TempDir dir_ = TempDir::create().value();
};

TEST_F(MixedVersions, OfOneVersionLinkAndRun) {
  for (const char* library : {SM_RIGHT_ARCHIVE, SM_RIGHT_LIBRARY}) {
    const ShellOutcome linked = link(library);
    ASSERT_EQ(linked.status, 0) << linked.text;
    const ShellOutcome ran = load_from(library);
    EXPECT_EQ(ran.status, 0);
    EXPECT_EQ(ran.text, "0.1.2 140000\n");
  }
}

TEST_F(MixedVersions, DoNotLink) {
  for (const char* library : {SM_WRONG_ARCHIVE, SM_WRONG_LIBRARY}) {
    const ShellOutcome linked = link(library);
    EXPECT_NE(linked.status, 0) << library;
    EXPECT_THAT(linked.text, HasSubstr("undefined reference")) << library;
    EXPECT_THAT(linked.text, HasSubstr("v0_1_2")) << library;
  }
}

TEST_F(MixedVersions, DoNotLoad) {
  const ShellOutcome linked = link(SM_RIGHT_LIBRARY);
  ASSERT_EQ(linked.status, 0) << linked.text;
  const ShellOutcome ran = load_from(SM_WRONG_LIBRARY);
  EXPECT_NE(ran.status, 0);
  EXPECT_THAT(ran.text, HasSubstr("v0_1_2"));
}

TEST_F(MixedVersions, ExportOnlyWhatCarriesTheVersion) {
  const ShellOutcome symbols = shell("nm -D --defined-only " SM_RIGHT_LIBRARY);
  ASSERT_EQ(symbols.status, 0) << symbols.text;
  std::size_t count = 0;
  for (std::size_t at = 0; at < symbols.text.size(); ++count) {
    const std::size_t end = symbols.text.find('\n', at);
    const std::string line = symbols.text.substr(at, end - at);
    EXPECT_THAT(line, HasSubstr(" _ZN26supermachine_kernel_x86_646v0_1_2"));
    at = end + 1;
  }
  EXPECT_EQ(count, 9U);  // three of bytes, six that extract
}

}  // namespace
}  // namespace supermachine
