// SPDX-License-Identifier: Apache-2.0
#include "cli/vms/state.h"

#include "cli/vms/flat_json.h"
#include "result_matchers.h"

namespace supermachine::cli {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

VmState sample() {
  VmState state;
  state.id = std::string(60, '0') + "1a2f";
  state.name = "web";
  state.image = "oci-archive:nginx.tar";
  state.command = {"sh", "-c", "echo \"a\\b\"\n\tcafé \x01"};
  state.env = {"PATH=/bin", "EMPTY="};
  state.workdir = "/srv";
  state.user = "www";
  state.ports = {"127.0.0.1:8080->80/tcp"};
  state.stop_signal = SIGQUIT;
  state.remove = true;
  state.status = VmStatus::kExited;
  state.created = parse_time("2026-01-02T03:04:05.000000006Z").value();
  state.finished = parse_time("2026-01-02T03:04:06Z").value();
  state.pid = 4711;
  state.pid_start = 1234567;
  state.socket = "supermachine-abcdef/vsock";
  state.exit_code = 137;
  state.error = "it ended";
  return state;
}

TEST(FlatJson, ReadsWhatItTakes) {
  SM_ASSERT_OK_AND_ASSIGN(
      const FlatJson json,
      FlatJson::parse(" {\"a\" : \"x\\u00e9\\ud83d\\ude00\\/\\n\", \"n\":-5,\n\"t\": true , "
                      "\"f\":false,\"s\":[ ], \"l\": [\"1\", \"\"] } "));

  EXPECT_EQ(json.string("a"), "xé😀/\n");
  EXPECT_EQ(json.number("n"), -5);
  EXPECT_EQ(json.boolean("t"), true);
  EXPECT_EQ(json.boolean("f"), false);
  EXPECT_EQ(json.strings("s"), std::vector<std::string>());
  EXPECT_THAT(*json.strings("l"), ElementsAre("1", ""));
  EXPECT_EQ(json.string("n"), std::nullopt);
  EXPECT_EQ(json.number("missing"), std::nullopt);
}

TEST(FlatJson, RefusesEverythingElse) {
  for (const char* text : {"",
                           "[]",
                           "{",
                           "{}x",
                           "{\"a\"}",
                           "{\"a\":}",
                           "{\"a\":null}",
                           "{\"a\":{}}",
                           "{\"a\":[1]}",
                           "{\"a\":[[]]}",
                           "{\"a\":1.5}",
                           "{\"a\":1,}",
                           "{\"a\":1 \"b\":2}",
                           "{\"a\":1,\"a\":2}",
                           "{\"a\":\"\\x\"}",
                           "{\"a\":\"\\u12\"}",
                           "{\"a\":\"\\ud800\"}",
                           "{\"a\":\"\\udc00\"}",
                           "{\"a\":\"\\ud800\\u0041\"}",
                           "{\"a\":\"\n\"}",
                           "{\"a\":\"",
                           "{a:1}",
                           "{\"a\":99999999999999999999}",
                           "{\"a\":+1}"}) {
    EXPECT_THAT(FlatJson::parse(text), Fails(Errc::kCorrupt)) << text;
  }
}

TEST(VmTime, IsRfc3339) {
  const TimePoint time(1767323045s + 6ns);

  EXPECT_EQ(format_time(time), "2026-01-02T03:04:05.000000006Z");
  SM_ASSERT_OK_AND_ASSIGN(const TimePoint read, parse_time("2026-01-02T03:04:05.000000006Z"));
  EXPECT_EQ(read, time);
  SM_ASSERT_OK_AND_ASSIGN(const TimePoint short_form, parse_time("2026-01-02T03:04:05.5Z"));
  EXPECT_EQ(format_time(short_form), "2026-01-02T03:04:05.500000000Z");
}

TEST(VmTime, RefusesWhatIsNone) {
  for (const char* text :
       {"", "2026", "2026-01-02T03:04:05", "2026-13-02T03:04:05Z", "2026-01-02 03:04:05Z",
        "2026-01-02T25:04:05Z", "0000-01-02T03:04:05Z", "2026-01-02T03:04:05.Z",
        "2026-01-02T03:04:05.0000000001Z", "9999-01-02T03:04:05Z", "2026-01-02T03:04:05.-1Z"}) {
    EXPECT_THAT(parse_time(text), Fails(Errc::kCorrupt)) << text;
  }
}

TEST(VmState, IsReadAsItWasWritten) {
  SM_ASSERT_OK_AND_ASSIGN(const VmState read, parse_state(state_json(sample())));

  EXPECT_EQ(read, sample());
}

// As versions wrote it that had no stop signal.
TEST(VmState, IsReadWithoutAStopSignal) {
  std::string text = state_json(sample());
  const std::string member = ",\n \"stop_signal\": " + std::to_string(SIGQUIT);
  ASSERT_NE(text.find(member), std::string::npos);
  text.erase(text.find(member), member.size());
  VmState expected = sample();
  expected.stop_signal = SIGTERM;

  SM_ASSERT_OK_AND_ASSIGN(const VmState read, parse_state(text));

  EXPECT_EQ(read, expected);
}

TEST(VmState, IsRefusedWhereverItEnds) {
  const std::string whole = state_json(sample());
  for (std::size_t length = 0; length + 2 < whole.size(); ++length) {
    EXPECT_THAT(parse_state(whole.substr(0, length)), Fails(Errc::kCorrupt)) << length;
  }
}

TEST(VmState, IsRefusedWithValuesThatCannotBe) {
  const auto broken = [](const std::function<void(VmState&)>& damage) {
    VmState state = sample();
    damage(state);
    return parse_state(state_json(state));
  };
  for (const auto& [expected, damage] :
       std::vector<std::pair<std::string, std::function<void(VmState&)>>>{
           {"id", [](VmState& s) { s.id = "../../etc"; }},
           {"id", [](VmState& s) { s.id[0] = 'g'; }},
           {"name", [](VmState& s) { s.name = "-rf"; }},
           {"socket", [](VmState& s) { s.socket = "/etc/passwd"; }},
           {"socket", [](VmState& s) { s.socket = "a/../../x"; }},
           {"pid", [](VmState& s) { s.pid = 0; }},
           {"pid", [](VmState& s) { s.pid = -1; }},
           {"stop_signal", [](VmState& s) { s.stop_signal = 0; }},
           {"exit_code", [](VmState& s) { s.exit_code = 256; }}}) {
    const auto state = broken(damage);
    ASSERT_THAT(state, Fails(Errc::kCorrupt)) << expected;
    EXPECT_THAT(state.error().message(), HasSubstr("damaged: " + expected));
  }
  std::string no_number = state_json(sample());
  const std::string quit = ": " + std::to_string(SIGQUIT);
  no_number.replace(no_number.find(quit), quit.size(), ": \"QUIT\"");
  EXPECT_THAT(parse_state(no_number), FailsSaying(Errc::kCorrupt, "damaged: stop_signal"));
  EXPECT_THAT(parse_state("{\"version\": 2}"), Fails(Errc::kCorrupt));
  EXPECT_THAT(parse_state("{\"version\": 1}"), Fails(Errc::kCorrupt));
  EXPECT_THAT(parse_state(std::string(kMaxStateBytes + 1, ' ')), Fails(Errc::kCorrupt));
}

}  // namespace
}  // namespace supermachine::cli
