// SPDX-License-Identifier: Apache-2.0
#include "api/places.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <optional>

#include "base/files.h"
#include "result_matchers.h"

namespace supermachine {
namespace {

// Sets it back to what it was at first, or to nothing.
class Variable {
 public:
  explicit Variable(const char* name) : name_(name) {
    if (const char* value = std::getenv(name)) before_ = value;
  }
  Variable(const Variable&) = delete;
  Variable& operator=(const Variable&) = delete;
  ~Variable() {
    if (before_) {
      set(*before_);
    } else {
      ::unsetenv(name_);
    }
  }
  void set(const std::string& value) const { ::setenv(name_, value.c_str(), 1); }

 private:
  const char* name_;
  std::optional<std::string> before_;
};

class Places : public ::testing::Test {
 protected:
  Places() { std::filesystem::current_path(dir_.path()); }
  ~Places() override { std::filesystem::current_path(before_); }
  [[nodiscard]] std::string in(const std::string& name) const { return dir_.path() + "/" + name; }

  const std::string before_ = std::filesystem::current_path();
  const TempDir dir_ = [] {
    const auto temporary = std::filesystem::canonical(std::filesystem::temp_directory_path());
    return TempDir::create(temporary).value();
  }();
};

// A snapshot refers to its root file system in the cache, and is read from elsewhere.
TEST_F(Places, AreAbsolute) {
  SM_ASSERT_OK_AND_ASSIGN(const std::string cache, cache_dir_or_default("cache"));
  SM_ASSERT_OK_AND_ASSIGN(const std::string store, snapshots_dir_or_default("a/../store"));
  EXPECT_EQ(cache, in("cache"));
  EXPECT_EQ(store, in("a/../store"));
  SM_ASSERT_OK_AND_ASSIGN(const std::string as_it_is, cache_dir_or_default("/cache"));
  EXPECT_EQ(as_it_is, "/cache");
}

TEST_F(Places, AreAbsoluteThatVariablesName) {
  const Variable cache_variable("SUPERMACHINE_CACHE");
  const Variable store_variable("SUPERMACHINE_SNAPSHOTS_DIR");
  cache_variable.set("cache");
  store_variable.set("store");

  SM_ASSERT_OK_AND_ASSIGN(const std::string cache, cache_dir_or_default(""));
  SM_ASSERT_OK_AND_ASSIGN(const std::string store, snapshots_dir_or_default(""));
  EXPECT_EQ(cache, in("cache"));
  EXPECT_EQ(store, in("store"));
}

TEST_F(Places, OfADirectoryThatIsGoneAreNowhere) {
  const std::string gone = in("gone");
  std::filesystem::create_directory(gone);
  std::filesystem::current_path(gone);
  std::filesystem::remove(gone);

  EXPECT_THAT(cache_dir_or_default("cache"), FailsSaying(Errc::kOs, "cache"));
  EXPECT_THAT(snapshots_dir_or_default("/store"), IsOk());
}

}  // namespace
}  // namespace supermachine
