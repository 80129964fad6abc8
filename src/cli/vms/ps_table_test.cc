// SPDX-License-Identifier: Apache-2.0
#include "cli/vms/ps_table.h"

#include "cli/table.h"

#include "result_matchers.h"

namespace supermachine::cli {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;

const TimePoint kNow = parse_time("2026-01-02T03:04:05Z").value();

VmEntry entry(VmStatus status) {
  VmEntry entry;
  entry.directory = "/run/x/vms/0123456789ab";
  entry.alive = status != VmStatus::kExited;
  entry.state.id = "0123456789ab" + std::string(52, 'c');
  entry.state.name = "web";
  entry.state.image = "oci-archive:web.tar";
  entry.state.command = {"sh", "-c", "echo a long \x1b[31mcommand"};
  entry.state.ports = {"127.0.0.1:8080->80/tcp", "127.0.0.1:9->9/tcp"};
  entry.state.status = status;
  entry.state.created = kNow - 2h;
  entry.state.started = kNow - 90s;
  entry.state.finished = kNow - 10s;
  entry.state.exit_code = 3;
  return entry;
}

TEST(PsTable, SaysHowLong) {
  for (const auto& [duration, expected] :
       std::vector<std::pair<std::chrono::seconds, std::string>>{{-5s, "less than a second"},
                                                                 {0s, "less than a second"},
                                                                 {1s, "1 second"},
                                                                 {59s, "59 seconds"},
                                                                 {119s, "1 minute"},
                                                                 {3h, "3 hours"},
                                                                 {50h, "2 days"}}) {
    EXPECT_EQ(human_duration(duration), expected);
  }
}

TEST(PsTable, SaysHowItIs) {
  EXPECT_EQ(status_text(entry(VmStatus::kStarting), kNow), "Starting");
  EXPECT_EQ(status_text(entry(VmStatus::kRunning), kNow), "Up 1 minute");
  EXPECT_EQ(status_text(entry(VmStatus::kExited), kNow), "Exited (3) 10 seconds ago");
}

TEST(PsTable, AlignsItsColumns) {
  EXPECT_EQ(
      ps_table({entry(VmStatus::kRunning)}, false, kNow),
      "VM ID          IMAGE                 COMMAND                  CREATED       STATUS        "
      "PORTS                                        NAME\n"
      "0123456789ab   oci-archive:web.tar   \"sh -c echo a long ?…\"   2 hours ago   Up 1 minute   "
      "127.0.0.1:8080->80/tcp, 127.0.0.1:9->9/tcp   web\n");
  EXPECT_EQ(ps_table({}, false, kNow),
            "VM ID   IMAGE   COMMAND   CREATED   STATUS   PORTS   NAME\n");
}

TEST(PsTable, ShowsAllOfIdAndCommandWhereAsked) {
  const std::string table = ps_table({entry(VmStatus::kExited)}, true, kNow);

  EXPECT_THAT(table, HasSubstr("0123456789ab" + std::string(52, 'c') + " "));
  EXPECT_THAT(table, HasSubstr("\"sh -c echo a long ?[31mcommand\""));
  EXPECT_EQ(table.find("8080"), std::string::npos);  // nobody listens any more
}

TEST(PsTable, IsJsonForPrograms) {
  const std::string json = ps_json({entry(VmStatus::kExited)}, kNow);

  EXPECT_THAT(json, HasSubstr("\"status\": \"exited\""));
  EXPECT_THAT(json, HasSubstr("\"exit_code\": 3, \"error\": null"));
  EXPECT_THAT(json, HasSubstr("\"finished\": \"2026-01-02T03:03:55.000000000Z\""));
  EXPECT_THAT(json, HasSubstr("\\u001b[31m"));
  EXPECT_EQ(ps_json({}, kNow), "[]\n");
}

TEST(PsTable, ShowsWhatIsDamaged) {
  VmEntry damaged;
  damaged.directory = "/run/x/vms/0123456789ab";
  damaged.problem = "state.json is damaged: id";

  EXPECT_THAT(ps_table({damaged}, false, kNow), HasSubstr("0123456789ab"));
  EXPECT_THAT(ps_table({damaged}, false, kNow), HasSubstr("Damaged"));
  EXPECT_THAT(ps_json({damaged}, kNow), HasSubstr("\"error\": \"state.json is damaged: id\""));
}

}  // namespace
}  // namespace supermachine::cli
