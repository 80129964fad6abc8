// SPDX-License-Identifier: Apache-2.0
#include "cli/command.h"

#include "result_matchers.h"

namespace supermachine::cli {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

ImageConfig image_with(std::vector<std::string> entrypoint, std::vector<std::string> cmd) {
  ImageConfig image;
  image.entrypoint = std::move(entrypoint);
  image.cmd = std::move(cmd);
  return image;
}

constexpr const char* kReference = "oci-archive:x.tar";

Result<std::vector<std::string>> composed(const ImageConfig& image, const CommandOptions& options) {
  return compose_command(image, options, kReference);
}

CommandOptions with_command(std::vector<std::string> command) {
  CommandOptions options;
  options.command = std::move(command);
  return options;
}

TEST(ComposeCommand, RunsEntrypointAndCmdOfTheImage) {
  const auto argv = composed(image_with({"/init", "-v"}, {"serve"}), with_command({}));

  ASSERT_THAT(argv, IsOk());
  EXPECT_THAT(argv.value(), ElementsAre("/init", "-v", "serve"));
}

TEST(ComposeCommand, ReplacesCmdAndKeepsTheEntrypoint) {
  const auto argv = composed(image_with({"/init"}, {"serve"}), with_command({"ls", "-l"}));

  ASSERT_THAT(argv, IsOk());
  EXPECT_THAT(argv.value(), ElementsAre("/init", "ls", "-l"));
}

TEST(ComposeCommand, LetsAGivenEntrypointReplaceBoth) {
  CommandOptions options = with_command({"-c", "true"});
  options.entrypoint = "sh";
  const auto argv = composed(image_with({"/init"}, {"serve"}), options);

  ASSERT_THAT(argv, IsOk());
  EXPECT_THAT(argv.value(), ElementsAre("sh", "-c", "true"));

  options.command.clear();
  const auto alone = composed(image_with({"/init"}, {"serve"}), options);

  ASSERT_THAT(alone, IsOk());
  EXPECT_THAT(alone.value(), ElementsAre("sh"));
}

TEST(ComposeCommand, TakesAnEmptyEntrypointForNone) {
  CommandOptions options = with_command({"ls"});
  options.entrypoint = "";
  const auto argv = composed(image_with({"/init"}, {"serve"}), options);

  ASSERT_THAT(argv, IsOk());
  EXPECT_THAT(argv.value(), ElementsAre("ls"));

  options.command.clear();
  EXPECT_THAT(composed(image_with({"/init"}, {"serve"}), options), Fails(Errc::kInvalidArgument));
}

TEST(ComposeCommand, NamesTheImageThatHasNothingToRun) {
  const auto argv = composed(image_with({}, {}), with_command({}));

  ASSERT_THAT(argv, Fails(Errc::kInvalidArgument));
  EXPECT_THAT(argv.error().message(), HasSubstr("oci-archive:x.tar"));
  EXPECT_THAT(argv.error().message(), HasSubstr("-- COMMAND"));
}

}  // namespace
}  // namespace supermachine::cli
