// SPDX-License-Identifier: Apache-2.0
// Runs the tests of real guests that are written in C, and the example in Python.
#include "c_api.h"

#include "c_check.h"
#include "snapshot_guest.h"

extern "C" void c_check(int ok, const char* expression, const char* file, int line) {
  if (ok == 0) ADD_FAILURE_AT(file, line) << expression;
}

namespace supermachine {
namespace {

class CApiGuest : public SnapshotDirTest {
 protected:
  [[nodiscard]] const char* directory() const { return dir_->path().c_str(); }
  const std::string busybox_ = "oci-archive:" + test_images_dir() + "/busybox.tar";
};

TEST_F(CApiGuest, RunsCommands) { c_api_runs_commands(busybox_.c_str()); }
TEST_F(CApiGuest, StreamsACommand) { c_api_streams_a_command(busybox_.c_str()); }
TEST_F(CApiGuest, SaysHowAVmEnded) { c_api_says_how_a_vm_ended(busybox_.c_str()); }
TEST_F(CApiGuest, HasPortsAndAWorkload) { c_api_has_ports_and_a_workload(busybox_.c_str()); }
TEST_F(CApiGuest, SnapshotsAndRestores) {
  c_api_snapshots_and_restores(busybox_.c_str(), directory());
}
TEST_F(CApiGuest, Pools) { c_api_pools(busybox_.c_str()); }
TEST_F(CApiGuest, Bakes) { c_api_bakes(busybox_.c_str(), directory()); }
TEST_F(CApiGuest, FailsWithTheWarmUp) {
  c_api_fails_with_the_warm_up(busybox_.c_str(), directory());
}
TEST_F(CApiGuest, ReachesAVmByItsSocket) {
  c_api_reaches_a_vm_by_its_socket(busybox_.c_str(), directory());
}

}  // namespace
}  // namespace supermachine
