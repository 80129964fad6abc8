// SPDX-License-Identifier: Apache-2.0
// Makes what an OciImageBuilder describes: image -> key -> boot -> capture -> warm-up -> capture.
#pragma once

#include <optional>
#include <string>

#include "bake/bake_key.h"
#include "bake/rootfs_files.h"
#include "bake/store.h"
#include "base/progress_report.h"
#include "supermachine/image_builder.h"
#include "supermachine/vm.h"

namespace supermachine {

class Baker {
 public:
  // Everything but work: settings are checked, the image is there, its key is known.
  static Result<Baker> create(const OciImageBuilder& builder);

  // What the bake is known by: its key, with that of its warm-up if there is one.
  [[nodiscard]] std::string key() const;

  // The bake with this key.
  Result<Image> find_or_bake();
  // One of this name, image, kernel and agent, as large as was asked for; nullopt for none.
  [[nodiscard]] std::optional<Image> find_similar() const;

 private:
  Baker(const OciImageBuilder& builder, std::string name, Image image, AssetPaths assets,
        std::string snapshots_dir)
      : how_(builder),
        name_(std::move(name)),
        image_(std::move(image)),
        assets_(std::move(assets)),
        store_(std::move(snapshots_dir)),
        report_(std::make_unique<ProgressReport>(builder.progress_)) {}

  static Result<Image> open_image(const OciImageBuilder& builder);
  Status hold_rootfs();
  Status apply_settings();
  [[nodiscard]] std::optional<Image> stored(const std::string& name, const std::string& key) const;
  [[nodiscard]] Image opened(Image image, const std::string& name) const;
  Result<Image> bake_base(const std::string& name);
  Result<Image> warm_up(const Image& base);
  Status add_extra_files(Vm& vm) const;
  Status wait_for_listener(Vm& vm);
  Result<Image> capture(Vm& vm, const std::string& name, bake::BakeRecord record);

  const OciImageBuilder& how_;
  std::string name_;
  Image image_;                             // as the settings change it; not a snapshot
  std::optional<bake::RootfsHold> rootfs_;  // kept until the bake that needs it is in the store
  AssetPaths assets_;
  bake::Store store_;
  std::unique_ptr<ProgressReport> report_;
  bake::BakeInputs inputs_;
  bake::BakeRecord record_;  // of the bake without warm-up
};

}  // namespace supermachine
