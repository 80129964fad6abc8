// SPDX-License-Identifier: Apache-2.0
// That tables and parsers hold together, and how a parser reads.
#include "cli/parse.h"

#include "result_matchers.h"

namespace supermachine::cli {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr Option kOptions[] = {
    {.names = "-n, --number", .argument = "N", .text = "a number", .also = "--count,--nr"},
    {.names = "--each", .argument = "X", .text = "several", .repeats = true},
    {.names = "--wait", .argument = "[=SECONDS]", .text = "perhaps for so long"},
    {.names = "-v, --verbose", .text = "a flag"},
};
constexpr OptionGroup kGroups[] = {{"", kOptions}};
constexpr Argument kArguments[] = {{Value::kImage}, {Value::kCommand, true}};
constexpr VerbHelp kHelp{.usage = {}, .groups = kGroups, .arguments = kArguments};

struct Read {
  explicit Read(std::vector<std::string> words) : parser(kHelp) {
    parser.value("--number", number);
    parser.values("--each", each);
    parser.optional_value("--wait", "60", wait);
    parser.flag("--verbose", verbose);
    parser.argument("image", image);
    std::vector<char*> args;
    for (std::string& word : words) args.push_back(word.data());
    status = parser.parse(args);
  }
  Read(const Read&) = delete;
  Read& operator=(const Read&) = delete;

  Parser parser;
  std::string number;
  std::vector<std::string> each;
  std::string wait;
  bool verbose = false;
  std::string image;
  Status status;
};

TEST(Parser, TakesOptionsByEachOfTheirNames) {
  for (const char* name : {"-n", "--number", "--count", "--nr"}) {
    const Read read({name, "7", "x"});

    ASSERT_THAT(read.status, IsOk()) << name;
    EXPECT_EQ(read.number, "7");
    EXPECT_TRUE(read.parser.given("--number"));
    EXPECT_FALSE(read.parser.given("--wait"));
    EXPECT_FALSE(read.parser.given("--unheard-of"));
  }
}

TEST(Parser, TakesValuesAsTheTableSays) {
  const Read read({"-n1", "--each", "a", "image", "--each=b", "--wait", "-n", "2", "-v"});

  ASSERT_THAT(read.status, IsOk());
  EXPECT_EQ(read.number, "2");
  EXPECT_THAT(read.each, ElementsAre("a", "b"));
  EXPECT_EQ(read.wait, "60");
  EXPECT_TRUE(read.verbose);
  EXPECT_EQ(read.image, "image");
  EXPECT_THAT(read.parser.command().value(), IsEmpty());
}

TEST(Parser, LeavesTheCommandAlone) {
  const Read read({"image", "--", "ls", "-v", "--", "x"});

  EXPECT_THAT(read.parser.command().value(), ElementsAre("ls", "-v", "--", "x"));
  EXPECT_FALSE(read.verbose);
  EXPECT_THAT(Read({"--nothing=1", "image"}).parser.command().error().message(),
              HasSubstr("unknown option --nothing"));
}

TEST(ParserDeathTest, KnowsWhatTheTableLacks) {
  bool flag = false;
  EXPECT_DEATH(Parser(kHelp).flag("--unheard-of", flag), "supermachine bug");
}

TEST(ParserDeathTest, KnowsWhatNobodyReads) {
  Parser parser(kHelp);
  bool flag = false;
  parser.flag("--verbose", flag);
  EXPECT_DEATH(static_cast<void>(parser.parse({})), "supermachine bug");
}

TEST(ParserDeathTest, TellsFlagsFromOptionsWithAValue) {
  bool flag = false;
  std::string value;
  std::vector<std::string> values;
  EXPECT_DEATH(Parser(kHelp).flag("--number", flag), "supermachine bug");
  EXPECT_DEATH(Parser(kHelp).value("--verbose", value), "supermachine bug");
  EXPECT_DEATH(Parser(kHelp).values("--number", values), "supermachine bug");
  EXPECT_DEATH(Parser(kHelp).value("--each", value), "supermachine bug");
  EXPECT_DEATH(Parser(kHelp).optional_value("--number", "1", value), "supermachine bug");
}

TEST(ParserDeathTest, BindsAnOptionOnce) {
  Parser parser(kHelp);
  std::string value;
  parser.value("--number", value);
  EXPECT_DEATH(parser.value("-n", value), "supermachine bug");
}

}  // namespace
}  // namespace supermachine::cli
