// SPDX-License-Identifier: Apache-2.0
// From a registry to a VM, by the API: images that are pulled, baked and started.
#include "guest.h"
#include "local_registry.h"
#include "snapshot_guest.h"
#include "supermachine/image_builder.h"
#include "supermachine/store.h"

namespace supermachine {
namespace {

class RegistryBake : public SnapshotDirTest {
 protected:
  void SetUp() override {
    SnapshotDirTest::SetUp();
    auto started = LocalRegistry::start();
    ASSERT_THAT(started, IsOk());
    registry_.emplace(std::move(started).value());
  }
  void TearDown() override {
    for (const std::string& reference : pulled_) EXPECT_THAT(remove_pulled(reference), IsOk());
  }

  Result<Image> bake(const std::string& name,
                     const std::function<OciImageBuilder(OciImageBuilder)>& describe) {
    SM_TRY(registry_->push("oci-archive:" + test_images_dir() + "/" + name + ".tar",
                           "test/" + name + ":1"));
    const std::string reference = registry_->host() + "/test/" + name + ":1";
    pulled_.push_back(reference);
    return Image::ensure_baked(name, reference, [&](OciImageBuilder builder) {
      return describe(builder.with_snapshots_dir(path("store")));
    });
  }

 private:
  std::optional<LocalRegistry> registry_;
  std::vector<std::string> pulled_;
};

TEST_F(RegistryBake, StartsWhatWasPulled) {
  SM_ASSERT_OK_AND_ASSIGN(const Image busybox, bake("busybox", [](auto b) { return b; }));
  SM_ASSERT_OK_AND_ASSIGN(Vm vm, busybox.start(VmConfig().with_workload(false)));
  EXPECT_EQ(sh_output(vm, "echo hi"), "hi");

  SM_ASSERT_OK_AND_ASSIGN(const Image python, bake("python", [](auto b) {
                            return b.with_memory_mib(512).with_warmup([](Vm& warming) -> Status {
                              return warming.write_file("/tmp/warm", "yes");
                            });
                          }));
  SM_ASSERT_OK_AND_ASSIGN(Vm snake, python.start(VmConfig().with_workload(false)));
  EXPECT_EQ(sh_output(snake, "cat /tmp/warm; python3 -c 'print(6*7)'"), "yes42");

  SM_ASSERT_OK_AND_ASSIGN(const Image nginx,
                          bake("nginx", [](auto b) { return b.with_listener_required(); }));
  SM_ASSERT_OK_AND_ASSIGN(Vm server, nginx.start());
  EXPECT_THAT(server.connect(), IsOk());

  SM_ASSERT_OK_AND_ASSIGN(const auto bakes, list_bakes({.snapshots_dir = path("store")}));
  ASSERT_EQ(bakes.size(), 4U);  // python's has a base
  EXPECT_EQ(bakes[1].name, "nginx");
  EXPECT_TRUE(bakes[1].runs_workload);
  EXPECT_EQ(bakes[1].guest_port, 80);
}

}  // namespace
}  // namespace supermachine
