# SPDX-License-Identifier: Apache-2.0
# Read by cpack: packages bear the time of the sources, not that of their making (reproducible-builds.org,
# SOURCE_DATE_EPOCH), so the same sources give the same packages.
if(NOT DEFINED ENV{SOURCE_DATE_EPOCH})
  execute_process(COMMAND git -C ${CMAKE_CURRENT_LIST_DIR} log -1 --format=%ct
    OUTPUT_VARIABLE time OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
  if(NOT time MATCHES "^[0-9]+$")
    set(time 1767225600)  # not from git: the first day of the year of version 0.1
  endif()
  set(ENV{SOURCE_DATE_EPOCH} ${time})
endif()
