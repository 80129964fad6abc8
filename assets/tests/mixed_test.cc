// SPDX-License-Identifier: Apache-2.0
// Headers of one version with a library of another: neither linked nor loaded.
#include <gtest/gtest.h>

#include <array>
#include <cstdio>
#include <filesystem>
#include <memory>

#include "base/files.h"
#include "result_matchers.h"

namespace supermachine {
namespace {

using ::testing::HasSubstr;

struct Ran {
  int status = 0;
  std::string output;
};

Ran run(const std::string& command) {
  Ran ran;
  std::FILE* pipe = ::popen((command + " 2>&1").c_str(), "r");
  if (pipe == nullptr) return {.status = -1, .output = "popen"};
  std::array<char, 4096> chunk{};
  while (const std::size_t got = std::fread(chunk.data(), 1, chunk.size(), pipe))
    ran.output.append(chunk.data(), got);
  ran.status = ::pclose(pipe);
  return ran;
}

class MixedVersions : public ::testing::Test {
 protected:
  // Links the program, which was compiled with 0.1.2's headers.
  [[nodiscard]] Ran link(const std::string& library) const {
    const std::string sanitize = SM_SANITIZE;
    return run(std::string(SM_CXX) + " -o " + program() + " " + SM_CONSUMER + " " + library +
               (sanitize.empty() ? "" : " -fsanitize=" + sanitize));
  }
  [[nodiscard]] std::string program() const { return dir_.path() + "/program"; }
  [[nodiscard]] Ran load_from(const std::string& library) const {
    return run("LD_LIBRARY_PATH=" + std::filesystem::path(library).parent_path().string() + " " +
               program());
  }

  TempDir dir_ = TempDir::create().value();
};

TEST_F(MixedVersions, OfOneVersionLinkAndRun) {
  for (const char* library : {SM_RIGHT_ARCHIVE, SM_RIGHT_LIBRARY}) {
    const Ran linked = link(library);
    ASSERT_EQ(linked.status, 0) << linked.output;
    const Ran ran = load_from(library);
    EXPECT_EQ(ran.status, 0);
    EXPECT_EQ(ran.output, "0.1.2 140000\n");
  }
}

TEST_F(MixedVersions, DoNotLink) {
  for (const char* library : {SM_WRONG_ARCHIVE, SM_WRONG_LIBRARY}) {
    const Ran linked = link(library);
    EXPECT_NE(linked.status, 0) << library;
    EXPECT_THAT(linked.output, HasSubstr("undefined reference")) << library;
    EXPECT_THAT(linked.output, HasSubstr("v0_1_2")) << library;
  }
}

TEST_F(MixedVersions, DoNotLoad) {
  const Ran linked = link(SM_RIGHT_LIBRARY);
  ASSERT_EQ(linked.status, 0) << linked.output;
  const Ran ran = load_from(SM_WRONG_LIBRARY);
  EXPECT_NE(ran.status, 0);
  EXPECT_THAT(ran.output, HasSubstr("v0_1_2"));
}

TEST_F(MixedVersions, ExportOnlyWhatCarriesTheVersion) {
  const Ran symbols = run("nm -D --defined-only " SM_RIGHT_LIBRARY);
  ASSERT_EQ(symbols.status, 0) << symbols.output;
  std::size_t count = 0;
  for (std::size_t at = 0; at < symbols.output.size(); ++count) {
    const std::size_t end = symbols.output.find('\n', at);
    const std::string line = symbols.output.substr(at, end - at);
    EXPECT_THAT(line, HasSubstr(" _ZN26supermachine_kernel_x86_646v0_1_2"));
    at = end + 1;
  }
  EXPECT_EQ(count, 9U);  // three of bytes, six that extract
}

}  // namespace
}  // namespace supermachine
