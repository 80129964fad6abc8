// SPDX-License-Identifier: Apache-2.0
// Each verb against its table. A parser that reads other options than its table has aborts
// (parse_test.cc), so it is enough that each verb parses once.
#include "cli/verb_table.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <set>

#include "cli/help/text.h"

namespace supermachine::cli {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

TEST(VerbTable, HelpIsWhatEachVerbPrints) {
  for (const Verb& verb : kVerbs) {
    for (std::string word : {"--help", "-h"}) {
      std::vector<char*> args{word.data()};
      ::testing::internal::CaptureStdout();
      const auto status = verb.run(args);
      const std::string out = ::testing::internal::GetCapturedStdout();

      ASSERT_TRUE(status.ok()) << verb.name << ": " << status.error().message();
      EXPECT_EQ(status.value(), 0);
      EXPECT_EQ(out, help_text(verb.help));
      EXPECT_THAT(out, StartsWith("usage: supermachine " + std::string(verb.name)));
    }
  }
}

TEST(VerbTable, FitsAPage) {
  for (const Verb& verb : kVerbs) {
    const std::string text = help_text(verb.help);
    std::size_t begin = 0;
    for (std::size_t end = 0; (end = text.find('\n', begin)) != std::string::npos;
         begin = end + 1) {
      const std::string line = text.substr(begin, end - begin);
      EXPECT_NE(line.empty() ? '.' : line.back(), ' ') << line;
      const bool is_example = line.starts_with("  supermachine ");
      EXPECT_LE(line.size(), is_example ? 100U : 80U) << line;
    }
  }
  EXPECT_THAT(program_help(), HasSubstr("\n  run         start an image"));
}

TEST(VerbTable, NamesEachOptionOnce) {
  for (const Verb& verb : kVerbs) {
    std::set<std::string> seen;
    for (const OptionGroup& group : verb.help.groups) {
      for (const Option& option : group.options) {
        EXPECT_NE(std::string_view(option.text), "");
        for (const std::string& name : option_names(option)) {
          EXPECT_TRUE(name.starts_with("--") ? name.size() > 2 : name.size() == 2) << name;
          EXPECT_TRUE(seen.insert(name).second) << verb.name << " " << name;
        }
      }
    }
    EXPECT_TRUE(seen.contains("--help")) << verb.name;
    EXPECT_EQ(std::ranges::count(kVerbs, std::string_view(verb.name), &Verb::name), 1);
  }
}

TEST(VerbTable, HasACommandOnlyAtTheEnd) {
  for (const Verb& verb : kVerbs) {
    for (std::size_t i = 0; i < verb.help.arguments.size(); ++i) {
      const bool last = i + 1 == verb.help.arguments.size();
      EXPECT_TRUE(last || !verb.help.arguments[i].repeats) << verb.name;
      EXPECT_TRUE(last || verb.help.arguments[i].value != Value::kCommand) << verb.name;
    }
  }
}

}  // namespace
}  // namespace supermachine::cli
