# SPDX-License-Identifier: Apache-2.0
# cmake -D HEADER=… -D VERSION=… -D ABI=… -D KERNEL=… -D AGENT=… -D BUSYBOX=… -P: what is known once the assets are.
set(text "// SPDX-License-Identifier: Apache-2.0
// Of one build of supermachine-kernel-x86_64: its version, and how long its assets are.
#pragma once

#define SUPERMACHINE_KERNEL_X86_64_VERSION \"${VERSION}\"
#define SUPERMACHINE_KERNEL_X86_64_ABI ${ABI}
")
foreach(asset KERNEL AGENT BUSYBOX)
  file(SIZE ${${asset}} size)
  string(APPEND text "#define SUPERMACHINE_KERNEL_X86_64_${asset}_LEN ${size}\n")
endforeach()
file(WRITE ${HEADER} "${text}")
