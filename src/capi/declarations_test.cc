// SPDX-License-Identifier: Apache-2.0
// The headers, the library and the test of refusals have the same functions.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdio>
#include <filesystem>
#include <regex>
#include <set>
#include <string>

#include "base/files.h"
#include "result_matchers.h"

namespace supermachine {
namespace {

using Names = std::set<std::string>;

std::string read(const std::filesystem::path& path) {
  auto text = read_file(path.string(), std::size_t{1} << 20);
  EXPECT_THAT(text, IsOk()) << path;
  return text.ok() ? std::move(text).value() : "";
}

// What is called or declared in `text`, comments aside.
Names functions_in(const std::string& text) {
  static const std::regex comment(R"(/\*[^*]*\*+([^/*][^*]*\*+)*/)");
  static const std::regex function(R"(\b(supermachine_[a-z0-9_]+)\()");
  const std::string code = std::regex_replace(text, comment, "");
  Names names;
  for (std::sregex_iterator it(code.begin(), code.end(), function), end; it != end; ++it)
    names.insert((*it)[1]);
  return names;
}

std::string all_headers() {
  std::string text;
  for (const auto& entry : std::filesystem::directory_iterator(SM_C_HEADERS))
    text += read(entry.path());
  return text;
}

// The global functions of the library whose names are C's.
Names functions_of_library() {
  Names names;
  std::FILE* nm = popen("nm --defined-only --extern-only " SM_CAPI_LIBRARY, "r");
  char line[4096];
  while (nm != nullptr && std::fgets(line, sizeof line, nm) != nullptr) {
    const std::string symbol(line);
    const std::size_t at = symbol.find(" T ");
    if (at != std::string::npos && symbol.substr(at + 3, 2) != "_Z")
      names.insert(symbol.substr(at + 3, symbol.size() - at - 4));
  }
  EXPECT_TRUE(nm != nullptr && pclose(nm) == 0);
  return names;
}

TEST(CApiDeclarations, AreAllDefinedAndNothingElseIs) {
  const Names declared = functions_in(all_headers());
  ASSERT_GT(declared.size(), 200U);
  EXPECT_THAT(functions_of_library(), ::testing::ContainerEq(declared));
}

TEST(CApiDeclarations, AreAllTriedWithNull) {
  EXPECT_THAT(functions_in(read(SM_REFUSALS)), ::testing::ContainerEq(functions_in(all_headers())));
}

// An exception ends there. The compiler holds definitions to the declarations.
TEST(CApiDeclarations, AreAllNoexcept) {
  static const std::regex end(R"(\)\s*(SUPERMACHINE_NOEXCEPT)?\s*;)");
  const std::string text = all_headers();
  std::size_t with = 0;
  for (std::sregex_iterator it(text.begin(), text.end(), end), last; it != last; ++it)
    with += (*it)[1].matched ? 1U : 0U;
  EXPECT_EQ(with, functions_in(text).size());
}

// Each header has its part between the braces of extern "C", and the umbrella has them all.
TEST(CApiDeclarations, AreReachedThroughOneHeader) {
  const std::string umbrella = read(std::filesystem::path(SM_C_HEADERS) / "../supermachine.h");
  for (const auto& entry : std::filesystem::directory_iterator(SM_C_HEADERS)) {
    const std::string name = entry.path().filename().string();
    EXPECT_THAT(umbrella, ::testing::HasSubstr("\"supermachine/c/" + name + "\""));
    EXPECT_THAT(read(entry.path()), ::testing::HasSubstr("extern \"C\" {")) << name;
  }
}

}  // namespace
}  // namespace supermachine
