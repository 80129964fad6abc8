// SPDX-License-Identifier: Apache-2.0
#include "supermachine/c/image.h"

#include "capi/call.h"
#include "capi/handles.h"

namespace supermachine::capi {
namespace {

supermachine_string_list label_names_of(const ImageConfig& config) {
  supermachine_string_list names;
  for (const auto& label : config.labels) names.strings.push_back(label.first);
  return names;
}

static_assert(static_cast<int>(Stage::kResolve) == SUPERMACHINE_STAGE_RESOLVE);
static_assert(static_cast<int>(Stage::kDownload) == SUPERMACHINE_STAGE_DOWNLOAD);
static_assert(static_cast<int>(Stage::kUnpack) == SUPERMACHINE_STAGE_UNPACK);
static_assert(static_cast<int>(Stage::kRootfs) == SUPERMACHINE_STAGE_ROOTFS);
static_assert(static_cast<int>(Stage::kBoot) == SUPERMACHINE_STAGE_BOOT);
static_assert(static_cast<int>(Stage::kListener) == SUPERMACHINE_STAGE_LISTENER);
static_assert(static_cast<int>(Stage::kWarmup) == SUPERMACHINE_STAGE_WARMUP);
static_assert(static_cast<int>(Stage::kCapture) == SUPERMACHINE_STAGE_CAPTURE);

}  // namespace

ProgressCallback to_callback(supermachine_progress_fn function, void* user) {
  if (function == nullptr) return {};
  return [function, user](const Progress& progress) {
    const supermachine_progress view{progress};
    function(&view, user);
  };
}

std::optional<PullPolicy> to_pull_policy(supermachine_pull_policy policy) {
  switch (policy) {
    case SUPERMACHINE_PULL_ALWAYS:
      return PullPolicy::kAlways;
    case SUPERMACHINE_PULL_MISSING:
      return PullPolicy::kMissing;
    case SUPERMACHINE_PULL_NEVER:
      return PullPolicy::kNever;
    default:
      return std::nullopt;
  }
}

}  // namespace supermachine::capi

using namespace supermachine;
using namespace supermachine::capi;

supermachine_image_config::supermachine_image_config(ImageConfig of)
    : config(std::move(of)),
      env{config.env},
      entrypoint{config.entrypoint},
      cmd{config.cmd},
      exposed_ports{config.exposed_ports},
      label_names(label_names_of(config)) {}

const char* supermachine_stage_name(supermachine_stage stage) noexcept {
  if (stage < SUPERMACHINE_STAGE_RESOLVE || stage > SUPERMACHINE_STAGE_CAPTURE) return "unknown";
  return stage_name(static_cast<Stage>(stage));
}
supermachine_stage supermachine_progress_stage(const supermachine_progress* progress) noexcept {
  return get(progress, [](auto& p) { return static_cast<supermachine_stage>(p.progress.stage); });
}
const char* supermachine_progress_item(const supermachine_progress* progress) noexcept {
  return get_string(
      progress, [](auto& p) -> auto& { return p.progress.item; });
}
uint64_t supermachine_progress_done(const supermachine_progress* progress) noexcept {
  return get(progress, [](auto& p) { return p.progress.done; });
}
uint64_t supermachine_progress_total(const supermachine_progress* progress) noexcept {
  return get(progress, [](auto& p) { return p.progress.total; });
}
int64_t supermachine_progress_elapsed(const supermachine_progress* progress) noexcept {
  return get(progress, [](auto& p) -> std::int64_t { return p.progress.elapsed.count(); });
}
bool supermachine_progress_finished(const supermachine_progress* progress) noexcept {
  return get(progress, [](auto& p) { return p.progress.finished; });
}
const char* supermachine_progress_note(const supermachine_progress* progress) noexcept {
  return get_string(
      progress, [](auto& p) -> auto& { return p.progress.note; });
}

supermachine_import_options* supermachine_import_options_new() noexcept {
  return new supermachine_import_options();
}
void supermachine_import_options_free(supermachine_import_options* options) noexcept {
  delete options;
}
supermachine_status supermachine_import_options_set_cache_dir(supermachine_import_options* options,
                                                              const char* dir) noexcept {
  return set({{"options", options}, {"dir", dir}}, [&] { options->options.cache_dir = dir; });
}
supermachine_status supermachine_import_options_set_pull_policy(
    supermachine_import_options* options, supermachine_pull_policy policy) noexcept {
  const auto known = to_pull_policy(policy);
  return set({{"options", options}, {"policy", known ? &known : nullptr}},
             [&] { options->options.pull_policy = *known; });
}
supermachine_status supermachine_import_options_set_platform(supermachine_import_options* options,
                                                             const char* platform) noexcept {
  return set({{"options", options}, {"platform", platform}},
             [&] { options->options.platform = platform; });
}
supermachine_status supermachine_import_options_set_progress(supermachine_import_options* options,
                                                             supermachine_progress_fn progress,
                                                             void* user) noexcept {
  return set({{"options", options}},
             [&] { options->options.progress = to_callback(progress, user); });
}

supermachine_status supermachine_image_from_oci(const char* reference,
                                                const supermachine_import_options* options,
                                                supermachine_image** image,
                                                supermachine_error** error) noexcept {
  return give(image, error, {{"reference", reference}}, [&] {
    return Image::from_oci(reference, options == nullptr ? ImportOptions() : options->options);
  });
}
supermachine_status supermachine_image_from_snapshot(const char* path, supermachine_image** image,
                                                     supermachine_error** error) noexcept {
  return give(image, error, {{"path", path}}, [&] { return Image::from_snapshot(path); });
}
void supermachine_image_free(supermachine_image* image) noexcept { delete image; }

bool supermachine_image_is_snapshot(const supermachine_image* image) noexcept {
  return get(image, [](auto& i) { return i.image.is_snapshot(); });
}
const char* supermachine_image_snapshot_directory(const supermachine_image* image) noexcept {
  return get_string(
      image, [](auto& i) -> auto& { return i.snapshot_directory; });
}
bool supermachine_image_runs_workload(const supermachine_image* image) noexcept {
  return get(image, [](auto& i) { return i.image.runs_workload(); });
}
const char* supermachine_image_name(const supermachine_image* image) noexcept {
  return get_string(
      image, [](auto& i) -> auto& { return i.image.name(); });
}
const char* supermachine_image_digest(const supermachine_image* image) noexcept {
  return get_string(
      image, [](auto& i) -> auto& { return i.image.digest(); });
}
const char* supermachine_image_rootfs_path(const supermachine_image* image) noexcept {
  return get_string(
      image, [](auto& i) -> auto& { return i.image.rootfs_path(); });
}

const supermachine_image_config* supermachine_image_get_config(
    const supermachine_image* image) noexcept {
  return get(image, [](auto& i) { return &i.config; });
}
const supermachine_string_list* supermachine_image_config_env(
    const supermachine_image_config* config) noexcept {
  return get(config, [](auto& c) { return &c.env; });
}
const supermachine_string_list* supermachine_image_config_entrypoint(
    const supermachine_image_config* config) noexcept {
  return get(config, [](auto& c) { return &c.entrypoint; });
}
const supermachine_string_list* supermachine_image_config_cmd(
    const supermachine_image_config* config) noexcept {
  return get(config, [](auto& c) { return &c.cmd; });
}
const char* supermachine_image_config_working_dir(
    const supermachine_image_config* config) noexcept {
  return get_string(
      config, [](auto& c) -> auto& { return c.config.working_dir; });
}
const char* supermachine_image_config_user(const supermachine_image_config* config) noexcept {
  return get_string(
      config, [](auto& c) -> auto& { return c.config.user; });
}
const supermachine_string_list* supermachine_image_config_exposed_ports(
    const supermachine_image_config* config) noexcept {
  return get(config, [](auto& c) { return &c.exposed_ports; });
}
const char* supermachine_image_config_stop_signal(
    const supermachine_image_config* config) noexcept {
  return get_string(
      config, [](auto& c) -> auto& { return c.config.stop_signal; });
}
const supermachine_string_list* supermachine_image_config_label_names(
    const supermachine_image_config* config) noexcept {
  return get(config, [](auto& c) { return &c.label_names; });
}
const char* supermachine_image_config_label(const supermachine_image_config* config,
                                            const char* name) noexcept {
  if (config == nullptr || name == nullptr) return nullptr;
  for (const auto& label : config->config.labels) {
    if (label.first == name) return label.second.c_str();
  }
  return nullptr;
}
