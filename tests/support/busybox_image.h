// SPDX-License-Identifier: Apache-2.0
// An OCI image of busybox alone, with a configuration of the test's own.
#pragma once

#include <string>

#include "base/files.h"
#include "base/json.h"
#include "oci_image.h"
#include "tar_writer.h"

namespace supermachine {

// Writes DIRECTORY/app.tar; the reference to it. `config` is what the image says about running it
// (OCI image-spec, config.md). Users: root, and app (1234:99).
inline std::string write_busybox_image(const std::string& directory, const Json& config) {
  auto tar = TarWriter().directory("bin").directory("etc").directory("proc").directory("sys");
  tar.directory("dev").directory("tmp", 01777).directory("run").directory("home", 0777);
  tar.file("bin/busybox", read_file("/bin/busybox", 16 << 20).value(), 0755);
  tar.symlink("bin/sh", "busybox");
  tar.file("etc/passwd", "root:x:0:0::/root:/bin/sh\napp:x:1234:99::/home/app:/bin/sh\n");
  const std::vector<OciImage::Layer> layers{OciImage::plain(tar)};
  Json whole = OciImage::config(layers);
  whole["config"] = config;
  OciImage image;
  image.set_index({image.add_manifest(layers, whole)});
  image.write_archive(directory + "/app.tar");
  return "oci-archive:" + directory + "/app.tar";
}

}  // namespace supermachine
