// SPDX-License-Identifier: Apache-2.0
// All of the C++ API. From C and other languages: supermachine.h.
#pragma once

#include "supermachine/assets.h"
#include "supermachine/exec.h"
#include "supermachine/host.h"
#include "supermachine/image.h"
#include "supermachine/image_builder.h"
#include "supermachine/pool.h"
#include "supermachine/ports.h"
#include "supermachine/progress.h"
#include "supermachine/pull_policy.h"
#include "supermachine/remote_vm.h"
#include "supermachine/result.h"
#include "supermachine/snapshot.h"
#include "supermachine/store.h"
#include "supermachine/vm.h"
#include "supermachine/vm_config.h"
