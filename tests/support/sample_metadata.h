// SPDX-License-Identifier: Apache-2.0
// What metadata.json says of a diff snapshot, with nothing left out.
#pragma once

#include "snapshot/metadata.h"

namespace supermachine {

inline SnapshotId sample_id() { return *SnapshotId::parse("000102030405060708090a0b0c0d0e0f"); }

inline SnapshotMetadata sample_metadata() {
  return {.kind = SnapshotMetadata::Kind::kDiff,
          .id = sample_id(),
          .created_unix = 1'790'000'000,
          .memory_mib = 1,
          .vcpus = 2,
          .stored_bytes = 12288,
          .image = {.name = "docker.io/library/nginx:1.27",
                    .digest = "sha256:1234",
                    .env = {"PATH=/bin", "GREETING=good \"day\"\n\xc3\xa4"},
                    .entrypoint = {"/entry", ""},
                    .cmd = {"serve", "--port=80"},
                    .working_dir = "/srv",
                    .user = "www:www",
                    .exposed_ports = {"80/tcp", "53/udp"},
                    .labels = {{"a", "1"}, {"b", ""}}},
          .rootfs = {.path = "/var/cache/rootfs.squashfs", .size_bytes = 2 << 20},
          .base = SnapshotMetadata::Base{.path = "../base",
                                         .id = *SnapshotId::parse(std::string(32, 'a'))},
          .host = {.cpu_vendor = "GenuineIntel",
                   .page_size = 4096,
                   .tsc_khz = 2'400'000,
                   .kvm_capabilities = {145, 208},
                   .guest_kernel = "6.12.30-supermachine #1"},
          .agent = {.features = {"restore", "tty"}, .kernel_arguments = "quiet"},
          .extra = {{"moment", "before workload"}, {"", "empty name"}}};
}

}  // namespace supermachine
