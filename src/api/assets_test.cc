// SPDX-License-Identifier: Apache-2.0
// Discovery, as the environment and the files say. What is inside the program, and what is beside
// this one, depends on the build; the tests hold for all.
#include "supermachine/assets.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>

#include "api/asset_source.h"
#include "api/bundled_assets.h"
#include "base/files.h"
#include "result_matchers.h"

namespace supermachine {
namespace {

using ::testing::HasSubstr;

// An environment variable, as it was again at the end.
class Variable {
 public:
  Variable(const char* name, const std::string& value) : name_(name) {
    if (const char* was = std::getenv(name); was != nullptr) was_ = was;
    ::setenv(name, value.c_str(), 1);
  }
  Variable(const Variable&) = delete;
  Variable& operator=(const Variable&) = delete;
  ~Variable() {
    if (was_) {
      ::setenv(name_, was_->c_str(), 1);
    } else {
      ::unsetenv(name_);
    }
  }

 private:
  const char* name_;
  std::optional<std::string> was_;
};

class AssetsTest : public ::testing::Test {
 protected:
  AssetsTest() {
    std::filesystem::create_directories(home());
    std::filesystem::create_directories(dir());
  }
  [[nodiscard]] std::string dir() const { return temp_.path() + "/assets"; }
  [[nodiscard]] std::string home() const {
    return temp_.path() + "/home/.local/share/supermachine";
  }
  static void write(const std::string& path, const std::string& text) {
    SM_ASSERT_OK_AND_ASSIGN(AtomicFile file, AtomicFile::create(path));
    ASSERT_THAT(write_all(file.fd(), std::as_bytes(std::span(text))), IsOk());
    ASSERT_THAT(file.commit(), IsOk());
  }
  static std::string agent() { return read_file(SM_AGENT_BINARY, 16 << 20).value(); }
  static std::string agent_of_another_version() {
    std::string other = agent();
    const std::string mark("supermachine\0\0\0\0", 16);
    const std::size_t at = other.find(mark);
    EXPECT_NE(at, other.npos);
    return other.replace(at + mark.size(), 5, "9.8.7");
  }
  static void fill(const std::string& directory) {
    write(directory + "/kernel", "a kernel");
    write(directory + "/supermachine-agent", agent());
  }
  static AssetPlace chosen() {
    AssetPlace found;
    for (AssetPlace& place : list_asset_places()) {
      if (place.chosen) found = std::move(place);
    }
    return found;
  }

  TempDir temp_ = TempDir::create().value();
  Variable home_{"HOME", temp_.path() + "/home"};
  Variable variable_{"SUPERMACHINE_ASSETS_DIR", ""};
};

TEST_F(AssetsTest, FromADirectoryAreItsFiles) {
  fill(dir());
  SM_ASSERT_OK_AND_ASSIGN(const AssetPaths assets, AssetPaths::from_dir(dir()));
  EXPECT_EQ(assets.kernel, dir() + "/kernel");
  EXPECT_EQ(assets.agent, dir() + "/supermachine-agent");
}

TEST_F(AssetsTest, FromADirectoryNameWhatIsMissing) {
  const auto none = AssetPaths::from_dir(dir());
  ASSERT_THAT(none, Fails(Errc::kNotFound));
  EXPECT_THAT(none.error().message(), HasSubstr(dir() + "/kernel"));
  write(dir() + "/kernel", "a kernel");
  const auto half = AssetPaths::from_dir(dir());
  ASSERT_THAT(half, Fails(Errc::kNotFound));
  EXPECT_THAT(half.error().message(), HasSubstr(dir() + "/supermachine-agent"));
}

TEST_F(AssetsTest, WithAnAgentOfAnotherVersionAreRefused) {
  fill(dir());
  write(dir() + "/supermachine-agent", agent_of_another_version());

  const auto refused = AssetPaths::from_dir(dir());

  ASSERT_THAT(refused, Fails(Errc::kInvalidArgument));
  EXPECT_THAT(refused.error().message(), HasSubstr(dir() + "/supermachine-agent"));
  EXPECT_THAT(refused.error().message(), HasSubstr("9.8.7"));
}

TEST_F(AssetsTest, OfTheVariableComeFirst) {
  fill(dir());
  fill(home());
  const Variable variable("SUPERMACHINE_ASSETS_DIR", dir());

  SM_ASSERT_OK_AND_ASSIGN(const AssetPaths assets, AssetPaths::discover());

  EXPECT_EQ(assets.kernel, dir() + "/kernel");
  EXPECT_EQ(chosen().what, "SUPERMACHINE_ASSETS_DIR");
  EXPECT_EQ(chosen().directory, dir());
}

TEST_F(AssetsTest, OfTheVariableAreTheOnlyOnesWhenItIsSet) {
  fill(home());
  const Variable variable("SUPERMACHINE_ASSETS_DIR", dir());

  const auto missing = AssetPaths::discover();

  ASSERT_THAT(missing, Fails(Errc::kNotFound));
  EXPECT_THAT(missing.error().message(), HasSubstr("SUPERMACHINE_ASSETS_DIR"));
  const auto places = list_asset_places();
  ASSERT_EQ(places.size(), 4U);
  for (const AssetPlace& place : places) {
    EXPECT_NE(place.problem, "") << place.what;
    EXPECT_FALSE(place.chosen) << place.what;
  }
}

TEST_F(AssetsTest, HaveTheirPlacesInOneOrder) {
  const auto places = list_asset_places();
  ASSERT_EQ(places.size(), 4U);
  EXPECT_EQ(places[0].what, "SUPERMACHINE_ASSETS_DIR");
  EXPECT_EQ(places[0].problem, "not set");
  EXPECT_EQ(places[1].what, "beside the program");
  EXPECT_EQ(places[1].directory,
            std::filesystem::read_symlink("/proc/self/exe").parent_path().string());
  EXPECT_EQ(places[2].what, "~/.local/share/supermachine");
  EXPECT_EQ(places[2].directory, home());
  EXPECT_THAT(places[2].problem, HasSubstr("/kernel: no such file"));
  EXPECT_EQ(places[3].what, "inside the program");
  EXPECT_EQ(places[3].directory, "");
  EXPECT_EQ(places[3].problem.empty(), bundled_assets().has_value());
}

TEST_F(AssetsTest, AreDiscoveredWhereTheListSays) {
  for (const bool in_home : {false, true}) {
    if (in_home) fill(home());
    const auto assets = AssetPaths::discover();
    const AssetPlace place = chosen();
    if (assets.ok() && !assets.value().kernel.empty()) {
      EXPECT_EQ(assets.value().kernel, place.directory + "/kernel");
    } else {
      EXPECT_EQ(assets.ok() ? "inside the program" : "", place.what);
    }
    EXPECT_TRUE(assets.ok() || !in_home);
  }
}

TEST_F(AssetsTest, InAHomeOfAnotherVersionArePassedOverWithTheReason) {
  fill(home());
  write(home() + "/supermachine-agent", agent_of_another_version());
  EXPECT_THAT(list_asset_places()[2].problem, HasSubstr("9.8.7"));
  EXPECT_FALSE(list_asset_places()[2].chosen);
}

TEST_F(AssetsTest, WithoutAPathAreThoseInsideTheProgram) {
  const auto bundle = bundled_assets();
  EXPECT_EQ(AssetPaths::bundled().ok(), bundle.has_value());
  const auto kernel_only = sources_of({.kernel = "/some/kernel", .agent = ""});
  const auto agent_only = sources_of({.kernel = "", .agent = "/some/agent"});
  if (!bundle) {
    ASSERT_THAT(kernel_only, Fails(Errc::kNotFound));
    EXPECT_THAT(kernel_only.error().message(), HasSubstr("agent"));
    ASSERT_THAT(agent_only, Fails(Errc::kNotFound));
    EXPECT_THAT(agent_only.error().message(), HasSubstr("kernel"));
    return;
  }
  ASSERT_THAT(kernel_only, IsOk());
  EXPECT_EQ(kernel_only.value().kernel.name(), "/some/kernel");
  EXPECT_EQ(kernel_only.value().agent.open().value().bytes().data(), bundle->agent.data());
  ASSERT_THAT(agent_only, IsOk());
  EXPECT_EQ(agent_only.value().agent.name(), "/some/agent");
  EXPECT_EQ(agent_only.value().kernel.open().value().bytes().data(), bundle->kernel.data());
}

TEST_F(AssetsTest, SayWhatTheyAre) {
  fill(dir());
  write(dir() + "/kernel", "...Linux version 6.12.1-test (who@where) #1...");

  SM_ASSERT_OK_AND_ASSIGN(
      const auto infos,
      inspect_assets({.kernel = dir() + "/kernel", .agent = dir() + "/supermachine-agent"}));

  ASSERT_EQ(infos.size(), 2U);
  EXPECT_EQ(infos[0].name, "kernel");
  EXPECT_EQ(infos[0].path, dir() + "/kernel");
  EXPECT_EQ(infos[0].bytes, 46U);
  EXPECT_EQ(infos[0].version, "6.12.1-test");
  EXPECT_EQ(infos[0].build, "");
  EXPECT_EQ(infos[1].name, "agent");
  EXPECT_EQ(infos[1].version, SM_VERSION);
  EXPECT_THAT(inspect_assets({.kernel = dir() + "/none", .agent = dir() + "/none"}),
              FailsSaying(Errc::kNotFound, dir() + "/none"));
  EXPECT_THAT(inspect_assets({.kernel = dir(), .agent = dir()}), Fails(Errc::kOs));
}

}  // namespace
}  // namespace supermachine
