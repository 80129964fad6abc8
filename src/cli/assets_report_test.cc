// SPDX-License-Identifier: Apache-2.0
#include "cli/assets_report.h"

#include <gmock/gmock.h>

namespace supermachine::cli {
namespace {

using ::testing::HasSubstr;

const std::vector<AssetPlace> kPlaces{
    {.what = "SUPERMACHINE_ASSETS_DIR", .directory = "", .problem = "not set"},
    {.what = "beside the program", .directory = "/opt/bin", .problem = "", .chosen = true},
    {.what = "inside the program", .directory = "", .problem = ""},
};
const std::vector<AssetInfo> kAssets{
    {.name = "kernel",
     .path = "/opt/bin/kernel",
     .bytes = 3 << 20,
     .version = "6.1.1",
     .build = ""},
    {.name = "agent", .path = "", .bytes = 512, .version = "0.1.0", .build = "0123456789abcdef"},
};

TEST(AssetsReport, TellsOfEachPlaceAndAsset) {
  EXPECT_EQ(assets_text(kPlaces, kAssets), R"(PLACE                     DIRECTORY   STATE
SUPERMACHINE_ASSETS_DIR   -           not set
beside the program        /opt/bin    chosen
inside the program        -           usable

ASSET    SIZE        VERSION   BUILD          FROM
kernel   3.0 MiB     6.1.1     -              /opt/bin/kernel
agent    512 bytes   0.1.0     0123456789ab   inside the program
)");
}

TEST(AssetsReport, SaysThatThereAreNone) {
  EXPECT_THAT(assets_text(kPlaces, {}), HasSubstr("\nno kernel and agent: VMs cannot start\n"));
}

TEST(AssetsReport, IsJsonForPrograms) {
  EXPECT_EQ(assets_json({kPlaces[1]}, {kAssets[1]}), R"({"places": [
  {"what": "beside the program", "directory": "/opt/bin", "problem": "", "chosen": true}],
 "assets": [
  {"name": "agent", "path": "", "bytes": 512, "version": "0.1.0", "build": "0123456789abcdef"}]}
)");
}

}  // namespace
}  // namespace supermachine::cli
