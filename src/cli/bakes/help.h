// SPDX-License-Identifier: Apache-2.0
// The help of the verbs that make and keep bakes.
#pragma once

namespace supermachine::cli {

inline constexpr const char* kBakeHelp =
    R"(usage: supermachine bake [OPTIONS] IMAGE [[--] COMMAND [ARGUMENT...]]

Boots IMAGE once and keeps it as a snapshot, from which 'supermachine run' and
'run -d' start in milliseconds. COMMAND replaces the image's entrypoint and cmd,
the workload that 'run -d' starts. A bake that is there is found, not made again,
unless an option or the image has changed. Prints the name of the bake.

IMAGE is what 'run' takes, but no snapshot.

What is captured
      --listener           with the workload running, once it listens on its port;
                           otherwise before it starts
      --port PORT          where the workload listens; default: the lowest port the
                           image exposes, or 80
      --listener-timeout SECONDS  how long it may take to listen; default 7
      --warmup COMMAND     run COMMAND with sh in the VM first, after the workload
                           listens if the image exposes a port; may be repeated
      --warmup-tag TAG     make a warm bake again when TAG changes; default: when
                           the commands do

The guest
  -m, --memory SIZE        MiB, or with k, m or g; default 256
      --vcpus COUNT        processors, 1 to 32; default 1
  -e, --env NAME[=VALUE]   set a variable, for the workload and all commands
      --env-file FILE      the same from a file, one per line
      --file HOST:GUEST    put a file of this host at the absolute path GUEST
      --kernel-arg WORD    one more word for the kernel's command line
      --boot-timeout SECONDS  how long the boot may take; default 30

The bake
      --name NAME          what it is called; default: made from IMAGE
      --pull WHEN          when the registry is asked: missing, which is the
                           default; always; never
      --platform OS/ARCH   the image's platform; linux/amd64, which is the default
      --engine ENGINE      kvm, lab or auto; see 'supermachine run --help'
  -q, --quiet              no progress, only the name
      --json               progress on standard error and the result as JSON, an
                           object a line
  -h, --help               this text

Bakes are in $SUPERMACHINE_SNAPSHOTS_DIR, or ~/.local/supermachine-snapshots.

Examples
  supermachine bake --listener nginx:1.27-alpine
  supermachine bake --name py -m 512 --warmup 'python3 -c "import numpy"' python:3.12
  supermachine run py -- python3 -c 'import numpy'
)";

inline constexpr const char* kImagesHelp =
    R"(usage: supermachine images [OPTIONS]

Lists bakes, and images that were pulled from registries.

  -q, --quiet  names and references only
      --json   the same for programs
  -h, --help   this text
)";

inline constexpr const char* kPruneHelp =
    R"(usage: supermachine prune [OPTIONS]

Frees disk space: removes downloaded blobs that no image needs any more, and
what interrupted downloads left.

  -a, --all             bakes too, and root file systems that no pulled image
                        needs; those are made again when an image is used
      --older-than AGE  bakes that nobody used for so long: 45m, 12h, 30d
  -f, --force           do not ask
  -h, --help            this text
)";

}  // namespace supermachine::cli
